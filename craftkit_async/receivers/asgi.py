"""The receiver for every ASGI framework, and for an ASGI server alone."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

from craftkit_async.client import Craftkit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Each framework and each server has types of its own for the three.
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


def webhook_app(craftkit: Craftkit) -> AsgiApp:
    """Return an app that takes in deliveries, at whatever path it is mounted.

    Served alone, it opens the client with the server and closes it again, unless somebody else opened it.
    """
    craftkit.inbox.check()
    return _WebhookApp(craftkit)


class _WebhookApp:
    # Routers take a function for a view of their own framework, and an object for an app.

    def __init__(self, craftkit: Craftkit) -> None:
        self._craftkit = craftkit
        self._inbox = craftkit.inbox
        self._max_body = craftkit.inbox.max_body

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._attend(scope["type"], receive, send)
            return
        headers = [(b"content-length", b"0")]
        if scope["method"] != "POST":
            status = 405
            headers.append((b"allow", b"POST"))
        elif _announced(scope["headers"]) > self._max_body:
            status = 413
        elif (body := await _read(receive, self._max_body)) is not None:
            status = (await self._inbox.receive(body, scope["headers"])).status
        else:
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body"})

    async def _attend(self, kind: str, receive: Receive, send: Send) -> None:
        if kind != "lifespan":
            await receive()
            await send({"type": "websocket.close"})
            return
        async with AsyncExitStack() as stack:
            await receive()
            if not self._craftkit._runtime.is_open:  # noqa: SLF001 - of the same package
                await stack.enter_async_context(self._craftkit)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def _announced(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Return the length that a request says it has, as far as that can be believed."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            # Twenty digits are too much for every limit, and more than some thousand are too much for `int`.
            return int(value[:20])
    return 0


async def _read(receive: Receive, max_body: int) -> bytes | None:
    """Read the body, but nothing after the piece that is too much; None if the sender went away."""
    message = await receive()
    pieces = [message.get("body", b"")]
    left = max_body - len(pieces[0])
    while left >= 0 and message.get("more_body", False):
        message = await receive()
        pieces.append(message.get("body", b""))
        left -= len(pieces[-1])
    return None if message["type"] == "http.disconnect" else b"".join(pieces)
