"""The receiver for aiohttp.web, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web

from craftkit_async import ConfigurationError, Craftkit, Limits, Webhook
from craftkit_async.receivers.aiohttp import add_webhook_route
from craftkit_async.testing import FakeReply, FakeTransport, SignedDelivery, signed_delivery

SECRET = "whsec_1"
ENDED = {"event": "render.succeeded", "renderId": "r1", "templateId": "t1", "status": "succeeded"}
GENUINE = signed_delivery(ENDED, SECRET)
FORGED = signed_delivery(ENDED, "another-secret")
UNREADABLE = signed_delivery({"event": "render.succeeded", "renderId": 1}, SECRET)
# Larger than what aiohttp.web takes by itself.
LARGE = signed_delivery({**ENDED, "padding": "x" * 3 * 2**20}, SECRET)


def _client(**options: Any) -> Craftkit:
    still = FakeReply(json={"id": "r1", "status": "rendering"})
    return Craftkit("ck_test_1", webhook_secret=SECRET, transport=FakeTransport(lambda _: still), **options)


@asynccontextmanager
async def _serving(craftkit: Craftkit, *middlewares: Any) -> AsyncIterator[str]:
    """Serve the route and nothing else, and give its address."""
    app = web.Application(middlewares=middlewares)
    route = add_webhook_route(app, craftkit)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{route.url_for()}"
    finally:
        await runner.cleanup()


async def _post(url: str, body: Any, headers: Any) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as reply:
        return reply.status, await reply.read()


async def _send_raw(url: str, *lines: str, body: bytes = b"") -> int:
    """Send a head by hand, with what belongs in each, and no more of a body than this; return the status."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = "\r\n".join([f"POST {address.path} HTTP/1.1", f"Host: {address.netloc}", *lines, "", ""])
    writer.write(head.encode() + body)
    try:
        async with asyncio.timeout(10):
            return int((await reader.readline()).split()[1])
    finally:
        writer.close()


@pytest.mark.parametrize(("delivery", "status"), [(GENUINE, 200), (FORGED, 401), (UNREADABLE, 400)])
async def test_the_receipt_decides_the_status(delivery: SignedDelivery, status: int) -> None:
    """Genuine, forged, unreadable: each has its status, and the reply says nothing more."""
    async with _client() as craftkit, _serving(craftkit) as url:
        assert await _post(url, *delivery) == (status, b"")


async def test_a_middleware_may_have_read_the_body() -> None:
    """One that logs bodies, or checks them itself: aiohttp keeps what was read for whoever reads next."""

    @web.middleware
    async def read(request: web.Request, handler: Any) -> web.StreamResponse:
        await request.read()
        response: web.StreamResponse = await handler(request)
        return response

    async with _client() as craftkit, _serving(craftkit, read) as url:
        assert await _post(url, *GENUINE) == (200, b"")
        assert await _post(url, b"", {}) == (401, b"")


async def test_a_delivery_ends_a_wait() -> None:
    """Whoever waits for the render has it as soon as its webhook came in."""
    async with _client(webhooks="expect") as craftkit, _serving(craftkit) as url:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(craftkit.wait("r1"))
            assert await _post(url, *GENUINE) == (200, b"")

        assert waiting.result().is_succeeded


async def test_other_methods_are_refused() -> None:
    """405 names the one that is not."""
    async with (
        _client() as craftkit,
        _serving(craftkit) as url,
        aiohttp.ClientSession() as session,
        session.get(url) as reply,
    ):
        assert (reply.status, reply.headers["Allow"]) == (405, "POST")


async def test_what_cannot_be_handed_on_comes_again() -> None:
    """A handler that must come before the answer has failed: 503."""
    async with _client() as craftkit, _serving(craftkit) as url:

        @craftkit.inbox.on("render.*", before_answer=True)
        async def fail(_: Webhook) -> None:
            raise ValueError

        assert (await _post(url, *GENUINE))[0] == 503


async def test_the_answer_comes_before_the_handlers() -> None:
    """A handler that only goes on once the answer is there would never end otherwise."""
    answered, handled = asyncio.Event(), asyncio.Event()
    async with _client() as craftkit, _serving(craftkit) as url:

        @craftkit.inbox.on("*")
        async def handle(_: Webhook) -> None:
            await answered.wait()
            handled.set()

        assert (await _post(url, *GENUINE))[0] == 200
        answered.set()
        async with asyncio.timeout(10):
            await handled.wait()


