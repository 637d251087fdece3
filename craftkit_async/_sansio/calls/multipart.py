"""Multipart: one file as a form, which is all that the API ever takes as one."""

import hashlib
import re

from craftkit_async.errors import ConfigurationError

# 160 bits, and with the prefix below the 70 characters that RFC 2046 allows.
_BOUNDARY_DIGITS = 40

_ONE_LINE = re.compile(r"[^\r\n\0\ud800-\udfff]+")


def encode_file(name: str, content: bytes, filename: str, content_type: str) -> tuple[bytes, str]:
    """Return the body and its content type; the boundary follows from the content, so it is not in it."""
    for part in (filename, content_type):
        if not _ONE_LINE.fullmatch(part):
            raise ConfigurationError("filename and content_type take one line of text each")
    boundary = f"craftkit-{hashlib.sha256(content).hexdigest()[:_BOUNDARY_DIGITS]}"
    quoted = filename.replace("%", "%25").replace('"', "%22")
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{name}"; filename="{quoted}"\r\n'
        f"Content-Type: {content_type}\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
