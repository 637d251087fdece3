"""Find one part of a multipart body."""

import asyncio
from typing import Final

import aiohttp
from aiohttp import BodyPartReader
from aiohttp.base_protocol import BaseProtocol
from attrs import frozen
from multidict import CIMultiDict

from craftkit_async.emulator.http.answers import Refusal

_MAX_PARTS: Final = 100  # an upload has one; bounds the work for a hostile body


@frozen
class Part:
    """An uploaded file."""

    content_type: str
    body: bytes


async def find_part(content_type: str, body: bytes, name: str) -> Part:
    """Return the part with this name; raises `Refusal` if it is missing or the body is invalid."""
    try:
        part = await _read_part(content_type, body, name)
    except (ValueError, RuntimeError, AssertionError, aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError):
        raise Refusal(400, "invalid_multipart", "The body is not a multipart form.") from None
    if part is None:
        raise Refusal(400, "missing_file", f"The form has no part named {name!r}.")
    return part


async def _read_part(content_type: str, body: bytes, name: str) -> Part | None:
    loop = asyncio.get_running_loop()
    stream = aiohttp.StreamReader(BaseProtocol(loop), limit=len(body) + 1, loop=loop)
    stream.feed_data(body)
    stream.feed_eof()
    reader = aiohttp.MultipartReader(CIMultiDict({"Content-Type": content_type}), stream)
    for _ in range(_MAX_PARTS):
        part = await reader.next()
        if part is None:
            return None
        if isinstance(part, BodyPartReader) and part.name == name:
            return Part(part.headers.get("Content-Type", "application/octet-stream"), await part.read(decode=True))
    return None
