"""From a render to its PDF, off the event loop: images fetched, the document pressed in a bounded pool."""

import asyncio
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

import aiohttp
from attrs import evolve

from craftkit_async.emulator.documents import Document, Press, image_urls

PRESSES: Final = max(2, os.cpu_count() or 2)  # the compiler uses one core each
_MAX_IMAGES: Final = 64  # of one document
_MAX_IMAGE: Final = 10 * 2**20  # bytes, the published limit of an upload
_PATIENCE: Final = 10.0  # seconds for one image; a render must not hang on a dead host


class Pressroom:
    """Presses documents, a few at a time."""

    def __init__(self, font_path: str | None) -> None:
        self._press = Press(font_path)
        self._pool = ThreadPoolExecutor(PRESSES, "craftkit-press")
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE))

    async def press(self, document: Document) -> bytes:
        """Make one PDF, with the images that the data names."""
        images = await self._fetch(image_urls(document.manifest, document.data))
        complete = evolve(document, images=images)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._press.press, complete)

    async def close(self) -> None:
        """Let the presses finish and go home."""
        await self._session.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _fetch(self, urls: Iterable[str]) -> dict[str, bytes]:
        images: dict[str, bytes] = {}
        for url in islice(urls, _MAX_IMAGES):
            if body := await self._fetch_one(url):
                images[url] = body
        return images

    async def _fetch_one(self, url: str) -> bytes | None:
        try:
            async with self._session.get(url) as reply:
                body = await reply.content.read(_MAX_IMAGE + 1)
                while len(body) <= _MAX_IMAGE and (more := await reply.content.read(_MAX_IMAGE)):
                    body += more
                return body if reply.ok and len(body) <= _MAX_IMAGE else None
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
            return None  # the document shows the gap
