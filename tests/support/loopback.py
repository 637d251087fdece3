"""Loopback: small servers on this machine, for what only a socket shows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext

import attrs
from aiohttp import web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
RawHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@attrs.define
class Server:
    """A server that runs, and what it was asked."""

    url: str
    requests: list[web.BaseRequest] = attrs.field(factory=list)
    bodies: list[bytes] = attrs.field(factory=list)


@asynccontextmanager
async def serve(handler: Handler, *, ssl: SSLContext | None = None) -> AsyncIterator[Server]:
    """Run an HTTP server."""
    server = Server("")

    async def keep(request: web.BaseRequest) -> web.StreamResponse:
        server.requests.append(request)
        # Not `read`, which stops at a mebibyte.
        server.bodies.append(await request.content.read())
        return await handler(request)

    runner = web.ServerRunner(web.Server(keep), handle_signals=False, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl)
    await site.start()
    server.url = f"{'http' if ssl is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def replying(status: int = 200, json: object = None, **options: object) -> Handler:
    """Make a handler that always gives the same answer."""

    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        if json is not None:
            return web.json_response(json, status=status)
        return web.Response(status=status, **options)  # type: ignore[arg-type]  # passed on as they are

    return handler


@asynccontextmanager
async def serve_raw(handler: RawHandler) -> AsyncIterator[str]:
    """Run a server that speaks whatever its handler writes; the connection ends with the handler."""
    under_way: set[asyncio.Task[None] | None] = set()

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        under_way.add(task)
        try:
            # What a client breaks off is its own affair.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await handler(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
            under_way.discard(task)

    server = await asyncio.start_server(closing, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        left = [task for task in under_way if task is not None]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        await server.wait_closed()


async def read_head(reader: asyncio.StreamReader) -> str:
    """Read one request's head."""
    return (await reader.readuntil(b"\r\n\r\n")).decode()
