"""Compression: bodies that were compressed although no request asks for it."""

import zlib

from craftkit_async.errors import DecodeError

# gzip and zlib, told apart by their first bytes.
_BY_ITS_HEAD = zlib.MAX_WBITS | 32

_KNOWN = frozenset({"gzip", "x-gzip", "deflate"})


def decompress(body: bytes, encoding: str, most: int) -> bytes:
    """Return what a proxy compressed against our wish, up to a limit, or raise `DecodeError`."""
    name = encoding.strip().lower()
    if name in {"", "identity"} or not body:
        return body
    if name not in _KNOWN:
        raise DecodeError(f"the reply is compressed in a way that was not asked for ({name[:20]!r})", "")
    machine = zlib.decompressobj(_BY_ITS_HEAD)
    try:
        plain = machine.decompress(body, most + 1)
    except zlib.error:
        raise DecodeError(f"the reply says that it is {name}, and is not", "") from None
    if len(plain) > most:
        raise DecodeError(f"the reply is larger than Limits.reply_bytes={most}")
    return plain
