"""ASGI: an application is called as a server would call it, without a server."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

import attrs

App = Callable[[Any, Any, Any], Awaitable[None]]
Pairs = Iterable[tuple[bytes, bytes]]


@attrs.define
class Exchange:
    """What an application took of a request, and what it answered."""

    taken: int = 0
    sent: list[MutableMapping[str, Any]] = attrs.field(factory=list)

    @property
    def status(self) -> int:
        """The status of the answer."""
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The headers of the answer."""
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        """The body of the answer."""
        return b"".join(message.get("body", b"") for message in self.sent[1:])


def pairs_of(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Write headers as a server hands them on."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def in_pieces(*pieces: bytes) -> list[dict[str, Any]]:
    """Write a body as a server hands it on, piece by piece."""
    last = len(pieces) - 1
    return [{"type": "http.request", "body": piece, "more_body": number < last} for number, piece in enumerate(pieces)]


async def call(
    app: App,
    messages: Iterable[Mapping[str, Any]],
    headers: Pairs = (),
    *,
    method: str = "POST",
    path: str = "/webhooks/craftkit",
    root_path: str = "",
    kind: str = "http",
) -> Exchange:
    """Send one request, whose body comes as these messages."""
    exchange = Exchange()
    coming = iter(messages)

    async def receive() -> Mapping[str, Any]:
        exchange.taken += 1
        return next(coming)

    async def send(message: MutableMapping[str, Any]) -> None:
        exchange.sent.append(message)

    scope = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": root_path,
        "query_string": b"",
        "headers": list(headers),
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    return exchange


async def live(app: App, meanwhile: Callable[[Mapping[str, Any]], Awaitable[None]]) -> list[str]:
    """Start an application and end it, and return what it said; `meanwhile` runs in between, with the state."""
    said: list[str] = []
    state: dict[str, Any] = {}

    async def receive() -> Mapping[str, Any]:
        if not said:
            return {"type": "lifespan.startup"}
        await meanwhile(state)
        return {"type": "lifespan.shutdown"}

    async def send(message: Mapping[str, Any]) -> None:
        said.append(message["type"])

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}, receive, send)
    return said
