"""An aiohttp.web app that awaits a render inside a request, while the webhook comes in on another route.

    CRAFTKIT_API_KEY=ck_test_… CRAFTKIT_WEBHOOK_SECRET=… python examples/aiohttp_app.py

Without a key it shows itself at work with a local Craftkit (extra `emulator`), and ends.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

from craftkit_async import Craftkit, RenderFailedError, RenderSucceeded, WaitTimeoutError
from craftkit_async.receivers.aiohttp import add_webhook_route

CRAFTKIT = web.AppKey("craftkit", Craftkit)


def make_app(craftkit: Craftkit | None = None) -> web.Application:
    """Make the app; the key and the secret are in the environment."""
    craftkit = craftkit or Craftkit()
    app = web.Application()
    app[CRAFTKIT] = craftkit
    app.cleanup_ctx.append(open_client)
    app.router.add_post("/certificates", make_certificate)
    add_webhook_route(app, craftkit)  # POST /webhooks/craftkit
    craftkit.inbox.on("render.succeeded")(note)
    return app


async def open_client(app: web.Application) -> AsyncIterator[None]:
    """Open the client with the app, and close it."""
    async with app[CRAFTKIT]:
        yield


async def make_certificate(request: web.Request) -> web.Response:
    """Render a certificate; a webhook ends the wait, or else a poll does."""
    craftkit = request.app[CRAFTKIT]
    try:
        render = await craftkit.render("certificate", await request.json(), timeout=25)
    except RenderFailedError as error:
        raise web.HTTPUnprocessableEntity(text="this certificate cannot be rendered") from error
    except WaitTimeoutError as error:
        raise web.HTTPGatewayTimeout(text=f"ask again for {error.render_id}") from error
    return web.Response(body=await craftkit.renders.read(render), content_type="application/pdf")


async def note(event: RenderSucceeded) -> None:
    """Run after the answer, and for renders of other processes as well."""
    logging.getLogger(__name__).info("%s took %s ms", event.render.id, event.render.duration_ms)


# ---- what follows shows it at work: a local Craftkit, a real server, one request


async def show() -> None:
    """Serve the app on a free port, and ask it for a certificate."""
    from craftkit_async.emulator import Emulator  # noqa: PLC0415 - an extra that the app itself does not need

    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    secret = secrets.token_hex()
    async with Emulator(webhook_url=f"{url}/webhooks/craftkit", webhook_secret=secret) as emulator:
        craftkit = Craftkit(emulator.api_key, base_url=emulator.url, webhook_secret=secret, webhooks="expect")
        runner = web.AppRunner(make_app(craftkit))
        await runner.setup()
        await web.SockSite(runner, listening).start()
        await ask(f"{url}/certificates")
        seen = craftkit.statistics()
        print(f"ended by webhook: {seen.completed_by_webhook}, by poll: {seen.completed_by_poll}")
        await runner.cleanup()


async def ask(url: str) -> None:
    """Send one request, as a browser would."""
    data = {"recipient": {"name": "Ada Lovelace"}, "course": {"title": "Navigation", "completedOn": "2026-06-01"}}
    async with aiohttp.ClientSession() as session, session.post(url, json=data) as reply:
        print(f"{reply.status} {reply.content_type}, {len(await reply.read())} bytes")


if __name__ == "__main__":
    if os.environ.get("CRAFTKIT_API_KEY"):
        web.run_app(make_app())
    else:
        asyncio.run(show())
