"""Downloads: fetch documents from the API or from other hosts, and check them on arrival."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from math import inf
from pathlib import Path
from typing import Any, TypeVar

import attrs

from craftkit_async._io.files import write_document
from craftkit_async._io.governor import Governor
from craftkit_async._io.sender import Answer, Sender, check_timeout
from craftkit_async._io.transport import Reply, close_chunks, lowered
from craftkit_async._io.watch import Bounded
from craftkit_async._sansio.calls.arguments import allow
from craftkit_async._sansio.calls.call import OMITTED, Call, Credential, TimeoutOption
from craftkit_async._sansio.documents.documents import (
    MOST_REDIRECTS,
    REDIRECTS,
    Inspection,
    fetch_call,
    inspect,
    next_address,
)
from craftkit_async.errors import (
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    DownloadError,
    ForbiddenError,
    NotFoundError,
    TransportError,
    TransportTimeoutError,
)
from craftkit_async.observe.reports import report_download

Taken = TypeVar("Taken")

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

    async def save(self, source: Source, target: Path, terms: Terms) -> Path:
        """Save a document as a file."""

        async def receive(body: _Body) -> int:
            async with write_document(target) as file:
                return await _drain(body, terms, file.write)

        await self._fetch_whole(source, terms, receive)
        return target

    async def read(self, source: Source, terms: Terms) -> bytes:
        """Read a document into memory."""
        document = bytearray()

        async def take(chunk: bytes) -> None:
            document.extend(chunk)

        async def receive(body: _Body) -> int:
            document.clear()
            return await _drain(body, terms, take)

        await self._fetch_whole(source, terms, receive)
        return bytes(document)

    @asynccontextmanager
    async def stream(self, source: Source, terms: Terms) -> AsyncIterator[AsyncIterator[bytes]]:
        """Hand a document through as it comes; an error in the middle is raised there, nothing is sent again."""
        start = asyncio.get_running_loop().time()

        async def receive(body: _Body) -> _Body:
            return body

        async with self._slot() as governor:
            body = await self._fetch(source, terms, receive)
            try:
                async with aclosing(self._pieces(body, governor, source, start)) as pieces:
                    yield pieces
            finally:
                await close_chunks(body.chunks)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[Governor]:
        """Hold one of `Limits.downloads`; the slot of the request goes back when the head of the document is there."""
        loop = self._api.runtime.check()
        # Kept here: should the client move to another loop, this slot goes back to where it came from.
        governor, total = self._api.runtime.documents, self._settings.retries.total
        if not governor.try_enter():
            await governor.enter(inf if total is None else loop.time() + total, yields=False)
        try:
            yield governor
        finally:
            governor.leave()

    async def _pieces(
        self, body: "_Body", governor: Governor, source: Source, start: float
    ) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        while True:
            try:
                with Bounded(self._api.runtime.watch, loop, body.clock.time_of_silence()):
                    chunk = await _next(body.chunks)
            except TimeoutError:
                if governor.closed:
                    raise ClientStateError("the client was closed while a document came in") from None
                raise TransportTimeoutError(
                    "the rest of the document did not come in time; Timeouts.idle bounds silence, timeout= the whole"
                ) from None
            if chunk is None:
                break
            body.inspection.see(chunk)
            yield chunk
        body.inspection.finish()
        self._note(source, body.inspection.received, start)

    async def _fetch_whole(self, source: Source, terms: Terms, receive: "_Receive[int]") -> None:
        start = asyncio.get_running_loop().time()
        async with self._slot():
            size = await self._fetch(source, terms, receive)
        self._note(source, size, start)

    def _note(self, source: Source, size: int, start: float) -> None:
        elapsed = asyncio.get_running_loop().time() - start
        self._api.runtime.statistics.downloads += 1
        if self._settings.observers:
            report_download(self._settings.observers, source.render_id, size, elapsed)

    async def _fetch(self, source: Source, terms: Terms, receive: "_Receive[Taken]") -> "Taken":
        if source.address is None:
            return await self._from_routes(source.routes, terms, receive)
        return await self._from_address(source.address, terms, receive)

    async def _from_routes(self, routes: Sequence[Call[bytes]], terms: Terms, receive: "_Receive[Taken]") -> "Taken":
        """Try one route after the other; if all refuse, the error of the first is raised."""
        try:
            return await self._from_route(routes[0], terms, receive)
        except NotFoundError:
            for call in routes[1:]:
                with suppress(AuthenticationError, ForbiddenError, NotFoundError):
                    return await self._from_route(call, terms, receive)
            raise

    async def _from_route(self, call: Call[bytes], terms: Terms, receive: "_Receive[Taken]") -> "Taken":
        answer: Answer[Taken] = await self._send(self._api, call, terms, receive)
        return answer.value

    async def _from_address(self, address: str, terms: Terms, receive: "_Receive[Taken]") -> "Taken":
        """Follow redirects by hand; each hop is checked, and decides anew whether the key may go there."""
        for _ in range(1 + MOST_REDIRECTS):
            call = fetch_call(address, self._settings.base_url)
            sender = self._elsewhere if call.operation.credential is Credential.NONE else self._api
            answer = await self._send(sender, call, terms, receive)
            if answer.status not in REDIRECTS:
                taken: Taken = answer.value
                return taken
            address = next_address(address, answer.value)
        raise DownloadError(f"the download was redirected more than {MOST_REDIRECTS} times")

    async def _send(self, sender: Sender, call: Call[bytes], terms: Terms, receive: "_Receive[Any]") -> Answer[Any]:
        idle = self._settings.timeouts.idle
        timeout = None if terms.timeout is OMITTED else check_timeout(terms.timeout)

        async def take_in(reply: Reply, timer: Bounded) -> Any:
            headers, chunks = lowered(reply), reply.chunks()
            try:
                if reply.status not in REDIRECTS:
                    inspection = inspect(headers, terms.max_bytes or self._settings.limits.download_bytes)
                    return await receive(_Body(chunks, inspection, _SilenceClock(timer, silence, timeout)))
            except BaseException:
                await close_chunks(chunks)
                raise
            await close_chunks(chunks)
            return headers

        silence = min(inf if idle is None else idle, inf if timeout is None else timeout)
        return await sender.send(call, timeout=None if silence == inf else silence, receive=take_in)


class _SilenceClock:
    """Moves an attempt's timer along: silence ends the attempt, and so does the caller's own timeout."""

    def __init__(self, timer: Bounded, silence: float, timeout: float | None) -> None:
        self._now = asyncio.get_running_loop().time
        self._timer = timer
        self._silence = silence
        started = (timer.when() or inf) - silence
        self._end = inf if timeout is None else started + timeout

    def end_of_silence(self) -> float | None:
        """Say when the next piece is overdue."""
        end = min(self._now() + self._silence, self._end)
        return None if end == inf else end

    def time_of_silence(self) -> float | None:
        """Say for how long the next piece may be silent."""
        end = self.end_of_silence()
        return None if end is None else end - self._now()

    def restart(self) -> None:
        """Begin the next stretch of silence."""
        self._timer.reschedule(self.end_of_silence())


@attrs.frozen(eq=False)
class _Body:
    """A body that comes in, who watches it, and how long it may be silent."""

    chunks: AsyncIterator[bytes]
    inspection: Inspection
    clock: _SilenceClock


# What becomes of a body; the connection is given up if it fails.
_Receive = Callable[[_Body], Awaitable[Taken]]


async def _drain(body: _Body, terms: Terms, take: Callable[[bytes], Awaitable[None]]) -> int:
    """Take a body in, piece by piece, and say how long it was."""
    inspection = body.inspection
    while (chunk := await _next(body.chunks)) is not None:
        body.clock.restart()
        inspection.see(chunk)
        await take(chunk)
        if terms.progress is not None:
            terms.progress(inspection.received, inspection.announced)
    inspection.finish()
    return inspection.received


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    """Return the next piece of a body, or None after the last; a connection that breaks has cut the document."""
    try:
        return await anext(chunks, None)
    except TransportError as error:
        raise DownloadError(f"the document was cut: {error.message}", is_transient=True) from error