@pytest.mark.parametrize(("most", "status"), [(4 * 2**20, 200), (2**20, 413)])
async def test_the_limit_is_the_clients_own(most: int, status: int) -> None:
    """What an application takes elsewhere does not matter here."""
    async with _client(limits=Limits(webhook_bytes=most)) as craftkit, _serving(craftkit) as url:
        assert (await _post(url, BytesIO(LARGE.body), LARGE.headers))[0] == status


async def test_a_body_may_come_in_chunks() -> None:
    """The signature is that of all of them."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(GENUINE.body), 7):
            yield GENUINE.body[start : start + 7]

    async with _client() as craftkit, _serving(craftkit) as url:
        assert (await _post(url, pieces(), GENUINE.headers))[0] == 200


async def test_a_body_is_capped_while_it_comes() -> None:
    """A body without end is answered before its end."""
    chunk = b"%x\r\n%s\r\n" % (2000, bytes(2000))
    async with _client(limits=Limits(webhook_bytes=1000)) as craftkit, _serving(craftkit) as url:
        assert await _send_raw(url, "Transfer-Encoding: chunked", body=chunk) == 413


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    """Nothing of it has come when it is answered."""
    async with _client(limits=Limits(webhook_bytes=1000)) as craftkit, _serving(craftkit) as url:
        assert await _send_raw(url, "Content-Length: 1001") == 413


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (["Transfer-Encoding: chunked"], b"no number of bytes\r\n"),
        (["Content-Encoding: deflate", "Content-Length: 9"], b"not small"),
    ],
)
async def test_a_body_that_cannot_be_read_is_no_delivery(lines: list[str], body: bytes) -> None:
    """It is the sender's fault, and no failure of the server."""
    async with _client() as craftkit, _serving(craftkit) as url:
        assert await _send_raw(url, *lines, body=body) == 400


async def test_a_second_signature_is_seen() -> None:
    """Headers are handed on as they came: two that differ are none."""
    signatures = [f"X-Craftkit-Signature: {each.headers['x-craftkit-signature']}" for each in (GENUINE, FORGED)]
    length = f"Content-Length: {len(GENUINE.body)}"
    async with _client() as craftkit, _serving(craftkit) as url:
        both = await _send_raw(url, *signatures, length, body=GENUINE.body)
        one = await _send_raw(url, signatures[0], length, body=GENUINE.body)

        assert [both, one] == [401, 200]


async def test_a_sender_may_go_away(caplog: pytest.LogCaptureFixture) -> None:
    """Half a body is no delivery, and no failure of the server."""
    async with _client() as craftkit, _serving(craftkit) as url:
        address = urlsplit(url)
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(f"POST {address.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

        assert (await _post(url, *GENUINE))[0] == 200
        assert craftkit.statistics().refused == 0
    assert caplog.records == []


def test_without_a_secret_there_is_no_route() -> None:
    """An endpoint that could verify nothing would be open to everybody."""
    with pytest.raises(ConfigurationError, match="CRAFTKIT_WEBHOOK_SECRET"):
        add_webhook_route(web.Application(), Craftkit("ck_test_1"))


async def test_a_path_may_name_the_project() -> None:
    """Its secrets alone are tried."""
    craftkit = Craftkit("ck_test_1")
    craftkit.inbox.add_project("p", SECRET)
    app = web.Application()
    add_webhook_route(app, craftkit, path="/hooks/{project}")
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
    try:
        statuses = [(await _post(f"{address}/{name}", GENUINE.body, GENUINE.headers))[0] for name in "pq"]
    finally:
        await runner.cleanup()
        await craftkit.aclose()

    assert statuses == [200, 401]


async def test_a_body_has_fifteen_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that sends half of a body holds no request for ever."""
    monkeypatch.setattr("craftkit_async.receivers.aiohttp.BODY_SECONDS", 0.05)
    async with _client() as craftkit, _serving(craftkit) as url:
        assert await _send_raw(url, "Content-Length: 10", body=b"half") == 408
