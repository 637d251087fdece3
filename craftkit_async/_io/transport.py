"""Transport: the one method through which every request leaves."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from craftkit_async._sansio.calls.request import Request
from craftkit_async.errors import CraftkitError, TransportError, TransportTimeoutError


class Reply(Protocol):
    """A reply: its head at once, its body when it is asked for, whole or in chunks."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields; case does not matter."""
        ...

    async def read(self) -> bytes:
        """Read the whole body."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Read the body piece by piece; an `aclose()` of the iterator gives the connection up."""
        ...


class Transport(Protocol):
    """Sends requests.

    It raises `TransportError` when no reply came, with `maybe_sent=False` if the request certainly did not
    reach the service. It neither retries nor follows redirects.
    """

    async def send(self, request: Request) -> Reply:
        """Send a request and return the reply as soon as its head is there."""
        ...


def lowered(reply: Reply) -> dict[str, str]:
    """Return the headers of a reply with their names in lower case."""
    return {name.lower(): value for name, value in reply.headers.items()}


def cut_tracebacks(error: BaseException | None) -> None:
    """Keep what was raised, and drop the frames: their local variables hold headers, and so the key."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        cut_tracebacks(error.__cause__)
        error = error.__context__


class GuardedTransport:
    """A caller's transport; what it raises that is not ours becomes a `TransportError` with its cause."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, request: Request) -> Reply:
        """Send a request."""
        with _OURS_ONLY:
            return _GuardedReply(await self._transport.send(request))


class _GuardedReply:
    """A reply of a caller's transport."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    @property
    def status(self) -> int:
        return self._reply.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._reply.headers

    async def read(self) -> bytes:
        with _OURS_ONLY:
            return await self._reply.read()

    def chunks(self) -> AsyncIterator[bytes]:
        return _GuardedChunks(self._reply.chunks())


class _GuardedChunks(AsyncIterator[bytes]):
    """The pieces of a reply of a caller's transport."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    async def __anext__(self) -> bytes:
        with _OURS_ONLY:
            return await anext(self._chunks)

    async def aclose(self) -> None:
        await close_chunks(self._chunks)


async def close_chunks(chunks: AsyncIterator[bytes]) -> None:
    """Give a connection up, where the transport has one."""
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()


class _OursOnly:
    """A context that lets no foreign exception through."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, CraftkitError | StopAsyncIteration):
            failed = TransportTimeoutError if isinstance(error, TimeoutError) else TransportError
            cut_tracebacks(error)
            raise failed(f"the transport failed with {type(error).__name__}") from error


_OURS_ONLY = _OursOnly()
