"""Closing: every wait ends, handlers come to their end within bounds, and the client may be opened again anywhere."""

import asyncio
import logging
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from craftkit_async import ClientStateError, Craftkit, HandlerFailed, Limits, Receipt, Timeouts, WaitTimeoutError
from craftkit_async.testing import VirtualTimeLoop
from tests.support.cancelling import cancel_everywhere, other_tasks, settle
from tests.support.observing import Recorder
from tests.support.service import LOST, Service, delivery_of, now

virtual_time = pytest.mark.virtual_time


@virtual_time
@pytest.mark.parametrize("stage", ["between polls", "during a poll", "in the line", "of a displaced entry"])
async def test_closed_while_polls_run(stage: str) -> None:
    """Everybody who waits is told, polls end, and nothing goes on afterwards."""
    service = Service()
    if stage != "between polls":
        service.on_poll = lambda *_: LOST
    async with service.make_client(limits=Limits(requests=1 if stage == "in the line" else 256)) as craftkit:
        if stage == "in the line":
            asyncio.ensure_future(craftkit.wait("x0")).add_done_callback(lambda task: task.exception())
            await settle()
        foreign = craftkit.with_api_key("ck_test_other")
        first = asyncio.ensure_future(foreign.wait("r1") if "displaced" in stage else craftkit.wait("x1"))
        await settle()
        handle = await craftkit.submit("t", {})
        waits = [first, asyncio.ensure_future(handle.wait()), asyncio.ensure_future(handle.wait(timeout=None))]
        await asyncio.sleep(0.6)
        assert craftkit.statistics().pending >= 2

    await asyncio.wait(waits)
    assert all(isinstance(wait.exception(), ClientStateError) for wait in waits)
    assert "closed during this wait" in str(first.exception())
    polled = len(service.transport.requests)
    await settle()
    assert not other_tasks()
    await asyncio.sleep(1000)
    assert len(service.transport.requests) == polled
    with pytest.raises(ClientStateError, match="closed"):
        await handle


@virtual_time
async def test_who_waits_for_an_id_of_another_project_is_told_too() -> None:
    """Their entries are in no registry, and end with the client all the same."""
    service = Service()
    async with service.make_client() as craftkit:
        ours = craftkit.attach("x1")
        theirs = asyncio.ensure_future(craftkit.with_api_key("ck_test_other").wait("x1", timeout=None))
        await settle()
        assert craftkit.statistics().pending == 1

    with pytest.raises(ClientStateError):
        await theirs
    assert ours.snapshot is None


@virtual_time
async def test_a_cancelled_close_leaves_a_client_that_can_be_closed() -> None:
    """Whoever gives up closing may do it later; what came in meanwhile was told to come again."""
    service = Service()
    craftkit = service.make_client()
    done = asyncio.Event()

    @craftkit.inbox.on("*")
    async def handle_it(_: object) -> None:
        await done.wait()

    await craftkit.inbox.receive(*delivery_of("x1"))
    closing = asyncio.ensure_future(craftkit.aclose())
    await asyncio.sleep(1.0)
    receipt = await craftkit.inbox.receive(*delivery_of("x2"))
    assert (receipt.status, receipt.reason) == (503, "the client is closing")
    closing.cancel()
    await asyncio.wait([closing])
    assert closing.cancelled()
    assert (await craftkit.inbox.receive(*delivery_of("x2"))).status == 503
    done.set()
    await craftkit.aclose()
    await craftkit.aclose()


