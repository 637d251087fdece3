"""The ASGI receiver: what comes in reaches the inbox as it came, and its receipt decides the answer."""

import asyncio
from collections.abc import Mapping, MutableMapping
from itertools import repeat
from typing import Any

import pytest

from craftkit_async import ClientStateError, ConfigurationError, Craftkit, Limits, Webhook
from craftkit_async.receivers.asgi import webhook_app
from craftkit_async.testing import FakeReply, FakeTransport, SignedDelivery, signed_delivery
from tests.support.asgi import call, in_pieces, live, pairs_of

SECRET = "whsec_1"
ENDED = {"event": "render.succeeded", "renderId": "r1", "templateId": "t1", "status": "succeeded"}
GENUINE = signed_delivery(ENDED, SECRET)
FORGED = signed_delivery(ENDED, "another-secret")
UNREADABLE = signed_delivery({"event": "render.succeeded", "renderId": 1}, SECRET)


def _client(**options: Any) -> Craftkit:
    still = FakeReply(json={"id": "r1", "status": "rendering"})
    return Craftkit("ck_test_1", webhook_secret=SECRET, transport=FakeTransport(lambda _: still), **options)


async def _deliver(craftkit: Craftkit, delivery: SignedDelivery) -> int:
    exchange = await call(webhook_app(craftkit), in_pieces(delivery.body), pairs_of(delivery.headers))
    return exchange.status


@pytest.mark.parametrize(("delivery", "status"), [(GENUINE, 200), (FORGED, 401), (UNREADABLE, 400)])
async def test_the_receipt_decides_the_status(delivery: SignedDelivery, status: int) -> None:
    """Genuine, forged, unreadable: each has its status, and the reply says nothing more."""
    async with _client() as craftkit:
        exchange = await call(webhook_app(craftkit), in_pieces(delivery.body), pairs_of(delivery.headers))

        assert exchange.status == status
        assert exchange.headers == {b"content-length": b"0"}
        assert exchange.body == b""


async def test_a_delivery_ends_a_wait() -> None:
    """Whoever waits for the render has it as soon as its webhook came in."""
    async with _client(webhooks="expect") as craftkit, asyncio.TaskGroup() as group:
        waiting = group.create_task(craftkit.wait("r1"))
        await asyncio.sleep(0)

        assert await _deliver(craftkit, GENUINE) == 200
        assert (await waiting).is_succeeded
        assert craftkit.statistics().completed_by_webhook == 1


async def test_a_repeat_is_answered_like_the_first() -> None:
    """The service sends again what it thinks was lost; that is no error."""
    async with _client() as craftkit:
        assert [await _deliver(craftkit, GENUINE) for _ in range(2)] == [200, 200]
        assert craftkit.statistics().duplicates == 1


async def test_what_cannot_be_handed_on_comes_again() -> None:
    """A handler that must come before the answer has failed: 503."""
    async with _client() as craftkit:

        @craftkit.inbox.on("render.*", before_answer=True)
        async def fail(_: object) -> None:
            raise ValueError

        assert await _deliver(craftkit, GENUINE) == 503


async def test_a_client_that_is_closed_takes_nothing() -> None:
    """The service tries again, and finds another worker or a new one."""
    async with _client() as craftkit:
        pass

    assert await _deliver(craftkit, GENUINE) == 503


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
async def test_other_methods_are_refused(method: str) -> None:
    """405 names the one that is not, and nothing is read."""
    exchange = await call(webhook_app(_client()), [], method=method)

    assert (exchange.status, exchange.headers[b"allow"], exchange.taken) == (405, b"POST", 0)


@pytest.mark.parametrize("path", ["/", "/somewhere/else"])
async def test_any_path_will_do(path: str) -> None:
    """The path is the business of whoever mounts the app."""
    async with _client() as craftkit:
        exchange = await call(webhook_app(craftkit), in_pieces(GENUINE.body), pairs_of(GENUINE.headers), path=path)

        assert exchange.status == 200


