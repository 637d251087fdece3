"""Foreign cancellation: a poll that is cancelled by something other than this client has failed, and no more."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from craftkit_async import Limits, TransportError, WaitTimeoutError
from craftkit_async.testing import FakeReply
from tests.support.cancelling import other_tasks, settle
from tests.support.observing import Recorder
from tests.support.relays import two_processes
from tests.support.service import LOST, Service, delivery_of, now

pytestmark = pytest.mark.virtual_time


def cancelled_within(first: int) -> Callable[[str, int], FakeReply | None]:
    """Let the first polls of each id be cancelled from within, as by a pool that closes a connection."""

    def answer(_: str, nth: int) -> FakeReply | None:
        if nth <= first:
            raise asyncio.CancelledError
        return None

    return answer


async def test_a_cancellation_from_within_is_a_failed_poll() -> None:
    """The wait goes on at the pace of failed polls, and the poll is reported as failed."""
    recorder = Recorder()
    service = Service(ends_after=0.0, on_poll=cancelled_within(2))
    async with service.make_client(observers=[recorder]) as craftkit:
        assert (await craftkit.wait("x1", timeout=60.0)).is_succeeded

        assert len(service.polls["x1"]) == craftkit.statistics().polls == 3
        assert craftkit.statistics().in_flight == 0
    assert recorder.names == ["AttemptFailed", "Polled"] * 2 + ["Polled", "Completed"]
    assert "cancelled from within" in repr(recorder.events[1])


async def test_cancellations_from_within_use_up_no_polls() -> None:
    """After more of them than `Limits.requests`, renders are still polled."""
    service = Service(ends_after=0.0, on_poll=cancelled_within(3))
    async with service.make_client(limits=Limits(requests=2)) as craftkit, asyncio.TaskGroup() as group:
        waits = [group.create_task(craftkit.wait(f"x{n}", timeout=100.0)) for n in range(5)]

    assert all(wait.result().is_succeeded for wait in waits)


@pytest.mark.parametrize("has_begun", [True, False])
async def test_somebody_cancels_all_tasks(has_begun: bool) -> None:  # noqa: FBT001 - a column
    """A poll that is under way, or was just to begin, has failed; the waits that were spared go on."""
    service = Service(ends_after=0.0, on_poll=lambda _, nth: LOST if nth == 1 and has_begun else None)
    async with service.make_client() as craftkit:
        waiter = craftkit.attach("x1")
        waiting = asyncio.ensure_future(waiter.wait(timeout=60.0))
        await asyncio.sleep(0)
        if has_begun:
            await settle()
        polls = other_tasks() - {waiting}
        assert polls
        for poll in polls:
            poll.cancel()

        assert (await waiting).is_succeeded
        assert now() < 1.0


async def test_the_cause_of_a_timeout_may_be_a_foreign_cancellation() -> None:
    """`timeout=0` has one poll; a cancellation from within it does not look like one of the caller."""
    service = Service(on_poll=cancelled_within(9))
    async with service.make_client() as craftkit:
        with pytest.raises(WaitTimeoutError) as caught:
            await craftkit.wait("x1", timeout=0)

    assert isinstance(caught.value.__cause__, TransportError)


@pytest.mark.parametrize("first", [1, 9])
async def test_a_submit_that_is_cancelled_from_within(first: int) -> None:
    """Its outcome is unknown, so its key is sent again; if that never helps, the error says what happened."""

    def answer(nth: int) -> FakeReply | None:
        if nth <= first:
            raise asyncio.CancelledError
        return None

    service = Service(ends_after=0.0, on_submit=answer)
    async with service.make_client() as craftkit:
        if first == 1:
            assert (await craftkit.render("t", {})).is_succeeded
        else:
            with pytest.raises(TransportError, match="cancelled from within"):
                await craftkit.render("t", {})
        assert craftkit.statistics().in_flight == 0
    assert len(set(service.keys)) == 1


async def test_a_cancelled_caller_stays_cancelled() -> None:
    """Whoever cancels the task that polls by itself, with `timeout=0`, is heeded."""
    service = Service(on_poll=lambda *_: LOST)
    async with service.make_client() as craftkit:
        polling: asyncio.Task[Any] = asyncio.ensure_future(craftkit.wait("x1", timeout=0))
        await settle()
        polling.cancel()
        await asyncio.wait([polling])

        assert polling.cancelled()
        assert craftkit.statistics().in_flight == 0


@pytest.mark.parametrize("what", ["a poll", "a relay", "a handler"])
async def test_a_cancellation_that_came_before_is_heeded(what: str) -> None:
    """A task may be cancelled while it runs, and learn of it at its next await, within this package."""
    service = Service(on_poll=lambda *_: LOST)
    here = service.make_client() if what == "a handler" else two_processes(service)[0]
    async with here:
        if what == "a handler":

            @here.inbox.on("*", before_answer=True)
            async def wait_long(_: object) -> None:
                await asyncio.sleep(1000.0)

        async def cancel_and_go_on() -> object:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            if what == "a poll":
                return await here.wait("x1", timeout=0)
            return await here.inbox.receive(*delivery_of("x1"))

        working = asyncio.ensure_future(cancel_and_go_on())
        await asyncio.wait([working])

        assert working.cancelled()
        assert here.statistics().in_flight == 0
