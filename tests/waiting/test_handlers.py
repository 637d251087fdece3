"""Handlers: after the answer or before it, bounded, and none of them breaks anything."""

import asyncio
import logging
from typing import Any

import pytest

from craftkit_async import ClientStateError, ConfigurationError, HandlerFailed, Limits, LoggingObserver, Timeouts
from craftkit_async.testing import signed_delivery
from tests.support.cancelling import settle
from tests.support.observing import Recorder
from tests.support.service import SECRET, Service, delivery_of, now

pytestmark = pytest.mark.virtual_time

FORM = {
    "event": "form.submitted",
    "sessionId": "s1",
    "templateSlug": "t",
    "templateVersion": 1,
    "renderId": None,
    "data": {"name": "recognisable"},
    "submittedAt": "2026-01-01T00:00:00.000Z",
}


async def test_after_the_answer() -> None:
    """The receipt comes first, then the handlers that fit, in order; whoever waits was told before."""
    async with Service().make_client() as craftkit:
        seen: list[str] = []

        @craftkit.inbox.on("render.succeeded", "render.*")
        async def first(event: Any) -> None:
            assert waiting.done()
            seen.append(f"first {event.render.id}")

        @craftkit.inbox.on("*")
        async def second(event: Any) -> None:
            seen.append(f"second {event.event}")

        @craftkit.inbox.on("render.failed")
        async def other(_: object) -> None:
            raise AssertionError

        waiting = asyncio.ensure_future(craftkit.wait("x1"))
        await settle()
        receipt = await craftkit.inbox.receive(*delivery_of("x1"))
        assert receipt.status == 200
        await settle()
        assert seen == []
        await asyncio.sleep(0.02)

        assert seen == ["first x1", "second render.succeeded"]
        assert (await craftkit.inbox.receive(*delivery_of("x1"))).duplicate
        await asyncio.sleep(1.0)
        assert len(seen) == 2


@pytest.mark.parametrize("wrong", [(), ("",), ("render*",), (7,)])
def test_patterns_are_checked(wrong: Any) -> None:
    """When a handler is registered, not when an event comes."""
    inbox = Service().make_client().inbox
    with pytest.raises(ConfigurationError):
        inbox.on(*wrong)
    with pytest.raises(ConfigurationError, match="async def"):
        inbox.on("*")("no handler")  # type: ignore[type-var]  # that is the point


async def test_bounded() -> None:
    """So many run at once, the others wait for their turn; where the line is full, a delivery comes again later."""
    running = most = done = 0
    async with Service().make_client(limits=Limits(handlers=2)) as craftkit:

        @craftkit.inbox.on("*")
        async def handle_it(_: object) -> None:
            nonlocal running, most, done
            running += 1
            most = max(most, running)
            await asyncio.sleep(1.0)
            running -= 1
            done += 1

        receipts = [await craftkit.inbox.receive(*delivery_of(f"x{n}")) for n in range(210)]
        statuses = [receipt.status for receipt in receipts]
        assert statuses == [200] * 202 + [503] * 8
        assert receipts[-1].reason == "too many handlers wait for their turn"
        await asyncio.sleep(150.0)
        assert (most, done) == (2, 202)

        again = await craftkit.inbox.receive(*delivery_of("x209"))
        assert (again.status, again.duplicate) == (200, False)


async def test_a_failure_is_counted_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """It breaks nothing. The log has its traceback, as of every framework; the event's line has its class alone."""
    recorder = Recorder()
    error = ValueError("recognisable")
    async with Service().make_client(observers=[recorder, LoggingObserver()]) as craftkit:

        @craftkit.inbox.on("*")
        async def fail(_: object) -> None:
            raise error

        with caplog.at_level(logging.DEBUG):
            for n in range(2):
                assert (await craftkit.inbox.receive(*delivery_of(f"x{n}"))).status == 200
            await asyncio.sleep(1.0)

        assert craftkit.statistics().handler_failures == 2
    assert recorder.events[-1] == HandlerFailed("render.succeeded", error)
    assert "test_a_failure_is_counted_told_and_logged.<locals>.fail failed for render.succeeded" in caplog.text
    assert "HandlerFailed(event='render.succeeded', error=ValueError)" in caplog.text
    assert "ValueError: recognisable" in caplog.text


