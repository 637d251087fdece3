"""Deliveries: six attempts, one id, and everything that can go wrong with them on request."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from attrs import define, field

from craftkit_async.emulator import Emulator
from craftkit_async.emulator.faults.grammar import Fault
from craftkit_async.emulator.storage.times import from_iso
from tests.emulator.conftest import Start, Waiting
from tests.support.contract_client import ContractClient
from tests.support.loopback import serve

SECRET = "whsec_1"
QUICK = "0.01,0.01,0.01,0.01,0.01"


@define
class Subscriber:
    """Keeps what it gets, and answers with the statuses it is given, then with 204."""

    url: str = ""
    statuses: Iterator[int] = field(factory=lambda: iter(()))
    ids: list[str] = field(factory=list)
    events: list[Any] = field(factory=list)
    genuine: list[bool] = field(factory=list)

    async def take(self, request: web.BaseRequest, body: bytes) -> web.Response:
        expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        self.genuine.append(request.headers["x-craftkit-signature"] == expected)
        self.ids.append(request.headers["x-craftkit-delivery-id"])
        self.events.append(json.loads(body))
        return web.Response(status=next(self.statuses, 204))


@pytest.fixture
async def subscriber() -> AsyncIterator[Subscriber]:
    subscriber = Subscriber()

    async def handle(request: web.BaseRequest) -> web.Response:
        return await subscriber.take(request, server.bodies[-1])

    async with serve(handle) as server:
        subscriber.url = f"{server.url}/"
        yield subscriber


async def _start(start: Start, subscriber: Subscriber, **settings: Any) -> tuple[Emulator, ContractClient]:
    given = {"webhook_url": subscriber.url, "webhook_secret": SECRET, "webhook_delays": QUICK, **settings}
    return await start(**given)


async def _submit(api: ContractClient) -> str:
    reply = await api.call("render_template", slug="charter-handover", json={"data": {"booking": {"code": "B"}}})
    return str(reply.json["id"])


async def _until_ended(waiting: type[Waiting], emulator: Emulator, count: int = 1) -> list[str]:
    await waiting.until(
        lambda: len(emulator.deliveries) >= count and all(each.state != "pending" for each in emulator.deliveries)
    )
    return [each.state for each in emulator.deliveries]


async def test_a_refused_delivery_is_tried_again_under_its_id(
    start: Start, subscriber: Subscriber, waiting: type[Waiting]
) -> None:
    """Any status but a 2xx is a reason to try again, redirects too; the log has every attempt."""
    subscriber.statuses = iter([500, 302, 404])
    emulator, api = await _start(start, subscriber)
    await _submit(api)

    assert await _until_ended(waiting, emulator) == ["delivered"]
    assert len(set(subscriber.ids)) == 1
    assert [each["status"] for each in emulator.deliveries[0].attempts] == [500, 302, 404, 204]


async def test_six_attempts_are_the_last_and_a_redelivery_has_the_same_id(
    start: Start, subscriber: Subscriber, waiting: type[Waiting]
) -> None:
    """After six the event is given up; the dashboard's button sends it again."""
    subscriber.statuses = iter([500] * 6)
    emulator, api = await _start(start, subscriber)
    await _submit(api)
    assert await _until_ended(waiting, emulator) == ["abandoned"]
    assert len(subscriber.ids) == 6
    await api.control("POST", f"deliveries/{emulator.deliveries[0].id}/redeliver")

    assert await _until_ended(waiting, emulator) == ["delivered"]
    assert len(subscriber.ids) == 7
    assert len(set(subscriber.ids)) == 1


async def test_a_subscriber_that_is_gone_is_tried_as_often(start: Start, waiting: type[Waiting]) -> None:
    """No answer is an attempt as well, and the log says what went wrong."""
    emulator, api = await _start(start, Subscriber(url="http://127.0.0.1:9/"))
    await _submit(api)

    assert await _until_ended(waiting, emulator) == ["abandoned"]
    assert [each["status"] for each in emulator.deliveries[0].attempts] == [None] * 6
    assert emulator.deliveries[0].attempts[0]["error"] == "ClientConnectorError"


async def test_an_early_event_overtakes_the_answer(start: Start, subscriber: Subscriber) -> None:
    """When the 202 comes, the event is already there."""
    _, api = await _start(start, subscriber, faults="webhook:early", latency="3600")
    render = await _submit(api)

    assert [event["renderId"] for event in subscriber.events] == [render]


async def test_a_late_event_waits_for_its_time(start: Start, subscriber: Subscriber, waiting: type[Waiting]) -> None:
    """The render is long done, and the event comes with the clock."""
    emulator, api = await _start(start, subscriber, faults="webhook:late=3600")
    await waiting.for_render(api, await _submit(api))
    assert [each.state for each in emulator.deliveries] == ["pending"]
    assert subscriber.events == []
    await api.control("POST", "clock", {"advance": 3600})

    assert await _until_ended(waiting, emulator) == ["delivered"]