@pytest.mark.parametrize("size", [1, 7, len(GENUINE.body) - 1])
async def test_a_body_may_come_in_pieces(size: int) -> None:
    """The signature is that of all of them, the last of which may be empty."""
    pieces = [GENUINE.body[start : start + size] for start in range(0, len(GENUINE.body), size)]
    async with _client() as craftkit:
        exchange = await call(webhook_app(craftkit), in_pieces(*pieces, b""), pairs_of(GENUINE.headers))

        assert (exchange.status, exchange.taken) == (200, len(pieces) + 1)


async def test_a_body_is_capped_while_it_comes() -> None:
    """Of a body without end nothing is read after the piece that is too much."""
    endless = repeat({"type": "http.request", "body": bytes(400), "more_body": True}, 1000)
    async with _client(limits=Limits(webhook_bytes=1000)) as craftkit:
        exchange = await call(webhook_app(craftkit), endless, pairs_of(GENUINE.headers))

        assert (exchange.status, exchange.taken) == (413, 3)


@pytest.mark.parametrize(("more", "status"), [(b"", 200), (b" ", 413)])
async def test_a_body_may_be_as_large_as_the_limit(more: bytes, status: int) -> None:
    """The limit itself is not too much, and one byte after it is."""
    async with _client(limits=Limits(webhook_bytes=len(GENUINE.body))) as craftkit:
        exchange = await call(webhook_app(craftkit), in_pieces(GENUINE.body, more), pairs_of(GENUINE.headers))

        assert exchange.status == status


@pytest.mark.parametrize(("second", "status"), [(FORGED, 401), (GENUINE, 200)])
async def test_a_second_signature_is_seen(second: SignedDelivery, status: int) -> None:
    """Headers are handed on as they came: two that differ are none, two that agree are one."""
    headers = [*pairs_of(GENUINE.headers), *pairs_of(second.headers)]
    headers = [pair for pair in headers if pair[0] == b"x-craftkit-signature"]
    async with _client() as craftkit:
        exchange = await call(webhook_app(craftkit), in_pieces(GENUINE.body), headers)

        assert exchange.status == status


async def test_a_sender_may_go_away() -> None:
    """Half a body is no delivery, and there is nobody to answer."""
    half = {"type": "http.request", "body": GENUINE.body[:10], "more_body": True}
    async with _client() as craftkit:
        exchange = await call(webhook_app(craftkit), [half, {"type": "http.disconnect"}], pairs_of(GENUINE.headers))

        assert exchange.sent == []
        assert craftkit.statistics().refused == 0


@pytest.mark.virtual_time
@pytest.mark.parametrize(("before", "order"), [(False, ["answer", "handler"]), (True, ["handler", "answer"])])
async def test_the_answer_comes_before_the_handlers(*, before: bool, order: list[str]) -> None:
    """However slow a handler is, the service is not kept waiting, unless the handler asked for it."""
    seen = []
    async with _client() as craftkit:

        @craftkit.inbox.on("*", before_answer=before)
        async def handle(_: object) -> None:
            seen.append("handler")

        assert await _deliver(craftkit, GENUINE) == 200
        seen.append("answer")

    assert seen == order


async def test_a_client_on_another_loop_gets_its_webhooks() -> None:
    """The server may run in a thread of its own; the wait ends where it began."""
    async with _client(webhooks="expect") as craftkit, asyncio.TaskGroup() as group:
        waiting = group.create_task(craftkit.wait("r1"))
        await asyncio.sleep(0)
        status = await asyncio.to_thread(lambda: asyncio.run(_deliver(craftkit, GENUINE)))

        assert status == 200
        assert (await waiting).is_succeeded


# ---- served alone


async def test_served_alone_it_opens_the_client_and_closes_it() -> None:
    """A process that only receives needs nothing else: its handlers end before the server does."""
    craftkit = _client()
    app = webhook_app(craftkit)
    handled = []

    @craftkit.inbox.on("*")
    async def handle(event: Webhook) -> None:
        handled.append(event.event)

    async def meanwhile(_: Mapping[str, Any]) -> None:
        exchange = await call(app, in_pieces(GENUINE.body), pairs_of(GENUINE.headers))
        assert (exchange.status, handled) == (200, [])

    assert await live(app, meanwhile) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert handled == ["render.succeeded"]
    with pytest.raises(ClientStateError):
        await craftkit.templates.list()


