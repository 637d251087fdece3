"""Options: how a batch runs, checked before anything happens."""

import os
import re
from pathlib import Path
from typing import Any, Literal

import attrs

from craftkit_async._sansio.calls.arguments import allow, need
from craftkit_async.errors import ConfigurationError
from craftkit_async.waiting.session import check_wait

OnChanged = Literal["error", "render", "keep"]

_CHANGED = ("error", "render", "keep")

# With 60 characters of the template, the digest and two colons, a key stays below 200.
_NAMESPACE = re.compile(r"[!-~]{1,90}")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class BatchOptions:
    """How a batch runs."""

    concurrency: int
    ordered: bool
    journal: Path | None
    namespace: str | None
    retry_failed: bool
    on_changed: OnChanged
    timeout: float | None
    download_to: Path | None


def read_options(
    *,
    concurrency: int | None,
    ordered: bool,
    journal: str | os.PathLike[str] | None,
    namespace: str | None,
    retry_failed: bool,
    on_changed: OnChanged,
    timeout: float | None,
    download_to: str | os.PathLike[str] | None,
    open_renders: int,
) -> BatchOptions:
    """Check the arguments of `render_many`; what is omitted follows from the limits."""
    allow(int, concurrency=concurrency)
    allow(str, namespace=namespace)
    need(bool, ordered=ordered, retry_failed=retry_failed)
    if concurrency is not None and concurrency < 1:
        raise ConfigurationError(f"concurrency takes a whole number from 1 up, not {concurrency!r}")
    if namespace is not None and not _NAMESPACE.fullmatch(namespace):
        raise ConfigurationError("namespace takes 1 to 90 visible ASCII characters without blanks")
    if on_changed not in _CHANGED:
        raise ConfigurationError(f"on_changed takes one of {', '.join(_CHANGED)}, not {on_changed!r}")
    return BatchOptions(
        concurrency=open_renders if concurrency is None else concurrency,
        ordered=ordered,
        journal=_path("journal", journal),
        namespace=namespace,
        retry_failed=retry_failed,
        on_changed=on_changed,
        timeout=check_wait(timeout),
        download_to=_path("download_to", download_to),
    )


def _path(name: str, value: Any) -> Path | None:
    if value is None:
        return None
    if not isinstance(value, str | os.PathLike) or not os.fspath(value) or "\0" in os.fspath(value):
        raise ConfigurationError(f"{name} takes a path, as text or as a Path")
    return Path(value)
