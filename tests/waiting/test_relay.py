"""The relay: a shortcut between processes that can fail, hang and lie, and costs nothing but time."""

import asyncio
from typing import Any

import pytest

from craftkit_async import (
    ClientStateError,
    Completed,
    ConfigurationError,
    Craftkit,
    Limits,
    RelayError,
    SignedRender,
    Timeouts,
    WaitTimeoutError,
)
from craftkit_async.relays.memory import MemoryRelay
from craftkit_async.testing import FakeReply, relay_contract, signed_delivery
from tests.support.cancelling import other_tasks, settle
from tests.support.observing import Recorder
from tests.support.relays import two_processes
from tests.support.service import FORM, LOST, SECRET, Service, delivery_of, ended, now

pytestmark = pytest.mark.virtual_time

GONE: list[Exception | float] = [RelayError("gone"), ConnectionError("redis://:recognisable@host"), 1000.0]


async def test_the_memory_relay_keeps_the_contract() -> None:
    """As every relay must."""
    first = MemoryRelay()
    await relay_contract(first.peer)


async def test_a_broken_relay_breaks_the_contract() -> None:
    """The rule that is broken is named."""

    class Forgetful(MemoryRelay):
        async def publish(self, render_id: str, delivery: SignedRender) -> None:
            pass

    with pytest.raises(AssertionError, match="the relay breaks its contract: what one relay publishes"):
        await relay_contract(Forgetful)


async def test_the_memory_relay_is_bounded() -> None:
    """By count and by age."""
    relay = MemoryRelay(keep=10.0, most=2)
    for number in range(3):
        await relay.publish(f"r{number}", SignedRender(b"", "s"))

    assert set(await relay.lookup(["r0", "r1", "r2"])) == {"r1", "r2"}
    await asyncio.sleep(10.5)
    assert await relay.lookup(["r1", "r2"]) == {}
    with pytest.raises(RelayError, match="claim"):
        await relay.commit("never claimed", "token")


# ---- completions


async def test_a_webhook_in_another_process_completes_the_wait() -> None:
    """At once, without a poll."""
    service, recorder = Service(), Recorder()
    here, there, _, _ = two_processes(service, observers=[recorder])
    async with here, there:
        handle = await here.submit("t", {})
        waiting = asyncio.ensure_future(handle.wait())
        await settle()
        receipt = await there.inbox.receive(*delivery_of(handle.id))

        assert (receipt.status, receipt.duplicate) == (200, False)
        assert (await waiting).is_succeeded
        assert handle.source == "relay"
        assert here.statistics().completed_by_relay == 1
        assert service.polls == {}
    assert Completed in {type(event) for event in recorder.events}


async def test_an_end_that_was_published_before_is_looked_up() -> None:
    """After the 202, and at the first poll of an id from elsewhere; polls go on meanwhile."""
    service = Service()
    here, there, relay, _ = two_processes(service)
    async with here, there:
        await there.inbox.receive(*delivery_of("r1"))
        await there.inbox.receive(*delivery_of("x7"))
        handle = await here.submit("t", {})
        await settle()
        assert handle.source == "relay"
        assert (await here.wait("x7")).is_succeeded
        assert relay.called("lookup") == [["r1"], ["x7"]]
        # The poll of an id from elsewhere is not put off.
        assert list(service.polls) == ["x7"]


async def test_all_ids_of_a_turn_are_looked_up_together() -> None:
    """A thousand at most in one call."""
    service = Service()
    here, _, relay, _ = two_processes(service)
    async with here:
        waits = [asyncio.ensure_future(here.wait(f"x{n}")) for n in range(1001)]
        await asyncio.sleep(0.1)
        assert [len(ids) for ids in relay.called("lookup")] == [1000, 1]
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)


