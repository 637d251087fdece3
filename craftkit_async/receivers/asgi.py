"""The receiver for every ASGI framework, and for an ASGI server alone."""

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

from craftkit_async._sansio.webhooks.delivery import read_asgi_headers
from craftkit_async.client import Craftkit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Each framework and each server has types of its own for the three.
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]

_EMPTY = (b"content-length", b"0")


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

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._attend(scope["type"], receive, send)
            return
        if scope["method"] != "POST":
            await send({"type": "http.response.start", "status": 405, "headers": [_EMPTY, (b"allow", b"POST")]})
            await send({"type": "http.response.body"})
            return
        message = await receive()
        if message.get("more_body", False) or "body" not in message:
            body = await _read_on(message, receive, self._inbox.max_body)
            if body is None:
                return
        else:
            body = message["body"]
        taken = self._inbox._take_in(body, scope["headers"], read_asgi_headers)  # noqa: SLF001 - of the same package
        status = 200 if isinstance(taken, tuple) else (await self._inbox._finish(taken)).status  # noqa: SLF001 - so, too
        await send({"type": "http.response.start", "status": status, "headers": [_EMPTY]})
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


async def _read_on(message: Message, receive: Receive, max_body: int) -> bytes | None:
    """Read a body that begins with a message, but nothing after the piece that is too much; None if the sender left."""
    pieces: list[bytes] = []
    left = max_body
    while message["type"] == "http.request":
        pieces.append(message.get("body", b""))
        left -= len(pieces[-1])
        if left < 0 or not message.get("more_body", False):
            return b"".join(pieces)
        message = await receive()
    return None