@virtual_time
@pytest.mark.parametrize("cancellations", [1, 2, 3])
async def test_a_cancelled_close_loses_nobody(cancellations: int) -> None:
    """Waits that handlers began during the drain fail, and may be cancelled before or after; the client is closed."""
    service = Service(on_poll=lambda *_: LOST)
    craftkit = service.make_client()
    waits: list[asyncio.Task[Any]] = []

    @craftkit.inbox.on("*")
    async def wait_again(_: object) -> None:
        waits.extend(asyncio.ensure_future(craftkit.wait(f"x{n}", timeout=None)) for n in range(3))
        await asyncio.sleep(5.0)

    waits.append(asyncio.ensure_future(craftkit.wait("x0", timeout=None)))
    await craftkit.inbox.receive(*delivery_of("x9"))
    closing = asyncio.ensure_future(craftkit.aclose())
    await asyncio.sleep(1.0)
    assert len(waits) == 4
    waits[1].cancel()
    for _ in range(cancellations):
        closing.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([closing])
    assert closing.cancelled()
    waits[2].cancel()

    await asyncio.wait(waits)
    assert waits[1].cancelled()
    assert all(isinstance(waits[n].exception(), ClientStateError) for n in (0, 3))
    with pytest.raises(ClientStateError, match="closed"):
        await craftkit.wait("x1")
    await asyncio.sleep(100.0)
    assert not other_tasks()


@virtual_time
async def test_closing_may_be_cancelled_anywhere() -> None:
    """At whichever await that is: every wait has ended, and nothing of the client is left."""
    service = Service(on_poll=lambda *_: LOST)
    clients: list[Craftkit] = []
    waits: list[asyncio.Task[Any]] = []

    async def begin() -> None:
        craftkit = service.make_client()

        @craftkit.inbox.on("*")
        async def wait_again(_: object) -> None:
            for n in range(3):
                waits.append(asyncio.ensure_future(craftkit.wait(f"x{n}", timeout=None)))
                await asyncio.sleep(0)

        waits.append(asyncio.ensure_future(craftkit.wait("x1", timeout=None)))
        await craftkit.inbox.receive(*delivery_of("x9"))
        clients.append(craftkit)

    async def check() -> None:
        await asyncio.sleep(100.0)
        assert waits
        assert all(isinstance(wait.exception(), ClientStateError) for wait in waits)
        assert not other_tasks()
        waits.clear()
        await begin()

    async def close_the_latest() -> None:
        await clients[-1].aclose()

    await begin()
    assert await cancel_everywhere(close_the_latest, check) > 3
    await clients[-1].aclose()
    await check()
    await clients[-1].aclose()
    assert all(isinstance(wait.exception(), ClientStateError) for wait in waits)


@virtual_time
async def test_nobody_begins_to_wait_while_the_client_closes() -> None:
    """Who does it all the same, while handlers or the relay come to their end, is told."""
    service = Service()
    craftkit = service.make_client()
    waits: list[asyncio.Task[Any]] = []

    @craftkit.inbox.on("*")
    async def wait_again(_: object) -> None:
        waits.append(asyncio.ensure_future(craftkit.wait("x1")))
        await asyncio.sleep(1.0)
        waits.append(asyncio.ensure_future(craftkit.wait("x2", timeout=None)))

    async with craftkit:
        await craftkit.inbox.receive(*delivery_of("x1"))

    await asyncio.wait(waits)
    assert all(isinstance(wait.exception(), ClientStateError) for wait in waits) * 2


@virtual_time
async def test_handlers_are_drained() -> None:
    """What was accepted is worked off, those in line included, and may wait for renders meanwhile."""
    service = Service(ends_after=0.0)
    done: list[str] = []
    craftkit = service.make_client(limits=Limits(handlers=2))

    @craftkit.inbox.on("*")
    async def handle_it(event: Any) -> None:
        await asyncio.sleep(1.0)
        await craftkit.wait(event.render.id)
        done.append(event.render.id)

    async with craftkit:
        for n in range(5):
            await craftkit.inbox.receive(*delivery_of(f"x{n}"))
    assert done == ["x0", "x1", "x2", "x3", "x4"]
    assert 3.0 < now() < 3.1


