"""One press for all tests: opening its typefaces costs most of its time."""

import pytest

from craftkit_async.emulator.documents import Press


@pytest.fixture(scope="session")
def press() -> Press:
    return Press()