async def test_after_a_gap_everything_waited_for_is_looked_up() -> None:
    """A relay that was disconnected may have missed something."""
    service = Service()
    here, _, relay, _ = two_processes(service)
    async with here:
        waiting = asyncio.ensure_future(here.wait("x1"))
        await asyncio.sleep(0.1)
        relay.on_gap()
        await settle()
        assert relay.called("lookup") == [["x1"], ["x1"]]
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_what_a_relay_brings_is_verified_again() -> None:
    """With the secrets of the project that waits; the id in the body must be the one it was filed under."""
    service = Service()
    here, _, relay, _ = two_processes(service)
    async with here:
        handle = await here.submit("t", {})
        other = await here.submit("t", {})
        genuine = delivery_of(handle.id)
        signature = genuine.headers["x-craftkit-signature"]
        forged: list[Any] = [
            (handle.id, SignedRender(genuine.body, "0" * 64)),
            (other.id, SignedRender(genuine.body, signature)),
            (handle.id, SignedRender(b"[", signature)),
            (handle.id, None),
            (handle.id, ("text", 7)),
            (
                handle.id,
                SignedRender(*_signed({"event": "render.succeeded", "renderId": handle.id, "status": "queued"})),
            ),
        ]
        for render_id, record in forged:
            relay.hear(render_id, record)
        relay.hear("nobody waits for this", SignedRender(genuine.body, signature))

        assert (handle.source, other.source) == (None, None)
        assert here.statistics().relay_refused == len(forged)
        relay.hear(handle.id, SignedRender(genuine.body, signature))
        assert handle.source == "relay"


def _signed(event: dict[str, Any]) -> tuple[bytes, str]:
    body, headers = signed_delivery(event, SECRET)
    return body, headers["x-craftkit-signature"]