@virtual_time
@pytest.mark.parametrize("patience", [1e-9, 2.0])
async def test_draining_is_bounded(patience: float, caplog: pytest.LogCaptureFixture) -> None:
    """Handlers that take longer than `Timeouts.close` are dropped; the log, the counts and observers say so."""
    service = Service()
    ended: list[str] = []
    recorder = Recorder()
    craftkit = service.make_client(limits=Limits(handlers=2), timeouts=Timeouts(close=patience), observers=[recorder])

    @craftkit.inbox.on("*")
    async def sleep_long(event: Any) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(event.render.id)

    async with craftkit:
        for n in range(5):
            await craftkit.inbox.receive(*delivery_of(f"x{n}"))
        await asyncio.sleep(0.5)

    assert now() == pytest.approx(0.5 + patience)
    assert sorted(ended) == ["x0", "x1"]
    assert "the client was closed before 5 webhook handlers had finished" in caplog.text
    assert craftkit.statistics().handler_failures == 5
    told = [event.error for event in recorder.events if isinstance(event, HandlerFailed)]
    assert sorted(str(error) for error in told) == [
        *["the client was closed before this handler began"] * 3,
        *["the client was closed before this handler finished"] * 2,
    ]
    assert {type(error) for error in told} == {ClientStateError}
    assert not other_tasks()


@virtual_time
@pytest.mark.parametrize(("patience", "answer", "expected"), [(5.0, 200, ["before", "after"]), (1.0, 503, ["before"])])
async def test_handlers_before_an_answer_are_waited_for(patience: float, answer: int, expected: list[str]) -> None:
    """And those after it with them; where that would take too long, the delivery is to come again."""
    done: list[str] = []
    craftkit = Service().make_client(timeouts=Timeouts(close=patience))

    @craftkit.inbox.on("*", before_answer=True)
    async def before(_: Any) -> None:
        await asyncio.sleep(2.0)
        done.append("before")

    @craftkit.inbox.on("render.succeeded")
    async def after(_: Any) -> None:
        done.append("after")

    async with craftkit:
        receiving = asyncio.ensure_future(craftkit.inbox.receive(*delivery_of("x1")))
        await asyncio.sleep(0.0)

    assert now() == pytest.approx(min(patience, 2.0), abs=0.1)
    assert (await receiving).status == answer
    await asyncio.sleep(10.0)
    assert done == expected


@virtual_time
async def test_what_was_done_before_the_answer_is_not_wanted_again() -> None:
    """If nothing was to follow, a client that closed meanwhile makes no difference."""
    craftkit = Service().make_client(timeouts=Timeouts(close=1.0))

    @craftkit.inbox.on("*", before_answer=True)
    async def before(_: Any) -> None:
        await craftkit.aclose()

    async with craftkit:
        receipt = await craftkit.inbox.receive(*delivery_of("x1"))

    assert (receipt.status, now()) == (200, 0.0)


@virtual_time
async def test_a_handler_that_refuses_to_end_is_left_behind() -> None:
    """It cannot keep the client from closing."""
    service = Service()
    craftkit = service.make_client(timeouts=Timeouts(close=1.0))

    @craftkit.inbox.on("*")
    async def refuse(_: object) -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            await asyncio.sleep(1000)

    async with craftkit:
        await craftkit.inbox.receive(*delivery_of("x1"))
        await asyncio.sleep(0.5)
    assert 2.0 < now() < 3.0
    await asyncio.wait(other_tasks())


@virtual_time
async def test_closed_by_a_handler() -> None:
    """A handler may close the client that it belongs to."""
    service = Service()
    craftkit = service.make_client()
    closed = asyncio.Event()

    @craftkit.inbox.on("*")
    async def close(_: object) -> None:
        await craftkit.aclose()
        closed.set()

    async with craftkit:
        await craftkit.inbox.receive(*delivery_of("x1"))
        await closed.wait()
        assert now() < 1.0
        assert (await craftkit.inbox.receive(*delivery_of("x2"))).status == 503


@virtual_time
async def test_a_closed_client_takes_nothing_in() -> None:
    """A delivery is told to come again: the process may be restarting."""
    service = Service()
    async with service.make_client() as craftkit:
        inbox = craftkit.inbox
    receipt = await inbox.receive(*delivery_of("x1"))

    assert (receipt.status, receipt.event) == (503, None)
    assert "closed" in str(receipt.reason)


