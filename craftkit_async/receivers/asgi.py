"""The receiver for every ASGI framework, and for an ASGI server alone."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from craftkit_async._io.watch import Watch, Watched
from craftkit_async._sansio.webhooks.delivery import read_asgi_headers
from craftkit_async.client import Craftkit
from craftkit_async.receivers.paths import BODY_SECONDS, check_receiver, matcher_of

__all__ = ["webhook_app"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Each framework and each server has types of its own for the three.
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]

_EMPTY = (b"content-length", b"0")


def webhook_app(craftkit: Craftkit, *, path: str | None = None) -> AsgiApp:
    """Return an app that takes in deliveries, at whatever path it is mounted, or at `path` alone.

    A `{project}` segment in `path` narrows the secrets that are tried to those of one project. Served alone, the app
    opens the client with the server and closes it again, unless it is open already.
    """
    check_receiver(craftkit, path)
    return WebhookApp(craftkit, path)


class WebhookApp:
    """The app: an object, since routers take a function for a view of their own framework."""

    def __init__(self, craftkit: Craftkit, path: str | None) -> None:
        self._craftkit = craftkit
        self._inbox = craftkit.inbox
        self._match = None if path is None else matcher_of(path)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watch = Watch(BODY_SECONDS)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._attend(scope["type"], receive, send)
            return
        if self._match is None:
            # A router that mounts the app may have found the project.
            await self.take(scope.get("path_params", {}).get("project"), scope, receive, send)
        elif found := self._match(path_of(scope)):
            await self.take(found[0], scope, receive, send)
        else:
            await _answer(send, 404)

    async def take(self, project: str | None, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":
            await _answer(send, 405, (b"allow", b"POST"))
            return
        try:
            with Watched(self._watch_of_loop(), asyncio.get_running_loop()):
                body = await _read_body(receive, self._inbox.max_body)
        except TimeoutError:
            await _answer(send, 408)
            return
        if body is None:
            return
        status = self._inbox.respond(body, scope["headers"], project=project, read=read_asgi_headers)
        await _answer(send, status if isinstance(status, int) else await status)

    def _watch_of_loop(self) -> Watch:
        """Return what bounds reading a body: one timer for all, since most bodies are there with their head."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._watch = loop, Watch(BODY_SECONDS)
        return self._watch

    async def _attend(self, kind: str, receive: Receive, send: Send) -> None:
        if kind != "lifespan":
            await receive()
            await send({"type": "websocket.close"})
            return
        await receive()
        opened = not self._craftkit.is_open
        try:
            if opened:
                await self._craftkit.__aenter__()
        except Exception as error:  # noqa: BLE001 - the server is told, and does not serve
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            if opened:
                await self._craftkit.aclose()
        except Exception as error:  # noqa: BLE001 - so, too
            await send({"type": "lifespan.shutdown.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.shutdown.complete"})


def path_of(scope: Message) -> str:
    """Return the path below the mount point: a server with a root path writes it in front."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


async def _answer(send: Send, status: int, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [_EMPTY, *headers]})
    await send({"type": "http.response.body"})


async def _read_body(receive: Receive, max_body: int) -> bytes | None:
    """Read a body, but nothing after the piece that is too much; None if the sender left."""
    message = await receive()
    pieces: list[bytes] = []
    left = max_body
    while message["type"] == "http.request":
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            return b"".join((*pieces, body)) if pieces else body
        pieces.append(body)
        left -= len(body)
        if left < 0:
            return b"".join(pieces)
        message = await receive()
    return None
