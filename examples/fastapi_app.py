"""A FastAPI app that awaits a render inside a request, while the webhook comes in on another route.

    CRAFTKIT_API_KEY=ck_test_… CRAFTKIT_WEBHOOK_SECRET=… uvicorn --factory --app-dir examples fastapi_app:make_app

`python examples/fastapi_app.py` shows it at work with a local Craftkit (extras `fastapi` and `emulator`, and uvicorn).
"""

import asyncio
import logging
import secrets
import socket
from typing import Any

import aiohttp
import uvicorn
from fastapi import FastAPI, HTTPException, Response

from craftkit_async import Craftkit, RenderFailedError, RenderSucceeded, WaitTimeoutError
from craftkit_async.receivers.fastapi import lifespan
from craftkit_async.receivers.middleware import WebhookMiddleware


def make_app(craftkit: Craftkit | None = None) -> FastAPI:
    """Make the app; the key and the secret are in the environment."""
    craftkit = craftkit or Craftkit()
    app = FastAPI(lifespan=lifespan(craftkit))
    app.add_middleware(WebhookMiddleware, craftkit=craftkit)  # POST /webhooks/craftkit

    @app.post("/certificates")
    async def make_certificate(data: dict[str, Any]) -> Response:
        # However many requests wait here: a webhook ends each wait, or else a poll does.
        try:
            render = await craftkit.render("certificate", data, timeout=25)
        except RenderFailedError as error:
            raise HTTPException(422, "this certificate cannot be rendered") from error
        except WaitTimeoutError as error:
            raise HTTPException(504, f"ask again for {error.render_id}") from error
        return Response(await craftkit.renders.read(render), media_type="application/pdf")

    @craftkit.inbox.on("render.succeeded")
    async def note(event: RenderSucceeded) -> None:
        # After the answer, and for renders of other processes as well.
        logging.getLogger(__name__).info("%s took %s ms", event.render.id, event.render.duration_ms)

    return app


# ---- what follows shows it at work: a local Craftkit, a real server, one request


async def main() -> None:
    """Serve the app on a free port, and ask it for a certificate."""
    from craftkit_async.emulator import Emulator  # noqa: PLC0415 - an extra that the app itself does not need

    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    secret = secrets.token_hex()
    async with Emulator(webhook_url=f"{url}/webhooks/craftkit", webhook_secret=secret) as emulator:
        craftkit = Craftkit(emulator.api_key, base_url=emulator.url, webhook_secret=secret, webhooks="expect")
        server = uvicorn.Server(uvicorn.Config(make_app(craftkit), log_level="warning"))
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve([listening]))
            await ask(f"{url}/certificates")
            seen = craftkit.statistics()
            print(f"ended by webhook: {seen.completed_by_webhook}, by poll: {seen.completed_by_poll}")
            server.should_exit = True


async def ask(url: str) -> None:
    """Send one request, as a browser would."""
    data = {"recipient": {"name": "Ada Lovelace"}, "course": {"title": "Navigation", "completedOn": "2026-06-01"}}
    async with aiohttp.ClientSession() as session, session.post(url, json=data) as reply:
        print(f"{reply.status} {reply.content_type}, {len(await reply.read())} bytes")


if __name__ == "__main__":
    asyncio.run(main())
