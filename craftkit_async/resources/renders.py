"""Renders: read one, fetch its document, mail it."""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path

from craftkit_async._io.downloads import Downloads, Progress, Source, Terms
from craftkit_async._io.files import check_target
from craftkit_async._io.sender import Sender
from craftkit_async._sansio.calls.arguments import allow, need
from craftkit_async._sansio.calls.call import OMITTED, Omitted, Operation, Retry, TimeoutOption
from craftkit_async._sansio.documents.documents import HasSnapshot, outside_address, read_target
from craftkit_async.models.renders import Render
from craftkit_async.models.shares import EmailedRender
from craftkit_async.resources.resource import Resource

GET_RENDER = Operation("get_render", "GET", "/v1/renders/{id}", Render, about=("id", "id"), needs="status")
_DOWNLOAD = Operation("download_render", "GET", "/v1/renders/{id}/download", bytes)
# An embed route by its path only: it takes the project key, and renders fall back to it.
DOWNLOAD_INLINE = Operation("download_embed_render", "GET", "/v1/embed/renders/{id}/download", bytes)
_EMAIL = Operation("email_render", "POST", "/v1/renders/{id}/email", EmailedRender, retry=Retry.NEVER)


class Renders(Resource):
    """Documents in the making, and done."""

    __slots__ = ("_downloads",)

    def __init__(self, sender: Sender) -> None:
        super().__init__(sender)
        self._downloads = Downloads(sender)

    async def get(self, id: str, *, timeout: TimeoutOption = OMITTED) -> Render:
        """Read a render once."""
        return await self._send(GET_RENDER.call(id=id), timeout)

    async def download(
        self,
        what: str | Render | HasSnapshot,
        path: str | os.PathLike[str],
        *,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> Path:
        """Save the document, whole or not at all.

        `progress` is called with the bytes received and, where it is known, the bytes in all.
        """
        source, terms = _source(what), Terms(max_bytes=max_bytes, progress=progress, timeout=timeout)
        return await self._downloads.save(source, await check_target(path), terms)

    async def read(
        self, what: str | Render | HasSnapshot, *, max_bytes: int | None = None, timeout: TimeoutOption = OMITTED
    ) -> bytes:
        """Read the document into memory."""
        return await self._downloads.read(_source(what), Terms(max_bytes=max_bytes, timeout=timeout))

    def stream(
        self, what: str | Render | HasSnapshot, *, max_bytes: int | None = None, timeout: TimeoutOption = OMITTED
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Hand the document through piece by piece: `async with renders.stream(id) as pieces`."""
        return self._downloads.stream(_source(what), Terms(max_bytes=max_bytes, timeout=timeout))

    async def email(
        self,
        id: str,
        *,
        to: str,
        recipient_name: str | Omitted | None = OMITTED,
        message: str | Omitted | None = OMITTED,
        expires_at: datetime | str | Omitted | None = OMITTED,
        timeout: TimeoutOption = OMITTED,
    ) -> EmailedRender:
        """Mail a link to one recipient; never sent twice by itself, for each time is another mail."""
        need(str, to=to)
        allow(str, recipient_name=recipient_name, message=message)
        allow(datetime, expires_at=expires_at)
        fields = {"to": to, "recipient_name": recipient_name, "message": message, "expires_at": expires_at}
        return await self._send(_EMAIL.call(id=id).with_body(fields), timeout)


def _source(what: str | Render | HasSnapshot) -> Source:
    """Find out where a document is: at its address, or behind the first of the two routes that has it."""
    render = read_target(what)
    routes = (_DOWNLOAD.call(id=render.id), DOWNLOAD_INLINE.call(id=render.id))
    return Source(routes, outside_address(render), render.id)
