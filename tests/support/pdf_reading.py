"""What a reader finds in a PDF file."""

import contextlib
import io
from typing import Any

import pypdf
import pypdfium2  # type: ignore[import-untyped] # it ships no types
from PIL import Image


def read_text(content: bytes) -> list[str]:
    """Read each page's text, with single blanks between words."""
    return [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(content)).pages]


def read_letters(content: bytes) -> str:
    """Read all pages without any blanks: for words that were broken."""
    return "".join("".join(page.split()) for page in read_text(content))


def read_in_order(content: bytes) -> str:
    """Read the first page as pdfium does, which puts right-to-left words in reading order."""
    with _open(content) as document:
        return " ".join(document[0].get_textpage().get_text_range().split())


def render(content: bytes) -> Image.Image:
    """Make a picture of the first page, a pixel for every point."""
    with _open(content) as document:
        picture: Image.Image = document[0].render(scale=1).to_pil().convert("RGB")
        return picture


def _open(content: bytes) -> Any:
    return contextlib.closing(pypdfium2.PdfDocument(content))