async def test_a_duplicate_has_the_same_id_and_body(
    start: Start, subscriber: Subscriber, waiting: type[Waiting]
) -> None:
    """Acknowledged, and sent again all the same."""
    emulator, api = await _start(start, subscriber, faults="webhook:duplicate")
    await _submit(api)
    await _until_ended(waiting, emulator)

    assert len(subscriber.ids) == 2
    assert len(set(subscriber.ids)) == 1
    assert subscriber.events[0] == subscriber.events[1]


async def test_a_reordered_event_is_overtaken_by_the_next(
    start: Start, subscriber: Subscriber, waiting: type[Waiting]
) -> None:
    """The first is held until another has gone."""
    emulator, api = await _start(start, subscriber, faults="webhook:reorder#1")
    first = await _submit(api)
    await waiting.for_render(api, first)
    second = await _submit(api)
    await _until_ended(waiting, emulator, 2)

    assert [event["renderId"] for event in subscriber.events] == [second, first]


async def test_a_lost_event_is_in_the_log_only(start: Start, subscriber: Subscriber, waiting: type[Waiting]) -> None:
    """It was never sent, and nothing will send it."""
    emulator, api = await _start(start, subscriber, faults="webhook:lost")
    await _submit(api)

    assert await _until_ended(waiting, emulator) == ["lost"]
    assert subscriber.events == []


async def test_a_forged_event_comes_beside_the_genuine_one(
    start: Start, subscriber: Subscriber, waiting: type[Waiting]
) -> None:
    """The forgery says the opposite under a signature that does not fit; who believes it loses a document."""
    emulator, api = await _start(start, subscriber, faults="webhook:forged")
    await _submit(api)
    await _until_ended(waiting, emulator, 2)

    said = dict(zip(subscriber.genuine, [event["event"] for event in subscriber.events], strict=True))
    assert said == {True: "render.succeeded", False: "render.failed"}


async def test_events_of_no_interest_are_not_sent(start: Start, subscriber: Subscriber, waiting: type[Waiting]) -> None:
    """A subscription gets what it asked for, and nothing once it is removed."""
    emulator, api = await start()
    asked = {"url": subscriber.url, "secret": SECRET, "events": ["render.failed"]}
    subscription = await api.control("POST", "subscriptions", asked)
    await waiting.for_render(api, await _submit(api))
    await api.control("DELETE", f"subscriptions/{subscription['id']}")
    emulator.faults.set("render:failed")
    await waiting.for_render(api, await _submit(api), "failed")

    assert emulator.deliveries == []


async def test_signing_tells_each_step(start: Start, subscriber: Subscriber, waiting: type[Waiting]) -> None:
    """Every step of the provider is an event, and the last signature is two."""
    emulator, api = await _start(start, subscriber)
    render = await _submit(api)
    await waiting.for_render(api, render)
    asked = {
        "renderId": render,
        "recipients": [{"firstName": "Mira", "email": "mira@example.com"}],
        "anchorTags": [{"anchorString": "[[s]]", "recipientIndex": 0}],
    }
    signature = (await api.call("create_signature", json=asked)).json["id"]
    for step in ("viewed", "signed"):
        await api.control("POST", f"signatures/{signature}/{step}", {"recipient": 0})
    await _until_ended(waiting, emulator, 4)
    events = [event["event"] for event in subscriber.events]

    assert all(event.startswith("signature.") for event in events[1:])
    assert "signature.completed" in events


async def test_hundreds_of_events_all_arrive(start: Start, subscriber: Subscriber, waiting: type[Waiting]) -> None:
    """More than may be under way at once, so some wait for a place; none is forgotten."""
    emulator, api = await _start(start, subscriber)
    async with asyncio.TaskGroup() as group:
        for _ in range(200):
            group.create_task(_submit(api))
    await _until_ended(waiting, emulator, 200)

    assert sorted(event["renderId"] for event in subscriber.events) == sorted(each.id for each in emulator.renders)


