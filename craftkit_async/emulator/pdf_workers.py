"""From a render to its PDF, off the event loop: images fetched, the document pressed in a bounded pool."""

import asyncio
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Final

import aiohttp
from attrs import evolve

from craftkit_async.emulator.documents import Document, PdfPrinter, image_urls

PRESSES: Final = max(2, os.cpu_count() or 2)  # the compiler uses one core each
MAX_IMAGES: Final = 64  # of one document
MAX_IMAGE: Final = 10 * 2**20  # bytes, the published limit of an upload
MAX_ALBUM: Final = 64 * 2**20  # bytes of all images of one document
_SHUTDOWN_SECONDS: Final = 10.0  # seconds for all images of one document; a render must not hang on a dead host
_AT_ONCE: Final = 8  # images fetched at the same time


class PdfWorkers:
    """Presses documents, a few at a time."""

    def __init__(self, font_path: str | None, timeout: float = _SHUTDOWN_SECONDS) -> None:
        self._press = PdfPrinter(font_path)
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(PRESSES, "craftkit-press")
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE))

    async def press(self, document: Document) -> bytes:
        """Make one PDF, with the images that the data names; one that does not come leaves its address."""
        images = await self.fetch(image_urls(document.manifest, document.data))
        complete = evolve(document, images=images)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._press.press, complete)

    async def close(self) -> None:
        """Let the presses finish and go home."""
        await self._session.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def fetch(self, urls: Iterable[str]) -> dict[str, bytes]:
        """Fetch images, bounded in number, size and time; whatever came by then is used."""
        images: dict[str, bytes] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout), asyncio.TaskGroup() as group:
                for url in islice(urls, MAX_IMAGES):
                    group.create_task(self._add(images, url))
        return images

    async def _add(self, images: dict[str, bytes], url: str) -> None:
        with suppress(aiohttp.ClientError, TimeoutError, ValueError, OSError):
            async with self._session.get(url) as reply:
                reply.raise_for_status()
                body = await _read(reply.content)
            if len(body) <= MAX_IMAGE and sum(map(len, images.values())) + len(body) <= MAX_ALBUM:
                images[url] = body


async def _read(content: aiohttp.StreamReader) -> bytes:
    """Read an image; of a larger one, just enough to see that it is."""
    body = bytearray()
    while len(body) <= MAX_IMAGE and (piece := await content.readany()):
        body += piece
    return bytes(body)
