"""The codec as it runs where the `speed` extra is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from craftkit_async._sansio.calls import codec, data


@contextmanager
def without_speed() -> Iterator[None]:
    """Take the fast parser and the fast encoder away for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "_fast_dumps", None)
        patch.setattr(codec, "parse_json", codec.slow_loads)
        yield
