"""The relay: a completion reaches who waits in another process, and a relay that fails costs nothing but time."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any

import attrs
import pytest

from craftkit_async import ClientStateError, Completed, Craftkit, RelayError, Render, WaitTimeoutError
from craftkit_async.testing import FakeReply, signed_delivery
from tests.support.cancelling import settle
from tests.support.observing import Recorder
from tests.support.service import SECRET, Service, delivery_of, now

pytestmark = pytest.mark.virtual_time


@attrs.define
class Exchange:
    """What several processes share: the ends that were published, and who listens."""

    stored: dict[str, Render] = attrs.field(factory=dict)
    listening: list[Callable[[Render], None]] = attrs.field(factory=list)


@attrs.define
class MemoryRelay:
    """One process's way to the exchange; each step of it can be made to fail or to hang."""

    exchange: Exchange
    trouble: dict[str, Exception | float] = attrs.field(factory=dict)
    done: list[Any] = attrs.field(factory=list)

    async def _do(self, what: str, *of: Any) -> None:
        self.done.append((what, *of))
        trouble = self.trouble.get(what, 0.0)
        if isinstance(trouble, Exception):
            raise trouble
        await asyncio.sleep(trouble)

    async def open(self, deliver: Callable[[Render], None]) -> None:
        await self._do("open")
        self.exchange.listening.append(deliver)

    async def publish(self, render: Render, dedupe_key: str) -> None:
        await self._do("publish", render.id, dedupe_key)
        self.exchange.stored[render.id] = render
        for deliver in self.exchange.listening:
            deliver(render)

    async def lookup(self, ids: Collection[str]) -> Iterable[Render]:
        await self._do("lookup", *ids)
        return [self.exchange.stored[each] for each in ids if each in self.exchange.stored]

    async def aclose(self) -> None:
        await self._do("aclose")


def two_processes(service: Service, **options: Any) -> tuple[Craftkit, Craftkit, MemoryRelay, MemoryRelay]:
    exchange = Exchange()
    relays = MemoryRelay(exchange), MemoryRelay(exchange)
    return (*(service.make_client(relay=relay, **options) for relay in relays), *relays)  # type: ignore[return-value]  # two and two


TROUBLES: list[Exception | float] = [RelayError("gone"), ConnectionError("redis://:recognisable@host"), 1000.0]


async def test_a_webhook_in_another_process_ends_the_wait() -> None:
    """It is published before it is answered, and delivered to who waits; the source is the relay."""
    recorder = Recorder()
    here, there, _, relay = two_processes(Service(), observers=[recorder])
    async with here, there:
        assert relay.done == [("open",)]
        waiting = asyncio.ensure_future(here.wait("x1"))
        await asyncio.sleep(0.5)
        relay.trouble["publish"] = 1.0
        receiving = asyncio.ensure_future(there.inbox.receive(*delivery_of("x1")))

        assert (await waiting).is_succeeded
        assert now() == 1.5
        assert (await receiving).status == 200
        assert here.statistics().completed_by_relay == 1
        assert there.statistics().completed_by_webhook == 0
        publishing = relay.done[-1]
        assert publishing[:2] == ("publish", "x1")
        # The hash of the body: the same in a process that knows other secrets as well.
        assert publishing[2] == hashlib.sha256(delivery_of("x1").body).hexdigest()
    assert [event.source for event in recorder.events if isinstance(event, Completed)] == ["relay"]
    assert relay.done[-1] == ("aclose",)


async def test_the_relay_is_asked_before_the_service() -> None:
    """What another process was told long ago needs no poll; what it does not know is polled."""
    service = Service()
    here, there, relay, _ = two_processes(service)
    async with here, there:
        await there.inbox.receive(*delivery_of("x1"))

        assert (await here.wait("x1")).is_succeeded
        # So that the second wait is for an entry of its own: the loop holds the first until its next turn.
        await settle()
        assert (await here.wait("x1", timeout=0)).is_succeeded
        with pytest.raises(WaitTimeoutError):
            await here.wait("x2", timeout=0)
    assert service.polls.keys() == {"x2"}
    assert relay.done[1] == ("lookup", "x1")
    assert here.statistics().completed_by_relay == 2


async def test_a_delivery_that_overtakes_its_202_by_relay() -> None:
    """It waits in the mailbox, and keeps its source."""
    service = Service(latency=5.0)
    here, there, _, _ = two_processes(service)
    async with here, there:
        submitting = asyncio.ensure_future(here.submit("t", {}))
        await settle()
        await there.inbox.receive(*delivery_of("r1"))
        handle = await submitting

        assert handle.source == "relay"
        assert here.statistics().completed_by_relay == 1