async def test_nobody_observes_a_failure() -> None:
    """It is counted all the same."""
    async with Service().make_client() as craftkit:

        @craftkit.inbox.on("*")
        async def fail(_: object) -> None:
            raise ValueError

        await craftkit.inbox.receive(*delivery_of("x1"))
        await asyncio.sleep(1.0)
        assert craftkit.statistics().handler_failures == 1


# -- before the answer


async def test_before_the_answer_by_default_for_forms() -> None:
    """What may be the only copy is worked off before it is acknowledged."""
    async with Service().make_client() as craftkit:
        saved: list[Any] = []

        @craftkit.inbox.on("*")
        async def save(event: Any) -> None:
            await asyncio.sleep(1.0)
            saved.append(event.event)

        receipt = await craftkit.inbox.receive(*signed_delivery(FORM, SECRET))
        assert (receipt.status, saved, now()) == (200, ["form.submitted"], 1.0)
        await craftkit.inbox.receive(*delivery_of("x1"))
        assert len(saved) == 1


async def test_before_the_answer_in_turn() -> None:
    """Those before it run one after the other; only then those after it."""
    async with Service().make_client() as craftkit:
        order: list[str] = []

        @craftkit.inbox.on("*", before_answer=False)
        async def last(_: object) -> None:
            order.append("last")

        for name in ("one", "two"):

            @craftkit.inbox.on("*", before_answer=True)
            async def each(_: object, name: str = name) -> None:
                await asyncio.sleep(1.0)
                order.append(name)

        await craftkit.inbox.receive(*signed_delivery(FORM, SECRET))
        assert order == ["one", "two"]
        await asyncio.sleep(1.0)
        assert order == ["one", "two", "last"]


@pytest.mark.parametrize("how", ["raises", "takes too long"])
async def test_a_failure_before_the_answer(how: str) -> None:
    """It is a 503; the delivery that comes again runs all handlers again, and then counts as taken."""
    recorder = Recorder()
    async with Service().make_client(observers=[recorder]) as craftkit:
        runs: list[str] = []

        @craftkit.inbox.on("form.submitted")
        async def save(_: object) -> None:
            runs.append("before")
            if len(runs) > 1:
                return
            if how == "raises":
                raise OSError("disk full")
            await asyncio.sleep(1000)

        @craftkit.inbox.on("form.submitted", before_answer=False)
        async def after(_: object) -> None:
            runs.append("after")

        delivery = signed_delivery(FORM, SECRET)
        failed = await craftkit.inbox.receive(*delivery)
        assert (failed.status, failed.reason) == (503, "a handler that runs before the answer failed")
        assert now() == (0.0 if how == "raises" else 10.0)
        await asyncio.sleep(1.0)
        assert runs == ["before"]
        again = await craftkit.inbox.receive(*delivery)
        assert (again.status, again.duplicate) == (200, False)
        assert (await craftkit.inbox.receive(*delivery)).duplicate
        await asyncio.sleep(1.0)

        assert runs == ["before", "before", "after"]
        assert craftkit.statistics().handler_failures == 1
    assert recorder.names.count("HandlerFailed") == 1


@pytest.mark.parametrize("fails", [True, False])
async def test_a_repeat_waits_for_the_first(fails: bool) -> None:  # noqa: FBT001 - a column
    """It is answered as the first is, and not before: an early 200 could be the last word on lost work."""
    async with Service().make_client() as craftkit:
        runs = 0

        @craftkit.inbox.on("*", before_answer=True)
        async def work(_: object) -> None:
            nonlocal runs
            runs += 1
            await asyncio.sleep(5.0)
            if fails:
                raise OSError

        delivery = delivery_of("x1")
        async with asyncio.TaskGroup() as group:
            receiving = [group.create_task(craftkit.inbox.receive(*delivery)) for _ in range(3)]
            leaving = group.create_task(craftkit.inbox.receive(*delivery))
            await asyncio.sleep(1.0)
            leaving.cancel()

        assert (now(), runs) == (5.0, 1)
        receipts = [task.result() for task in receiving]
        assert {receipt.status for receipt in receipts} == {503 if fails else 200}
        assert [receipt.duplicate for receipt in receipts] == [False, True, True]
        assert {receipt.secret for receipt in receipts} == {0}


