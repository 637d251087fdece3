"""One typesetter for all tests: loading its fonts is its largest cost."""

import pytest

from craftkit_async.emulator.documents import Typesetter


@pytest.fixture(scope="session")
def typesetter() -> Typesetter:
    return Typesetter()
