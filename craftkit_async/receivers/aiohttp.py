"""The receiver for aiohttp.web."""

from aiohttp import StreamReader, web

from craftkit_async._sansio.webhooks.delivery import read_multidict
from craftkit_async.client import Craftkit
from craftkit_async.receivers import WEBHOOK_PATH


def add_webhook_route(app: web.Application, craftkit: Craftkit, *, path: str = WEBHOOK_PATH) -> web.AbstractRoute:
    """Add the route that takes in deliveries; opening and closing the client is left to the application."""
    inbox = craftkit.inbox
    inbox.check()

    async def take(request: web.Request) -> web.Response:
        content = request.content
        try:
            # Most bodies are there with their head. The application's own limit is for those that it reads itself.
            if content.is_eof():
                # A middleware that has read it left nothing; aiohttp keeps that for the next reader.
                body = content.read_nowait() or await request.read()
            elif (request.content_length or 0) > inbox.max_body:
                return web.Response(status=413)
            else:
                body = await _read(content, inbox.max_body)
        except (web.RequestPayloadError, ConnectionError):
            # Broken, or broken off: then nobody sees the answer, and nothing is to be logged as a failure.
            return web.Response(status=400)
        taken = inbox._take_in(body, request.headers, read_multidict)  # noqa: SLF001 - of the same package
        status = 200 if isinstance(taken, tuple) else (await inbox._finish(taken)).status  # noqa: SLF001 - so, too
        return web.Response(status=status)

    return app.router.add_post(path, take)


async def _read(content: StreamReader, max_body: int) -> bytes:
    """Read the body, but nothing after the piece that is too much."""
    pieces: list[bytes] = []
    left = max_body
    while left >= 0 and (piece := await content.readany()):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
