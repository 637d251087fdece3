"""Pictures: which bytes the typesetter can draw, and those that came inside the data."""

import base64
import binascii
import struct

from craftkit_async.emulator.documents.binding import INLINE_IMAGE

# The first bytes of what is drawn. SVG and PDF files could be too, and are left out: a drawing of a few kilobytes can
# nest so deep that the typesetter overruns its stack, which ends the whole process.
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg", b"GIF87a": "gif", b"GIF89a": "gif"}
_WEBP_HEADER = 12
# Where these two keep their width and height. Either packs any number of pixels of one colour into a small file.
_SIZES = {"png": struct.Struct(">16xII"), "gif": struct.Struct("<6xHH")}
# More than any camera takes; drawn, it needs a few hundred megabytes of memory.
MOST_PIXELS = 100_000_000


def recognise(content: bytes) -> str | None:
    """Name the format of a picture that can be drawn, by its bytes, whatever its address or its sender says."""
    kind = _recognise(content)
    size = _SIZES.get(kind or "")
    if size is None:
        return kind
    width, height = size.unpack_from(content.ljust(size.size, b"\xff"))  # a file cut this early is refused as too large
    return kind if width * height <= MOST_PIXELS else None


def _recognise(content: bytes) -> str | None:
    for signature, name in _SIGNATURES.items():
        if content.startswith(signature):
            return name
    return "webp" if content[:4] == b"RIFF" and content[8:_WEBP_HEADER] == b"WEBP" else None


def read_inline(value: str) -> bytes | None:
    """Decode a picture that a text value carries; None where it carries none."""
    found = INLINE_IMAGE.match(value)
    if found is None:
        return None
    try:
        return base64.b64decode(value[found.end() :].strip(), validate=True)
    except (binascii.Error, ValueError):  # ValueError: letters outside ASCII
        return None
