"""The receivers under uvicorn, on real sockets, and on another thread's loop than the client."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from fastapi import FastAPI

from craftkit_async import Craftkit, Limits
from craftkit_async.receivers.asgi import webhook_app
from craftkit_async.receivers.fastapi import webhook_router
from craftkit_async.testing import FakeReply, FakeTransport, signed_delivery
from tests.support.uvicorn_server import serve_asgi

SECRET = "whsec_1"
ENDED = {"event": "render.succeeded", "renderId": "r1", "templateId": "t1", "status": "succeeded"}
GENUINE = signed_delivery(ENDED, SECRET)


def _client(**options: Any) -> Craftkit:
    still = FakeReply(json={"id": "r1", "status": "rendering"})
    return Craftkit("ck_test_1", webhook_secret=SECRET, transport=FakeTransport(lambda _: still), **options)


async def _post(url: str, body: Any, headers: Any) -> int:
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as reply:
        assert await reply.read() == b""
        return reply.status


def _in_fastapi(craftkit: Craftkit) -> FastAPI:
    app = FastAPI()
    app.include_router(webhook_router(craftkit))
    return app


@pytest.mark.parametrize("make_app", [webhook_app, _in_fastapi])
async def test_a_wait_on_another_loop_ends(make_app: Any) -> None:
    """The server has a thread and a loop of its own; who waits elsewhere has the result."""
    async with _client(webhooks="expect") as craftkit, serve_asgi(make_app(craftkit)) as url:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(craftkit.wait("r1"))
            # So that the client belongs to this loop before anything comes in on the other.
            await asyncio.sleep(0)
            assert await _post(f"{url}/webhooks/craftkit", *GENUINE) == 200

        assert waiting.result().is_succeeded


async def test_a_body_is_capped_while_it_comes() -> None:
    """A body without end is answered before its end."""
    answered = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(2000)
        await answered.wait()

    async with _client(limits=Limits(webhook_bytes=1000)) as craftkit, serve_asgi(webhook_app(craftkit)) as url:
        async with asyncio.timeout(10):
            assert await _post(url, endless(), GENUINE.headers) == 413
        answered.set()


async def test_served_alone_it_needs_nobody() -> None:
    """A process may consist of the app alone: it opens its client, and closes it."""
    craftkit = _client()
    async with serve_asgi(webhook_app(craftkit)) as url:
        assert await _post(url, *GENUINE) == 200

    assert not craftkit._runtime.is_open
