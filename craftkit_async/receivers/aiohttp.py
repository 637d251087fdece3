"""The receiver for aiohttp.web."""

import asyncio

from aiohttp import StreamReader, web

from craftkit_async._sansio.webhooks.delivery import read_multidict
from craftkit_async.client import Craftkit
from craftkit_async.receivers import WEBHOOK_PATH
from craftkit_async.receivers.paths import BODY_SECONDS, check_receiver

__all__ = ["add_webhook_route"]


def add_webhook_route(app: web.Application, craftkit: Craftkit, *, path: str = WEBHOOK_PATH) -> web.AbstractRoute:
    """Add the route that takes in deliveries; the application opens and closes the client.

    A `{project}` segment in the path narrows the secrets that are tried to those of one project.
    """
    check_receiver(craftkit, path)
    inbox = craftkit.inbox

    async def take(request: web.Request) -> web.Response:
        try:
            body = await _read_body(request, inbox.max_body)
        except (web.RequestPayloadError, ConnectionError):
            # The sender left or its framing is broken: the answer reaches no one, and nothing is logged as a failure.
            return web.Response(status=400)
        except TimeoutError:
            return web.Response(status=408)
        if body is None:
            return web.Response(status=413)
        status = inbox.respond(body, request.headers, project=request.match_info.get("project"), read=read_multidict)
        return web.Response(status=status if isinstance(status, int) else await status)

    return app.router.add_post(path, take)


async def _read_body(request: web.Request, max_body: int) -> bytes | None:
    """Read the body; None if it is announced as too large. The application's own limit is for bodies that it reads."""
    content = request.content
    # Most bodies are there with their head, and cost no timer.
    if content.is_eof():
        # A middleware that has read the body left nothing; aiohttp keeps it for the next reader.
        return content.read_nowait() or await request.read()
    if (request.content_length or 0) > max_body:
        return None
    async with asyncio.timeout(BODY_SECONDS):
        return await _read(content, max_body)


async def _read(content: StreamReader, max_body: int) -> bytes:
    """Read the body, but nothing after the piece that is too much."""
    pieces: list[bytes] = []
    left = max_body
    while left >= 0 and (piece := await content.readany()):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