@pytest.mark.parametrize("records", [None, 7, {"x1": 7}, {"x1": [7]}])
async def test_a_lookup_that_answers_nonsense_is_a_failure(records: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is counted and logged once, and polls find the end."""
    service = Service(ends_after=3.0)
    here, _, relay, _ = two_processes(service)

    class Odd(MemoryRelay):
        async def lookup(self, render_ids: Any) -> Any:  # noqa: ARG002 - whatever is asked for
            return records

    relay.inner = Odd()
    async with here:
        assert (await here.wait("x1")).is_succeeded
        assert here.statistics().relay_failures == 1
    assert "lookup" in caplog.text


@pytest.mark.parametrize("fault", GONE, ids=["relay error", "foreign error", "hangs"])
@pytest.mark.parametrize("method", ["open", "lookup"])
async def test_a_relay_that_fails_delays_no_poll(
    method: str, fault: Exception | float, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is sent when the pace says so, and the log says once what is wrong, without a foreign error's text."""
    service = Service(ends_after=4.0)
    here, _, relay, _ = two_processes(service)
    relay.faults[method] = fault
    async with here:
        start = now()
        assert start <= 3.0
        handle = await here.submit("t", {})
        assert (await handle).is_succeeded
        assert service.ages[handle.id] == pytest.approx([0.25, 0.75, 1.75, 3.75, 7.75])
        assert handle.source == "poll"
        assert here.statistics().relay_failures >= 1
    assert caplog.text.count("the relay does not answer") == 1
    assert "recognisable" not in caplog.text
    assert not other_tasks()


async def test_no_lookup_is_made_for_a_while_after_one_failed() -> None:
    """What it would have brought, polls find; then it is tried again."""
    here, _, relay, _ = two_processes(Service())
    relay.faults["lookup"] = RelayError("gone")
    async with here:
        for pause in (0.1, 5.0, 1.0):
            await here.submit("t", {})
            await asyncio.sleep(pause)
        assert len(relay.called("lookup")) == 2


async def test_a_relay_that_comes_later_is_opened_in_the_background() -> None:
    """And asked for everything that is waited for."""
    service = Service()
    here, there, relay, _ = two_processes(service)
    relay.faults["open"] = RelayError("gone")
    async with here, there:
        handle = await here.submit("t", {})
        waiting = asyncio.ensure_future(handle.wait())
        await there.inbox.receive(*delivery_of(handle.id))
        relay.faults.clear()
        await asyncio.sleep(6.0)
        assert handle.source == "relay"
        await waiting
    assert len(relay.called("open")) > 1


# ---- deliveries


@pytest.mark.parametrize("fault", GONE, ids=["relay error", "foreign error", "hangs"])
@pytest.mark.parametrize("is_awaited", [True, False])
async def test_a_delivery_that_cannot_be_published(is_awaited: bool, fault: Exception | float) -> None:  # noqa: FBT001 - a column
    """Who is waited for here is complete; a delivery for nobody here must come again."""
    here, _, relay, _ = two_processes(Service())
    async with here:
        relay.faults["publish"] = fault
        handle = await here.submit("t", {})
        start = now()
        receipt = await here.inbox.receive(*delivery_of(handle.id if is_awaited else "x1"))
        assert receipt.status == (200 if is_awaited else 503)
        assert now() - start <= 3.0
        relay.faults.clear()
        again = await here.inbox.receive(*delivery_of(handle.id if is_awaited else "x1"))
        assert (again.status, again.duplicate) == (200, is_awaited)


async def test_only_renders_are_published() -> None:
    """And only those that fit into a record; polls find the others."""
    here, _, relay, _ = two_processes(Service())
    async with here:
        here.inbox.on("*")(lambda _: None)
        await here.inbox.receive(*signed_delivery({"event": "moon.landing"}, SECRET))
        await here.inbox.receive(*signed_delivery(FORM, SECRET))
        large = delivery_of("x1", errorMessage="x" * 70_000, named="failed")
        assert (await here.inbox.receive(*large)).status == 200
        await here.inbox.receive(*delivery_of("x2"))
    assert relay.called("publish") == ["x2"]


async def test_work_is_done_once_in_all_processes() -> None:
    """By the process that claims it; a repeat elsewhere is a duplicate there."""
    here, there, _, _ = two_processes(Service())
    done: list[str] = []
    async with here, there:
        for name, craftkit in (("here", here), ("there", there)):
            craftkit.inbox.on("*", before_answer=True)(lambda _, name=name: done.append(name))
        first = await here.inbox.receive(*delivery_of("x1"))
        second = await there.inbox.receive(*delivery_of("x1"))

    assert (first.status, first.duplicate) == (200, False)
    assert (second.status, second.duplicate) == (200, True)
    assert done == ["here"]


@pytest.mark.parametrize("seconds", [1.0, 9.0])
async def test_a_repeat_waits_for_another_process(seconds: float) -> None:
    """Whose lease is renewed for as long as its handler runs."""
    here, there, _, _ = two_processes(Service())
    begun: list[str] = []
    async with here, there:

        @here.inbox.on("*", before_answer=True)
        async def work(_: object) -> None:
            begun.append("here")
            await asyncio.sleep(seconds)

        there.inbox.on("*", before_answer=True)(lambda _: begun.append("there"))
        first = asyncio.ensure_future(here.inbox.receive(*delivery_of("x1")))
        await asyncio.sleep(0.1)
        second = await there.inbox.receive(*delivery_of("x1"))

        assert ((await first).status, second.status, second.duplicate) == (200, 200, True)
        assert begun == ["here"]
        assert there.statistics().busy == 1


async def test_another_process_is_not_waited_for_for_ever() -> None:
    """After ten seconds the service must come again."""
    here, _, relay, _ = two_processes(Service())
    async with here:
        here.inbox.on("*", before_answer=True)(lambda _: None)
        await relay.claim(delivery_of("x1").headers["x-craftkit-signature"], "foreign", 1000.0)
        receipt = await asyncio.ensure_future(here.inbox.receive(*delivery_of("x1")))

        assert (receipt.status, receipt.reason) == (503, "another process is still at work on this delivery")
        assert 10.0 <= now() < 10.5


async def test_a_claim_that_a_dead_process_left_is_taken_over() -> None:
    """When its lease has run out."""
    here, _, relay, _ = two_processes(Service())
    done: list[Any] = []
    async with here:
        here.inbox.on("*")(done.append)
        await relay.claim(delivery_of("x1").headers["x-craftkit-signature"], "dead", 5.0)
        receipt = await here.inbox.receive(*delivery_of("x1"))
        await asyncio.sleep(1.0)

    assert receipt.status == 200
    assert len(done) == 1


async def test_waiting_for_other_processes_is_bounded_in_number() -> None:
    """Beyond it the service must come again."""
    here, _, relay, _ = two_processes(Service(), limits=Limits(handlers=2))
    async with here:
        here.inbox.on("*")(lambda _: None)
        deliveries = [delivery_of(f"x{n}") for n in range(3)]
        for delivery in deliveries:
            await relay.claim(delivery.headers["x-craftkit-signature"], "elsewhere", 60.0)
        tasks = [asyncio.ensure_future(here.inbox.receive(*delivery)) for delivery in deliveries]
        await asyncio.sleep(0.5)
        assert [task.done() for task in tasks] == [False, False, True]
        assert tasks[2].result().reason == "too many deliveries wait for work of other processes"
        await asyncio.wait(tasks)
        assert {task.result().status for task in tasks} == {503}


async def test_a_failure_before_the_answer_gives_the_claim_back() -> None:
    """So that any process may try again at once."""
    here, there, relay, _ = two_processes(Service())
    done: list[Any] = []

    def fail(_: object) -> None:
        raise ValueError

    async with here, there:
        here.inbox.on("*", before_answer=True)(fail)
        there.inbox.on("*", before_answer=True)(done.append)
        assert (await here.inbox.receive(*delivery_of("x1"))).status == 503
        assert (await there.inbox.receive(*delivery_of("x1"))).status == 200

    assert len(done) == 1
    assert len(relay.called("release")) == 1


@pytest.mark.parametrize("fault", GONE, ids=["relay error", "foreign error", "hangs"])
@pytest.mark.parametrize("method", ["claim", "commit"])
@pytest.mark.parametrize("kind", ["before", "after", "form"])
async def test_work_under_a_relay_that_fails(kind: str, method: str, fault: Exception | float) -> None:
    """Without a claim nothing runs, except for a form; without a commit nothing runs that had not run before it."""
    here, _, relay, _ = two_processes(Service())
    done: list[str] = []
    async with here:
        relay.faults[method] = fault
        here.inbox.on("*", before_answer=kind != "after")(lambda event: done.append(event.event))
        delivery = signed_delivery(FORM, SECRET) if kind == "form" else delivery_of("x1")
        receipt = await here.inbox.receive(*delivery)
        await asyncio.sleep(1.0)
        works = kind == "form" or (kind == "before" and method == "commit")
        assert (receipt.status, len(done)) == ((200, 1) if works else (503, 0))
        relay.faults.clear()
        again = await here.inbox.receive(*delivery)
        await asyncio.sleep(1.0)
        assert again.status == 200
        assert len(done) == 1


async def test_a_claim_that_is_no_claim_is_a_failure() -> None:
    """A relay of somebody else's may answer anything."""
    here, _, relay, _ = two_processes(Service())

    class Odd(MemoryRelay):
        async def claim(self, key: str, token: str, seconds: float) -> Any:  # noqa: ARG002 - whatever is asked for
            return True

    relay.inner = Odd()
    async with here:
        here.inbox.on("*")(lambda _: None)
        receipt = await here.inbox.receive(*delivery_of("x1"))
        assert (receipt.status, receipt.reason) == (503, "the relay answered a claim with bool instead of a Claim")


async def test_a_renewal_and_a_release_that_fail_are_counted() -> None:
    """The lease runs out by itself."""
    here, _, relay, _ = two_processes(Service())

    async def fail(_: object) -> None:
        relay.faults.update(claim=RelayError("gone"), release=RelayError("gone"))
        await asyncio.sleep(3.0)
        raise ValueError

    async with here:
        here.inbox.on("*", before_answer=True)(fail)
        assert (await here.inbox.receive(*delivery_of("x1"))).status == 503
        assert here.statistics().relay_failures == 2


async def test_cancelled_from_within_is_a_failure() -> None:
    """A connection pool that shuts down cancels the tasks that wait for it; nobody cancelled the receiver."""
    here, _, relay, _ = two_processes(Service())
    relay.faults["publish"] = asyncio.CancelledError()
    async with here:
        receipt = await here.inbox.receive(*delivery_of("x1"))
        assert (receipt.status, receipt.reason) == (503, "the relay was cancelled from within")


async def test_a_cancelled_receiver_is_cancelled() -> None:
    """While it publishes."""
    here, _, relay, _ = two_processes(Service())
    relay.faults["publish"] = 2.0
    async with here:
        receiving = asyncio.ensure_future(here.inbox.receive(*delivery_of("x1")))
        await asyncio.sleep(0.5)
        receiving.cancel()
        await asyncio.wait([receiving])
        assert receiving.cancelled()
        assert (await here.inbox.receive(*delivery_of("x1"))).duplicate is False


# ---- opening and closing


@pytest.mark.parametrize("fault", GONE, ids=["relay error", "foreign error", "hangs"])
async def test_a_relay_that_does_not_close(fault: Exception | float, caplog: pytest.LogCaptureFixture) -> None:
    """It is given up, and the client is closed."""
    here, _, relay, _ = two_processes(Service())
    async with here:
        relay.faults["aclose"] = fault
    assert now() <= 3.0
    assert "the relay could not be closed" in caplog.text
    assert "recognisable" not in caplog.text


async def test_who_begins_to_wait_while_the_relay_closes_is_told() -> None:
    """Nobody waits for ever on a client that closes, and a delivery that comes meanwhile must come again."""
    here, _, relay, _ = two_processes(Service(on_poll=lambda *_: LOST))
    async with here:
        relay.faults["aclose"] = 2.0
        closing = asyncio.ensure_future(here.aclose())
        await asyncio.sleep(1.0)
        waiting = asyncio.ensure_future(here.wait("x1"))
        assert (await here.inbox.receive(*delivery_of("x2"))).status == 503
        await closing
        with pytest.raises(ClientStateError):
            await waiting


async def test_closing_that_is_cancelled_closes_the_relay() -> None:
    """And loses nobody who waits."""
    here, _, relay, _ = two_processes(Service())
    async with here:
        waiting = asyncio.ensure_future(here.wait("x1"))

        @here.inbox.on("*")
        async def work(_: object) -> None:
            await asyncio.sleep(1000.0)

        await here.inbox.receive(*delivery_of("x2"))
        await asyncio.sleep(0.5)
        closing = asyncio.ensure_future(here.aclose())
        await asyncio.sleep(0.5)
        closing.cancel()
        await asyncio.wait([closing])
        assert closing.cancelled()
        with pytest.raises(ClientStateError):
            await waiting
        assert len(relay.called("aclose")) == 1


async def test_work_that_outlives_the_client_opens_no_relay() -> None:
    """A delivery that waits for another process may do so for longer than closing lasts."""
    here, _, relay, _ = two_processes(Service(), timeouts=Timeouts(close=1.0))
    here.inbox.on("*", before_answer=True)(lambda _: None)
    async with here:
        await relay.claim(delivery_of("x1").headers["x-craftkit-signature"], "foreign", 1000.0)
        receiving = asyncio.ensure_future(here.inbox.receive(*delivery_of("x1")))
        await asyncio.sleep(0.5)
    receipt = await receiving

    assert receipt.status == 503
    assert len(relay.called("open")) == len(relay.called("aclose")) == 1
    assert not other_tasks()


async def test_two_who_find_the_relay_unopened_open_it_once() -> None:
    """Whoever comes while it is being opened waits for that."""
    here, _, relay, _ = two_processes(Service())
    relay.faults["open"] = RelayError("gone")
    async with here:
        relay.faults["open"] = 0.5
        receiving = [asyncio.ensure_future(here.inbox.receive(*delivery_of(f"x{n}"))) for n in range(2)]

        assert [(await each).status for each in receiving] == [200, 200]
        assert len(relay.called("open")) == 2


async def test_closing_while_the_relay_is_opened_in_the_background() -> None:
    """Nothing goes on afterwards."""
    here, _, relay, _ = two_processes(Service())
    relay.faults["open"] = RelayError("gone")
    async with here:
        await asyncio.sleep(2.0)
    assert not other_tasks()
    assert relay.called("aclose") == []


async def test_opened_again_the_relay_is_opened_again() -> None:
    """On whatever loop that is."""
    here, there, relay, _ = two_processes(Service())
    for _ in range(2):
        async with here, there:
            handle = await here.submit("t", {})
            await there.inbox.receive(*delivery_of(handle.id))
            await settle()
            assert handle.source == "relay"
    assert len(relay.called("open")) == 2


@pytest.mark.parametrize("wrong", [object(), "redis://", FakeReply()])
def test_what_is_no_relay_is_refused(wrong: Any) -> None:
    """When the client is made."""
    with pytest.raises(ConfigurationError, match="relay takes an object with the async methods open, publish"):
        Craftkit("ck_test_key", relay=wrong)


async def test_a_relay_is_no_source_of_truth() -> None:
    """What it never brings, polls find, or the wait times out."""
    here, _, _, _ = two_processes(Service())
    async with here:
        with pytest.raises(WaitTimeoutError):
            await here.wait("x1", timeout=10.0)


async def test_a_wait_that_polls_complete_hears_nothing_more() -> None:
    """What the relay brings later is dropped before any hash."""
    service = Service()
    here, there, _, _ = two_processes(service)
    async with here, there:
        service.on_poll = lambda render_id, _: FakeReply(json=ended(render_id))
        handle = await here.submit("t", {})
        await handle
        await there.inbox.receive(*delivery_of(handle.id))
        await settle()
        assert handle.source == "poll"
        assert here.statistics().relay_refused == 0