async def test_whoever_waits_does_not_wait_for_handlers() -> None:
    """The completion comes first, whatever the handlers do with it."""
    async with Service().make_client() as craftkit:

        @craftkit.inbox.on("*", before_answer=True)
        async def fail(_: object) -> None:
            await asyncio.sleep(1.0)
            raise OSError

        waiting = asyncio.ensure_future(craftkit.wait("x1"))
        await settle()
        receiving = asyncio.ensure_future(craftkit.inbox.receive(*delivery_of("x1")))
        await waiting
        assert now() == 0.0
        assert (await receiving).status == 503
        assert craftkit.statistics().duplicates == 0


# -- how a handler may fail


@pytest.mark.parametrize("before_answer", [True, False])
async def test_a_plain_function_is_a_handler(before_answer: bool) -> None:  # noqa: FBT001 - a column
    """One that does not block."""
    heard: list[Any] = []
    async with Service().make_client() as craftkit:
        craftkit.inbox.on("*", before_answer=before_answer)(heard.append)
        receipt = await craftkit.inbox.receive(*delivery_of("x1"))
        await asyncio.sleep(1.0)
        assert receipt.status == 200
        assert [event.render.id for event in heard] == ["x1"]
        assert craftkit.statistics().handler_failures == 0


@pytest.mark.parametrize("before_answer", [True, False])
async def test_a_handler_that_is_cancelled_from_within_has_failed(before_answer: bool) -> None:  # noqa: FBT001 - a column
    """Nobody cancelled the receiver, so it answers; and the failure is counted."""

    async def be_cancelled(_: object) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with Service().make_client() as craftkit:
        craftkit.inbox.on("*", before_answer=before_answer)(be_cancelled)
        receipt = await craftkit.inbox.receive(*delivery_of("x1"))
        await asyncio.sleep(1.0)
        assert receipt.status == (503 if before_answer else 200)
        assert craftkit.statistics().handler_failures == 1


async def test_a_receiver_that_is_cancelled_is_no_failure_of_its_handler() -> None:
    """The delivery may come again."""
    async with Service().make_client() as craftkit:

        @craftkit.inbox.on("*", before_answer=True)
        async def work(_: object) -> None:
            await asyncio.sleep(5.0)

        receiving = asyncio.ensure_future(craftkit.inbox.receive(*delivery_of("x1")))
        await asyncio.sleep(1.0)
        receiving.cancel()
        await asyncio.wait([receiving])
        assert receiving.cancelled()
        assert craftkit.statistics().handler_failures == 0
        assert (await craftkit.inbox.receive(*delivery_of("x1"))).duplicate is False


async def test_handlers_before_an_answer_are_bounded_in_number() -> None:
    """Beyond the limit the service must come again."""
    async with Service().make_client(limits=Limits(handlers=2)) as craftkit:

        @craftkit.inbox.on("*", before_answer=True)
        async def work(_: object) -> None:
            await asyncio.sleep(5.0)

        tasks = [asyncio.ensure_future(craftkit.inbox.receive(*delivery_of(f"x{n}"))) for n in range(3)]
        await asyncio.sleep(1.0)
        assert [task.done() for task in tasks] == [False, False, True]
        assert tasks[2].result().reason == "too many handlers run before their answers"
        await asyncio.wait(tasks)
        assert [task.result().status for task in tasks] == [200, 200, 503]
        assert (await craftkit.inbox.receive(*delivery_of("x2"))).status == 200