async def test_the_schedule_is_kept_by_the_emulators_clock(
    start: Start, subscriber: Subscriber, waiting: type[Waiting]
) -> None:
    """Five waits between six attempts, each with its own time, none before it is due; then it is given up."""
    subscriber.statuses = iter([500] * 6)
    delays = [30.0, 60.0, 120.0, 600.0, 3600.0]
    emulator, api = await _start(start, subscriber, webhook_delays=delays)
    await _submit(api)
    await waiting.until(lambda: len(subscriber.ids) == 1)
    [delivery] = emulator.deliveries
    for tried, delay in enumerate(delays, 1):
        await waiting.until(lambda: len(delivery.attempts) == tried)  # noqa: B023 - is waited for at once
        assert len(subscriber.ids) == tried
        assert 0 < delivery.next - emulator._service.clock.now() <= delay * 1000
        await api.control("POST", "clock", {"advance": delay})
    await waiting.until(lambda: delivery.state == "abandoned")
    times = [from_iso(attempt["at"]) for attempt in delivery.attempts]

    waits = [later - earlier for earlier, later in pairwise(times)]
    assert all(waited >= delay * 1000 for waited, delay in zip(waits, delays, strict=True))
    assert [each["state"] for each in (await api.control("GET", "deliveries"))["deliveries"]] == ["abandoned"]
    assert SECRET not in str(await api.control("GET", "deliveries"))


async def test_who_does_not_answer_in_time_is_tried_again(start: Start, waiting: type[Waiting]) -> None:
    """The window is 15 s; a shorter one shows what happens at its end."""
    arrived = asyncio.Semaphore(0)

    async def hang(_: web.BaseRequest) -> web.Response:
        arrived.release()
        await asyncio.sleep(3600)
        raise AssertionError

    emulator, api = await start(webhook_secret=SECRET, webhook_delays="3600,0,0,0,0")
    assert emulator._service.outbox.window == 15.0
    async with serve(hang) as server:
        emulator.subscribe(f"{server.url}/", SECRET)
        emulator._service.outbox.window = 0.05
        await _submit(api)
        await arrived.acquire()
        await waiting.until(lambda: emulator.deliveries[0].attempts)

    assert emulator.deliveries[0].state == "pending"
    assert emulator.deliveries[0].attempts[0]["error"] == "TimeoutError"


async def test_a_lost_event_is_lost_early_too(start: Start, subscriber: Subscriber) -> None:
    """The answer comes after an event that was never sent."""
    emulator, api = await _start(start, subscriber, faults="webhook:early,webhook:lost", latency="3600")
    await _submit(api)

    assert [each.state for each in emulator.deliveries] == ["lost"]
    assert subscriber.events == []


async def test_a_held_event_that_was_sent_by_hand_is_not_sent_again(
    start: Start, subscriber: Subscriber, waiting: type[Waiting]
) -> None:
    """It was held for another to overtake it; by then it has gone."""
    emulator, api = await _start(start, subscriber, faults="webhook:reorder")
    await _submit(api)
    await waiting.until(lambda: emulator.deliveries)
    await api.control("POST", f"deliveries/{emulator.deliveries[0].id}/redeliver")
    await _until_ended(waiting, emulator)
    await api.control("POST", "clock", {"advance": 60})

    assert len(subscriber.ids) == 1


async def test_a_reset_forgets_the_attempt_in_flight(start: Start, waiting: type[Waiting]) -> None:
    """Its answer comes to nobody."""
    arrived, go_on, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold(_: web.BaseRequest) -> web.Response:
        arrived.set()
        await go_on.wait()
        answered.set()
        return web.Response()

    async with serve(hold) as server:
        emulator, api = await start(webhook_url=f"{server.url}/", webhook_secret=SECRET)
        await _submit(api)
        await arrived.wait()
        [delivery] = emulator.deliveries
        await api.control("POST", "reset")
        go_on.set()
        await waiting.until(lambda: delivery.attempts)

    assert emulator.deliveries == []
    assert delivery.state == "pending"


async def test_a_forgery_of_bad_news_has_only_the_wrong_signature(
    start: Start, subscriber: Subscriber, waiting: type[Waiting]
) -> None:
    """There is nothing worse to say than that a render failed."""
    emulator, api = await _start(start, subscriber, faults="webhook:forged,render:failed")
    await _submit(api)
    await _until_ended(waiting, emulator, 2)

    assert subscriber.events[0] == subscriber.events[1]
    assert sorted(subscriber.genuine) == [False, True]


async def test_the_log_keeps_the_latest_ten_thousand(start: Start) -> None:
    """Finished deliveries are dropped from the log, oldest first; pending ones are kept."""
    emulator, api = await start(webhook_url="http://127.0.0.1:9/", webhook_secret=SECRET, webhook_delays="60,0,0,0,0")
    outbox, project = emulator._service.outbox, emulator.state["projects"][0]["id"]

    def lose() -> str:
        return outbox.emit(project, {"event": "render.failed"}, "x", [Fault("lost")])[0].id

    first = lose()
    await api.control("POST", f"deliveries/{first}/redeliver")
    ids = [lose() for _ in range(10_002)]

    assert [each.id for each in emulator.deliveries] == [first, *ids[2:]]
