"""Images: detect the formats that the compiler can draw, and decode images inlined in the data."""

import base64
import binascii
import struct

from craftkit_async.emulator.documents.binding import INLINE_IMAGE

# The first bytes of the supported formats. SVG and PDF are excluded although the compiler supports them: a file of a
# few kilobytes can nest so deep that the compiler overflows its stack, which aborts the process.
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg", b"GIF87a": "gif", b"GIF89a": "gif"}
_WEBP_HEADER = 12
# The position of width and height. Both formats compress any number of pixels of one colour into a small file.
_SIZES = {"png": struct.Struct(">16xII"), "gif": struct.Struct("<6xHH")}
# More than cameras produce; drawing that many takes a few hundred megabytes of memory.
MAX_PIXELS = 100_000_000


def detect_format(content: bytes) -> str | None:
    """Detect the format of an image from its bytes; None if it cannot be drawn or is too large."""
    image_format = _detect_signature(content)
    size = _SIZES.get(image_format or "")
    if size is None:
        return image_format
    width, height = size.unpack_from(content.ljust(size.size, b"\xff"))  # a truncated header reads as too large
    return image_format if width * height <= MAX_PIXELS else None


def _detect_signature(content: bytes) -> str | None:
    for signature, name in _SIGNATURES.items():
        if content.startswith(signature):
            return name
    return "webp" if content[:4] == b"RIFF" and content[8:_WEBP_HEADER] == b"WEBP" else None


def read_inline(value: str) -> bytes | None:
    """Decode the image in a `data:` URL; None if the value is not one."""
    found = INLINE_IMAGE.match(value)
    if found is None:
        return None
    try:
        return base64.b64decode(value[found.end() :].strip(), validate=True)
    except (binascii.Error, ValueError):  # ValueError: letters outside ASCII
        return None
