"""One press for all tests: opening its typefaces costs most of its time."""

import pytest

from craftkit_async.emulator.documents import PdfPrinter


@pytest.fixture(scope="session")
def press() -> PdfPrinter:
    return PdfPrinter()