async def test_a_client_that_is_open_stays_open() -> None:
    """Whoever opened it closes it."""
    async with _client() as craftkit:

        async def meanwhile(_: Mapping[str, Any]) -> None:
            assert await _deliver(craftkit, GENUINE) == 200

        await live(webhook_app(craftkit), meanwhile)

        assert await _deliver(craftkit, GENUINE) == 200


async def test_websockets_are_turned_away() -> None:
    """The connection is closed before it is accepted, which servers answer with 403."""
    sent = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await webhook_app(_client())({"type": "websocket", "path": "/", "headers": []}, receive, send)

    assert sent == [{"type": "websocket.close"}]


def test_without_a_secret_there_is_no_app() -> None:
    """An endpoint that could verify nothing would be open to everybody."""
    with pytest.raises(ConfigurationError, match="CRAFTKIT_WEBHOOK_SECRET"):
        webhook_app(Craftkit("ck_test_1"))


# ---- paths, and senders that are slow


@pytest.mark.parametrize(
    ("path", "requested", "status"),
    [
        ("/hooks", "/hooks", 200),
        ("/hooks", "/other", 404),
        ("/hooks/{project}", "/hooks/p", 200),
        ("/hooks/{project}", "/hooks/q", 401),
        ("/hooks/{project}", "/hooks/p/x", 404),
        ("/hooks/{project}/in", "/hooks/p/in", 200),
    ],
)
async def test_a_path_may_name_the_project(path: str, requested: str, status: int) -> None:
    """Its secrets alone are tried."""
    async with Craftkit("ck_test_1") as craftkit:
        craftkit.inbox.add_project("p", SECRET)
        app = webhook_app(craftkit, path=path)
        exchange = await call(app, in_pieces(GENUINE.body), pairs_of(GENUINE.headers), path=requested)

        assert exchange.status == status


@pytest.mark.parametrize("path", ["hooks", "", "/hooks/{tenant}", "/{project}/{project}"])
def test_what_is_no_path_is_refused(path: str) -> None:
    """When the receiver is made."""
    with pytest.raises(ConfigurationError, match="path takes a path such as"):
        webhook_app(_client(), path=path)


async def test_a_path_that_names_a_project_needs_no_secret_yet() -> None:
    """Projects may be added later; until then the delivery must come again."""
    async with Craftkit("ck_test_1", project="p") as craftkit:
        app = webhook_app(craftkit, path="/{project}")
        exchange = await call(app, in_pieces(GENUINE.body), pairs_of(GENUINE.headers), path="/p")

        assert exchange.status == 503


@pytest.mark.virtual_time
@pytest.mark.parametrize("pieces", [[], [{"type": "http.request", "body": b"x", "more_body": True}]])
async def test_a_body_has_fifteen_seconds(pieces: list[Mapping[str, Any]]) -> None:
    """A sender that sends nothing holds no request for ever."""
    messages = iter(pieces)
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        for message in messages:
            return message
        await asyncio.sleep(1000.0)
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async with _client() as craftkit:
        start = asyncio.get_running_loop().time()
        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        # In a task of its own, as with a server.
        await asyncio.ensure_future(webhook_app(craftkit)(scope, receive, send))

        assert sent[0]["status"] == 408
        assert asyncio.get_running_loop().time() - start == pytest.approx(15.0, abs=0.01)


# ---- lifespan


@pytest.mark.parametrize("stage", ["startup", "shutdown"])
async def test_a_failure_of_the_lifespan_is_told_to_the_server(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is told does not serve, and says why."""

    async def fail(*_: object) -> None:
        raise ClientStateError("no")

    craftkit = _client()
    monkeypatch.setattr(Craftkit, "__aenter__" if stage == "startup" else "aclose", fail)
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return next(messages)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await webhook_app(craftkit)({"type": "lifespan"}, receive, send)

    assert sent[-1] == {"type": f"lifespan.{stage}.failed", "message": "ClientStateError: no"}
    monkeypatch.undo()
    await craftkit.aclose()