async def test_what_a_relay_says_is_not_taken_for_an_end() -> None:
    """Renders that have not ended, or were not asked for, are passed over."""
    service = Service(ends_after=1.0)
    here, _, _, relay = two_processes(service)
    relay.exchange.stored["x1"] = Render("x1", "rendering")
    relay.exchange.stored["x2"] = Render("another", "succeeded")
    async with here:
        waits = [asyncio.ensure_future(here.wait(each)) for each in ("x1", "x2")]
        await settle()
        for deliver in relay.exchange.listening:
            deliver(Render("x1", "rendering"))
        await asyncio.wait(waits)

        assert [wait.result().id for wait in waits] == ["x1", "x2"]
        assert here.statistics().completed_by_poll == 2


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
@pytest.mark.parametrize("what", ["open", "lookup"])
async def test_a_relay_that_fails_ends_no_wait(
    what: str, trouble: Exception | float, caplog: pytest.LogCaptureFixture
) -> None:
    """The service is asked instead; it is said once, without what a foreign error says, and again after it was back."""
    service = Service(ends_after=30.0)
    here, _, relay, _ = two_processes(service)
    relay.trouble[what] = trouble
    with caplog.at_level(logging.WARNING):
        async with here:
            assert (await here.wait("x1")).is_succeeded
            assert len(caplog.records) == 1
            relay.trouble.clear()
            service.ends_after = 1000.0
            with pytest.raises(WaitTimeoutError):
                await here.wait("x2", timeout=3.0)
            assert relay.exchange.listening != []
            relay.trouble["lookup"] = trouble
            with pytest.raises(WaitTimeoutError):
                await here.wait("x3", timeout=30.0)

    assert [record.message[:25] for record in caplog.records] == ["the relay does not answer"] * 2
    assert "recognisable" not in caplog.text


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
@pytest.mark.parametrize("what", ["open", "publish"])
async def test_a_delivery_that_cannot_be_handed_on(what: str, trouble: Exception | float) -> None:
    """It is a 503 so that it comes again, before any handler runs; whoever waits here is told all the same."""
    here, _, relay, _ = two_processes(Service())
    relay.trouble[what] = trouble
    handled: list[Any] = []
    async with here:

        @here.inbox.on("*", before_answer=True)
        async def handle_it(event: Any) -> None:
            handled.append(event)

        handle = here.attach("x1")
        receipt = await here.inbox.receive(*delivery_of("x1"))
        assert (receipt.status, handle.source, handled) == (503, "webhook", [])
        assert receipt.reason
        assert "recognisable" not in receipt.reason

        relay.trouble.clear()
        again = await here.inbox.receive(*delivery_of("x1"))
        assert (again.status, again.duplicate, len(handled)) == (200, False, 1)


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
async def test_a_relay_that_does_not_close(trouble: Exception | float, caplog: pytest.LogCaptureFixture) -> None:
    """The client closes without it."""
    here, _, relay, _ = two_processes(Service())
    relay.trouble["aclose"] = trouble
    async with here:
        pass

    assert "the relay could not be closed" in caplog.text
    assert "recognisable" not in caplog.text
    assert now() < 10.0


async def test_who_begins_to_wait_while_the_relay_closes_is_told() -> None:
    """Nobody may be left behind on a client that is gone."""
    here, _, relay, _ = two_processes(Service())
    relay.trouble["aclose"] = 1.0
    await here.__aenter__()
    closing = asyncio.ensure_future(here.aclose())
    await settle()
    waiting = asyncio.ensure_future(here.wait("x1", timeout=None))
    await closing

    with pytest.raises(ClientStateError, match="during this wait"):
        await waiting
    assert now() == 1.0


async def test_a_relay_is_opened_once_and_by_whoever_needs_it() -> None:
    """Not entered, a client opens it at its first poll; while it closes, nobody opens it again."""
    service = Service(on_poll=lambda *_: FakeReply(json={"id": "x", "status": "queued"}))
    here, _, relay, _ = two_processes(service)
    relay.trouble["open"] = 0.5
    waits = [asyncio.ensure_future(here.wait(f"x{n}", timeout=2.0)) for n in range(3)]
    child = here.with_api_key("ck_test_other")
    async with child:
        await asyncio.wait(waits)

    @here.inbox.on("*")
    async def wait_on(_: object) -> None:
        await asyncio.sleep(0.1)
        with pytest.raises(WaitTimeoutError):
            await here.wait("x9", timeout=0)

    await here.inbox.receive(*delivery_of("x8"))
    await here.aclose()
    assert [what for what, *_ in relay.done].count("open") == 1
    assert relay.done[-1] == ("aclose",)
    assert ("lookup", "x9") not in relay.done


async def test_events_that_are_no_render_are_not_published() -> None:
    """Nobody waits for them."""
    here, _, relay, _ = two_processes(Service())
    async with here:
        await here.inbox.receive(*signed_delivery({"event": "moon.landing"}, SECRET))

        @here.inbox.on("*", before_answer=True)
        async def handle_it(_: object) -> None:
            pass

        await here.inbox.receive(*signed_delivery({"event": "moon.landing", "renderId": "x"}, SECRET))
    assert [what for what, *_ in relay.done] == ["open", "aclose"]
