"""Receiving: a small web server that takes webhooks in for as long as a command runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from craftkit_async.cli.exit_codes import NotStartedError
from craftkit_async.client import Craftkit
from craftkit_async.receivers.aiohttp import add_webhook_route

PATH = "/webhooks/craftkit"


@asynccontextmanager
async def receiving(
    craftkit: Craftkit, *, host: str = "127.0.0.1", port: int = 0, path: str = PATH
) -> AsyncIterator[str]:
    """Take deliveries in, and give the address that they are to be sent to."""
    app = web.Application()
    add_webhook_route(app, craftkit, path=path)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        yield await _listen(runner, host, port, path)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int, path: str) -> str:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise NotStartedError(f"cannot listen on {host}, port {port}: {error.strerror}") from error
    return f"http://{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}{path}"
