"""FakeTransport: answers from a script instead of the network, and keeps what was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from copy import copy
from typing import Any, Self

import attrs

from craftkit_async._sansio.calls.request import Request
from craftkit_async.errors import ClientStateError, CraftkitError, TransportError

# Small, so that even a short body arrives in several pieces.
_PIECE_BYTES = 1024


@attrs.frozen(kw_only=True)
class FakeReply:
    """One answer: a status, and a body given as JSON or as bytes."""

    status: int = 200
    json: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    after: float = 0.0
    """Seconds until the head of the reply is there."""
    cut_at: int | None = None
    """Break the connection after so many bytes of the body."""

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        if self.body is not None:
            return self.body
        return b"" if self.json is None else json.dumps(self.json).encode()


Scripted = FakeReply | Exception
Script = Callable[[Request], Scripted] | Iterable[Scripted]


class FakeTransport:
    """A transport for tests: `FakeTransport([FakeReply(json=…), …])`, or a function from request to reply.

    An exception given instead of a reply is raised, as a lost connection would be.
    Every request is kept in `requests`; `in_flight` counts replies that were neither read nor given up.
    """

    def __init__(self, script: Script) -> None:
        self.requests: list[Request] = []
        self.in_flight = 0
        self._answer = script if callable(script) else _one_after_another(iter(script))

    async def send(self, request: Request) -> "_Reply":
        """Keep the request and answer it from the script."""
        self.requests.append(request)
        scripted = self._answer(request)
        if isinstance(scripted, FakeReply):
            await asyncio.sleep(scripted.after)
            self.in_flight += 1
            return _Reply(self, scripted)
        # A copy, since a call adds to its error what it knows; the script may use it again.
        raise copy(scripted) if isinstance(scripted, CraftkitError) else scripted

    def bodies(self) -> list[Any]:
        """Return the JSON that was sent, request by request; None where there was no body."""
        return [None if request.body is None else json.loads(request.body) for request in self.requests]


def _one_after_another(replies: Iterator[Scripted]) -> Callable[[Request], Scripted]:
    def answer(request: Request) -> Scripted:
        scripted = next(replies, None)
        if scripted is None:
            # An error of the package's own: it ends the call at once, where an AssertionError would be sent again.
            raise ClientStateError(f"the script has no reply left for {request.method} {request.url}")
        return scripted

    return answer


class _Reply:
    """A reply of the script."""

    def __init__(self, transport: FakeTransport, scripted: FakeReply) -> None:
        self._transport = transport
        self._scripted = scripted
        self._is_done = False
        self.status = scripted.status
        kind = "application/json" if scripted.body is None else "application/pdf"
        length = str(len(scripted.content))
        self.headers: Mapping[str, str] = {"content-type": kind, "content-length": length, **scripted.headers}

    async def read(self) -> bytes:
        """Read the whole body."""
        pieces = self.chunks()
        try:
            return b"".join([piece async for piece in pieces])
        finally:
            await pieces.aclose()

    def chunks(self) -> "_Pieces":
        """Read the body piece by piece."""
        return _Pieces(self, self._scripted)

    def finish(self) -> None:
        """Note that this reply was released."""
        if not self._is_done:
            self._is_done = True
            self._transport.in_flight -= 1


class _Pieces(AsyncIterator[bytes]):
    """The body of a scripted reply, in pieces."""

    def __init__(self, reply: _Reply, scripted: FakeReply) -> None:
        self._reply = reply
        self._cut = scripted.cut_at is not None
        self._rest = scripted.content[: scripted.cut_at]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        # One turn of the loop, as a socket would take, so that a cancellation can happen here.
        await asyncio.sleep(0)
        piece, self._rest = self._rest[:_PIECE_BYTES], self._rest[_PIECE_BYTES:]
        if piece:
            return piece
        self._reply.finish()
        if self._cut:
            raise TransportError("the connection broke")
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Give the reply up."""
        self._reply.finish()
