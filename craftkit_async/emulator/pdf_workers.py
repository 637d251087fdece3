"""Compile documents to PDF off the event loop: fetch their images, then compile in a bounded thread pool."""

import asyncio
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Final

import aiohttp
from attrs import evolve

from craftkit_async.emulator.documents import Document, Typesetter, image_urls

COMPILERS: Final = max(2, os.cpu_count() or 2)  # the compiler uses one core each
MAX_IMAGES: Final = 64  # in one document
MAX_IMAGE: Final = 10 * 2**20  # bytes, the published limit of an upload
MAX_IMAGE_TOTAL: Final = 64 * 2**20  # bytes of all images of one document
_FETCH_TIMEOUT: Final = 10.0  # seconds for all images of one document; a render must not hang on a dead host
_MAX_CONNECTIONS: Final = 8  # images fetched concurrently


class PdfWorkers:
    """Compiles documents, a bounded number at a time."""

    def __init__(self, font_path: str | None, fetch_timeout: float = _FETCH_TIMEOUT) -> None:
        self._typesetter = Typesetter(font_path)
        self._fetch_timeout = fetch_timeout
        self._pool = ThreadPoolExecutor(COMPILERS, "craftkit-pdf")
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_MAX_CONNECTIONS))

    async def compile(self, document: Document) -> bytes:
        """Compile one PDF with the images that the data names; an image that cannot be fetched is shown as its URL."""
        images = await self.fetch(image_urls(document.manifest, document.data))
        complete = evolve(document, images=images)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._typesetter.compile, complete)

    async def close(self) -> None:
        """Wait for running compilations, drop queued ones, and close the connections."""
        await self._session.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def fetch(self, urls: Iterable[str]) -> dict[str, bytes]:
        """Fetch images, bounded in number, size and time; return those that arrived in time."""
        images: dict[str, bytes] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(self._fetch_timeout), asyncio.TaskGroup() as group:
                for url in islice(urls, MAX_IMAGES):
                    group.create_task(self._fetch_into(images, url))
        return images

    async def _fetch_into(self, images: dict[str, bytes], url: str) -> None:
        with suppress(aiohttp.ClientError, TimeoutError, ValueError, OSError):
            async with self._session.get(url) as reply:
                reply.raise_for_status()
                body = await _read_image(reply.content)
            if len(body) <= MAX_IMAGE and sum(map(len, images.values())) + len(body) <= MAX_IMAGE_TOTAL:
                images[url] = body


async def _read_image(content: aiohttp.StreamReader) -> bytes:
    """Read an image; stop soon after it exceeds the limit."""
    body = bytearray()
    while len(body) <= MAX_IMAGE and (piece := await content.readany()):
        body += piece
    return bytes(body)