@pytest.mark.parametrize(("limit", "failures"), [(2.0, 1), (None, 0)])
async def test_a_handler_after_the_answer_is_bounded_in_time(limit: float | None, failures: int) -> None:
    """By `Timeouts.handler`; None is no limit."""
    ended: list[str] = []
    async with Service().make_client(timeouts=Timeouts(handler=limit)) as craftkit:

        @craftkit.inbox.on("*")
        async def work(_: object) -> None:
            try:
                await asyncio.sleep(500.0)
            finally:
                ended.append("ended")

        await craftkit.inbox.receive(*delivery_of("x1"))
        await asyncio.sleep(3.0)
        assert len(ended) == failures
        await asyncio.sleep(500.0)
        assert craftkit.statistics().handler_failures == failures


async def test_no_handler_begins_after_the_drain() -> None:
    """However a handler that is dropped ends."""
    begun: list[str] = []
    craftkit = Service().make_client(limits=Limits(handlers=1), timeouts=Timeouts(close=0.001))

    @craftkit.inbox.on("*")
    async def work(event: Any) -> None:
        begun.append(event.render.id)
        try:
            await asyncio.sleep(100.0)
        finally:
            await asyncio.sleep(0.5)

    async with craftkit:
        for n in range(3):
            await craftkit.inbox.receive(*delivery_of(f"x{n}"))
        await asyncio.sleep(0.5)
    await asyncio.sleep(200.0)
    assert begun == ["x0"]
    assert craftkit.statistics().handler_failures == 3
    async with craftkit:
        await craftkit.inbox.receive(*delivery_of("x9"))
        await asyncio.sleep(0.5)
        assert begun == ["x0", "x9"]


async def test_a_handler_that_ends_after_closing_starts_none() -> None:
    """What is acknowledged while the client closes is dropped, counted and told."""
    recorder = Recorder()
    craftkit = Service().make_client(observers=[recorder])
    async with craftkit:
        handlers = craftkit._waiting._make_deliveries().handlers
        await handlers.drain(0.0)
        handlers.start([lambda _: None], (await craftkit.inbox.receive(*delivery_of("x1"))).event)  # type: ignore[arg-type]  # there is one
        assert craftkit.statistics().handler_failures == 1
    assert isinstance(recorder.events[-1].error, ClientStateError)  # type: ignore[attr-defined]  # the event of a failure


# -- repeats


async def test_made_up_delivery_ids_make_no_form_run_again() -> None:
    """One genuine body of a signature event with any number of ids pushes out none of the forms."""
    handled: list[str] = []
    form = signed_delivery(FORM, SECRET)
    sent = {"event": "signature.signed", "signatureRequestId": "s1", "renderId": "r1"}
    async with Service().make_client() as craftkit:
        craftkit.inbox.on("form.submitted")(lambda event: handled.append(event.event))
        await craftkit.inbox.receive(*form)
        body, headers = signed_delivery(sent, SECRET)
        for number in range(70_000):
            fields = {"x-craftkit-signature": headers["x-craftkit-signature"], "x-craftkit-delivery-id": str(number)}
            receipt = await craftkit.inbox.receive(body, fields)
            assert receipt.status == 200
        assert (await craftkit.inbox.receive(*form)).duplicate
    assert handled == ["form.submitted"]


async def test_a_flood_that_passes_makes_no_work_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was worked on is remembered apart from what merely passed."""
    monkeypatch.setattr("craftkit_async._sansio.webhooks.duplicates._REMEMBERED", 4)
    handled: list[str] = []
    async with Service().make_client() as craftkit:
        craftkit.inbox.on("render.failed")(lambda event: handled.append(event.render.id))
        await craftkit.inbox.receive(*delivery_of("x1", "failed"))
        for n in range(50):
            await craftkit.inbox.receive(*delivery_of(f"y{n}"))
        assert (await craftkit.inbox.receive(*delivery_of("x1", "failed"))).duplicate
        await asyncio.sleep(1.0)
    assert handled == ["x1"]
