"""Downloads: documents from wherever they lie, checked on their way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import Any

import attrs

from craftkit_async._io.files import place_document
from craftkit_async._io.sender import Answer, Sender, check_timeout
from craftkit_async._io.transport import Reply, close_chunks, lowered
from craftkit_async._sansio.arguments import allow
from craftkit_async._sansio.call import OMITTED, Call, Credential, TimeoutOption
from craftkit_async._sansio.documents import MOST_REDIRECTS, REDIRECTS, Inspection, fetch_call, inspect, next_address
from craftkit_async.errors import (
    ConfigurationError,
    DownloadError,
    NotFoundError,
    TransportError,
    TransportTimeoutError,
)
from craftkit_async.observe._reports import report_download

Progress = Callable[[int, int | None], None]


@attrs.frozen(eq=False, repr=False)
class Source:
    """Where a document may be: at an address, or else behind the first of these routes that has it."""

    routes: Sequence[Call[bytes]]
    address: str | None = attrs.field(default=None, repr=False)
    render_id: str | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Terms:
    """What one download may take."""

    max_bytes: int | None = None
    progress: Progress | None = None
    timeout: TimeoutOption = OMITTED

    def __attrs_post_init__(self) -> None:
        most = self.max_bytes
        allow(int, max_bytes=most)
        if most is not None and most < 1:
            raise ConfigurationError(f"max_bytes takes a whole number from 1 up, not {most!r}")


class Downloads:
    """Fetches documents for one client, with its key where the key may go."""

    def __init__(self, api: Sender) -> None:
        self._api = api
        self._settings = api.runtime.settings
        self._elsewhere = Sender(api.runtime, api.runtime.elsewhere, lambda: "")

    async def save(self, source: Source, place: Path, terms: Terms) -> Path:
        """Save a document as a file."""

        async def receive(reply: Reply, clock: _SilenceClock) -> int:
            async with place_document(place) as file:
                return await self._drain(reply, clock, terms, file.write)

        await self._fetch(source, terms, receive)
        return place

    async def read(self, source: Source, terms: Terms) -> bytes:
        """Read a document into memory."""
        body = bytearray()

        async def take(chunk: bytes) -> None:
            body.extend(chunk)

        async def receive(reply: Reply, clock: _SilenceClock) -> int:
            body.clear()
            return await self._drain(reply, clock, terms, take)

        await self._fetch(source, terms, receive)
        return bytes(body)

    @asynccontextmanager
    async def stream(self, source: Source, terms: Terms) -> AsyncIterator[AsyncIterator[bytes]]:
        """Hand a document through as it comes; an error in the middle is raised there, nothing is sent again."""
        opened: list[tuple[Reply, Inspection]] = []

        async def receive(reply: Reply, _: _SilenceClock) -> int:
            opened.append((reply, self._inspect(reply, terms)))
            return 0

        await self._fetch(source, terms, receive)
        reply, inspection = opened[-1]
        chunks = reply.chunks()
        try:
            yield _checked(chunks, inspection, self._settings.timeouts.idle)
        finally:
            await close_chunks(chunks)

    async def _fetch(self, source: Source, terms: Terms, receive: "_Receive") -> None:
        start = asyncio.get_running_loop().time()
        if source.address is None:
            size = await self._from_routes(source.routes, terms, receive)
        else:
            size = await self._from_address(source.address, terms, receive)
        self._api.runtime.statistics.downloads += 1
        elapsed = asyncio.get_running_loop().time() - start
        if self._settings.observers:
            report_download(self._settings.observers, source.render_id, size, elapsed)

    async def _from_routes(self, routes: Sequence[Call[bytes]], terms: Terms, receive: "_Receive") -> int:
        """Ask one route after the other; if none has it, the first one's error is the one to tell."""
        first: NotFoundError | None = None
        for call in routes:
            try:
                answer = await self._send(self._api, call, terms, receive)
            except NotFoundError as error:
                first = first or error
            else:
                return int(answer.value)
        raise first or DownloadError("there is nowhere to download from")

    async def _from_address(self, address: str, terms: Terms, receive: "_Receive") -> int:
        """Follow redirects by hand; each hop is checked, and decides anew whether the key may go there."""
        for _ in range(1 + MOST_REDIRECTS):
            call = fetch_call(address, self._settings.base_url)
            sender = self._elsewhere if call.operation.credential is Credential.NONE else self._api
            answer = await self._send(sender, call, terms, receive)
            if answer.status not in REDIRECTS:
                return int(answer.value)
            address = next_address(address, answer.value)
        raise DownloadError(f"the download was redirected more than {MOST_REDIRECTS} times")

    async def _send(self, sender: Sender, call: Call[bytes], terms: Terms, receive: "_Receive") -> Answer[Any]:
        idle = self._settings.timeouts.idle
        timeout = None if terms.timeout is OMITTED else check_timeout(terms.timeout)

        async def take_in(reply: Reply, timer: asyncio.Timeout) -> Any:
            if reply.status in REDIRECTS:
                await close_chunks(reply.chunks())
                return lowered(reply)
            return await receive(reply, _SilenceClock(timer, silence, timeout))

        silence = min(inf if idle is None else idle, inf if timeout is None else timeout)
        return await sender.send(call, timeout=None if silence == inf else silence, receive=take_in)

    async def _drain(
        self, reply: Reply, clock: "_SilenceClock", terms: Terms, take: Callable[[bytes], Awaitable[None]]
    ) -> int:
        """Take a body in, piece by piece, and say how long it was."""
        inspection = self._inspect(reply, terms)
        chunks = reply.chunks()
        try:
            while (chunk := await _next(chunks)) is not None:
                clock.restart()
                inspection.see(chunk)
                await take(chunk)
                if terms.progress is not None:
                    terms.progress(inspection.received, inspection.announced)
        finally:
            await close_chunks(chunks)
        inspection.finish()
        return inspection.received

    def _inspect(self, reply: Reply, terms: Terms) -> Inspection:
        return inspect(lowered(reply), terms.max_bytes or self._settings.limits.download_bytes)


class _SilenceClock:
    """Moves an attempt's timer along: silence ends the attempt, and so does the caller's own timeout."""

    def __init__(self, timer: asyncio.Timeout, silence: float, timeout: float | None) -> None:
        self._now = asyncio.get_running_loop().time
        self._timer = timer
        self._silence = silence
        started = (timer.when() or inf) - silence
        self._end = inf if timeout is None else started + timeout

    def restart(self) -> None:
        """Begin the next stretch of silence."""
        end = min(self._now() + self._silence, self._end)
        self._timer.reschedule(None if end == inf else end)


_Receive = Callable[[Reply, _SilenceClock], Awaitable[int]]


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    """Return the next piece of a body, or None after the last; a connection that breaks has cut the document."""
    try:
        return await anext(chunks, None)
    except TransportError as error:
        raise DownloadError(f"the document was cut: {error.message}", is_transient=True) from error


async def _checked(chunks: AsyncIterator[bytes], inspection: Inspection, idle: float | None) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(idle):
                chunk = await _next(chunks)
        except TimeoutError:
            raise TransportTimeoutError(f"the document stopped coming for {idle:g} s (Timeouts.idle)") from None
        if chunk is None:
            break
        inspection.see(chunk)
        yield chunk
    inspection.finish()
