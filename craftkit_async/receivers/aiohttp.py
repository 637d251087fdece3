"""The receiver for aiohttp.web."""

from aiohttp import web

from craftkit_async.client import Craftkit


def add_webhook_route(
    app: web.Application, craftkit: Craftkit, *, path: str = "/webhooks/craftkit"
) -> web.AbstractRoute:
    """Add the route that takes in deliveries; opening and closing the client is left to the application."""
    inbox = craftkit.inbox
    inbox.check()

    async def take(request: web.Request) -> web.Response:
        # The application's own limit is for bodies that it reads itself.
        if (request.content_length or 0) > inbox.max_body:
            return web.Response(status=413)
        try:
            body = await _read(request, inbox.max_body)
        except (web.RequestPayloadError, ConnectionError):
            # Broken, or broken off: then nobody sees the answer, and nothing is to be logged as a failure.
            return web.Response(status=400)
        # As they came: a header that came twice must not be taken for one.
        receipt = await inbox.receive(body, request.raw_headers)
        return web.Response(status=receipt.status)

    return app.router.add_post(path, take)


async def _read(request: web.Request, max_body: int) -> bytes:
    """Read the body, but nothing after the piece that is too much."""
    pieces: list[bytes] = []
    left = max_body
    while left >= 0 and (piece := await request.content.readany()):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