async def _wait_a_while(craftkit: Craftkit, limit: float) -> None:
    waiting = asyncio.ensure_future(craftkit.wait("x1", timeout=limit))
    await asyncio.wait([waiting])
    assert isinstance(waiting.exception(), WaitTimeoutError)


def _on_a_new_loop(work: Callable[[], Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work())


def test_open_again_on_another_loop() -> None:
    """After a close everything is as new, and counts go on; a handle from before can be awaited."""
    service = Service(ends_after=2.0)
    craftkit = service.make_client()
    handles: list[Any] = []

    async def use() -> None:
        async with craftkit:
            handles.append(await craftkit.submit("t", {}))
            await _wait_a_while(craftkit, 1.0)
            assert (await craftkit.inbox.receive(*delivery_of(f"x{len(handles)}"))).status == 200
            assert (await handles[-1]).is_succeeded

    async def come_back() -> None:
        async with craftkit:
            waiting = asyncio.ensure_future(handles[0].wait(timeout=None))
            other = asyncio.ensure_future(left.wait(timeout=None))
            await settle()
            assert craftkit.statistics().pending == 1
            await craftkit.inbox.receive(*delivery_of("r3"))
            assert (await waiting).is_succeeded
            assert (await other).is_succeeded
            assert left.source == "webhook"

    async def leave() -> Any:
        async with craftkit:
            return await craftkit.submit("t", {})

    _on_a_new_loop(use)
    _on_a_new_loop(use)
    left = _on_a_new_loop(leave)
    _on_a_new_loop(come_back)
    assert craftkit.statistics().submitted == 3
    assert craftkit.statistics().timed_out == 2


def test_open_again_after_its_loop_died() -> None:
    """A loop that was closed with waits under way takes nothing along: the next one has its own timer."""
    service = Service()
    craftkit = service.make_client()

    async def abandon() -> None:
        task = asyncio.ensure_future(craftkit.wait("x1", timeout=50.0))
        await asyncio.sleep(20.0)
        task.cancel()

    async def use() -> None:
        await craftkit.aclose()
        async with craftkit:
            await _wait_a_while(craftkit, 100.0)
            assert now() == pytest.approx(100.0)

    _on_a_new_loop(abandon)
    _on_a_new_loop(use)
    assert craftkit.statistics().pending == 0


def test_a_loop_that_died_with_its_tasks() -> None:
    """Where nobody cancelled what waited, closing on the next loop still works."""
    service = Service(on_poll=lambda *_: LOST)
    craftkit = service.make_client()
    kept: list[Any] = []
    loop = VirtualTimeLoop()

    async def begin() -> None:
        kept.append(asyncio.ensure_future(craftkit.wait("x1", timeout=50.0)))
        await asyncio.sleep(20.0)

    loop.run_until_complete(begin())
    others = asyncio.all_tasks(loop)
    loop.close()

    async def use() -> None:
        await craftkit.aclose()
        async with craftkit:
            service.on_poll = lambda *_: None
            await _wait_a_while(craftkit, 10.0)

    _on_a_new_loop(use)
    for task in (*kept, *others):
        # They could never end, and would say so.
        task._log_destroy_pending = False


async def test_another_loop_may_not_close_it() -> None:
    """It is told so, and whoever waits goes on waiting."""
    service = Service()
    async with service.make_client() as craftkit:
        waiting = asyncio.ensure_future(craftkit.wait("x1"))
        await asyncio.sleep(0)
        errors: list[BaseException] = []

        def close() -> None:
            try:
                asyncio.run(craftkit.aclose())
            except ClientStateError as error:
                errors.append(error)

        thread = Thread(target=close)
        thread.start()
        await asyncio.to_thread(thread.join)
        assert "another event loop" in str(errors[0])
        assert not waiting.done()
        await craftkit.inbox.receive(*delivery_of("x1"))
        await waiting


async def test_deliveries_while_the_owning_loop_is_gone() -> None:
    """Where the loop that owns the client is closed and nothing is open on it, the running loop takes it over.

    So `asyncio.run(inbox.receive(...))` for each request works more than once.
    """
    service = Service()
    craftkit = service.make_client()

    async def open_it() -> None:
        craftkit._runtime.check()

    await asyncio.to_thread(lambda: asyncio.run(open_it()))
    receipt = await craftkit.inbox.receive(*delivery_of("x1"))
    assert receipt.status == 200

    await craftkit.aclose()


async def test_a_loop_for_each_delivery() -> None:
    """As in WSGI or a function of a cloud: each call brings a loop of its own and closes it."""
    inbox = Service().make_client().inbox
    statuses = []
    for n in range(3):
        receipt = await asyncio.to_thread(asyncio.run, inbox.receive(*delivery_of(f"x{n}")))
        statuses.append(receipt.status)

    assert statuses == [200, 200, 200]


async def test_deliveries_at_the_moment_at_which_the_owning_loop_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was open when it was looked at, and takes nothing any more: the service must come again."""
    craftkit, loop = Service().make_client(), asyncio.new_event_loop()
    await asyncio.to_thread(loop.run_until_complete, craftkit.__aenter__())
    take = loop.call_soon_threadsafe

    def close_first(*given: Any) -> Any:
        loop.close()
        return take(*given)

    monkeypatch.setattr(loop, "call_soon_threadsafe", close_first)
    receipt = await craftkit.inbox.receive(*delivery_of("x1"))

    assert (receipt.status, receipt.reason) == (503, "the client's event loop is closed")
    assert (await craftkit.inbox.receive(*delivery_of("x1"))).status == 200
    await craftkit.aclose()


async def test_deliveries_while_the_owning_loop_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that does not answer is not waited for longer than the sender waits."""
    monkeypatch.setattr("craftkit_async.waiting.inbox._HAND_OVER", 0.01)
    service = Service()
    async with service.make_client() as craftkit:
        receipts: list[Receipt] = []
        inbox = craftkit.inbox

        def receive() -> None:
            receipts.append(asyncio.run(inbox.receive(*delivery_of("x1"))))

        thread = Thread(target=receive)
        thread.start()
        thread.join()

    assert (receipts[0].status, receipts[0].reason) == (503, "the client's event loop does not answer")


@pytest.mark.parametrize("who", ["owner", "receiver"])
async def test_deliveries_whose_work_is_cancelled(who: str) -> None:
    """What ends the work on the owning loop does not cancel who received; what cancels who received passes."""
    service = Service()
    recorder = Recorder()
    async with service.make_client(observers=[recorder]) as craftkit:
        begun = asyncio.Event()

        @craftkit.inbox.on("*", before_answer=True)
        async def handle_it(_: object) -> None:
            begun.set()
            await asyncio.Event().wait()

        outcomes: list[Any] = []
        tasks: list[Any] = []

        async def receive() -> None:
            tasks.append((asyncio.get_running_loop(), asyncio.current_task()))
            try:
                outcomes.append(await craftkit.inbox.receive(*delivery_of("x1")))
            except asyncio.CancelledError:
                outcomes.append("cancelled")

        before = other_tasks()
        thread = Thread(target=lambda: asyncio.run(receive()))
        thread.start()
        await begun.wait()
        if who == "owner":
            for task in other_tasks() - before:
                task.cancel()
        else:
            loop, task = tasks[0]
            loop.call_soon_threadsafe(task.cancel)
        await asyncio.to_thread(thread.join)
        await settle()

        if who == "owner":
            assert (outcomes[0].status, outcomes[0].reason) == (503, "the client's event loop has ended the work")
        else:
            assert outcomes == ["cancelled"]
        # What was given up may come again.
        assert not craftkit._waiting._deliveries._worked_on.current  # type: ignore[union-attr]  # there is one


@virtual_time
async def test_counts_of_a_client_that_never_waited(caplog: pytest.LogCaptureFixture) -> None:
    """It has nothing to close, and asks for no waiting completions to be counted."""
    caplog.set_level(logging.DEBUG)
    async with Service().make_client() as craftkit:
        assert (craftkit.statistics().pending, craftkit.statistics().mailbox) == (0, 0)
    assert craftkit._waiting._completions is None
    assert caplog.text == ""
