"""Pictures: which bytes the typesetter can draw, and those that came inside the data."""

import base64
import binascii

from craftkit_async.emulator.documents.binding import INLINE_IMAGE

# The first bytes of what can be drawn. PDF files could be as well, and are left out: they may hold anything.
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg", b"GIF87a": "gif", b"GIF89a": "gif"}
# An SVG file may open with a byte order mark, a declaration and comments before its element.
_SVG_SEARCHED = 1_000
_WEBP_HEADER = 12


def recognise(content: bytes) -> str | None:
    """Name a picture's format by its first bytes, whatever its address or its sender says."""
    for signature, name in _SIGNATURES.items():
        if content.startswith(signature):
            return name
    if content[:4] == b"RIFF" and content[8:_WEBP_HEADER] == b"WEBP":
        return "webp"
    start = content[:_SVG_SEARCHED].lstrip(b"\xef\xbb\xbf \t\r\n")
    return "svg" if start.startswith(b"<") and b"<svg" in start else None


def read_inline(value: str) -> bytes | None:
    """Decode a picture that a text value carries; None where it carries none."""
    found = INLINE_IMAGE.match(value)
    if found is None:
        return None
    try:
        return base64.b64decode(value[found.end() :].strip(), validate=True)
    except (binascii.Error, ValueError):  # ValueError: letters outside ASCII
        return None
