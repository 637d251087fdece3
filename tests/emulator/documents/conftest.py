"""One press for all tests: opening its typefaces costs most of its time."""

import pytest

from craftkit_async.emulator.documents import Typesetter


@pytest.fixture(scope="session")
def typesetter() -> Typesetter:
    return Typesetter()
