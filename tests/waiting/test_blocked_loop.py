"""Blocked loops: a wait whose deadline passed while the loop did something else still has its last poll."""

import asyncio
from math import inf

import pytest

from craftkit_async import Limits, Timeouts, WaitTimeoutError
from craftkit_async.testing import FakeReply, VirtualTimeLoop
from tests.support.cancelling import settle
from tests.support.service import LOST, Service, ended, now

pytestmark = pytest.mark.virtual_time


def block(seconds: float) -> None:
    """Let time pass in which the loop runs nothing."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.jump(seconds)


async def test_the_last_poll_is_made_up_for() -> None:
    """The render ended while the loop was blocked across the wait's last poll and its deadline."""
    service = Service(ends_after=8.0, latency=0.1)
    async with service.make_client() as craftkit:
        handle = craftkit.attach("x1")
        waiting = asyncio.ensure_future(handle.wait(timeout=10.0))
        await asyncio.sleep(7.0)
        block(20.0)

        assert (await waiting).is_succeeded
        assert now() == pytest.approx(27.1, abs=0.01)


async def test_an_answer_that_came_while_the_loop_was_blocked_counts() -> None:
    """A poll was under way, and its answer is there when the loop goes on."""
    service = Service(ends_after=0.0, latency=3.0)
    async with service.make_client() as craftkit:
        waiting = asyncio.ensure_future(craftkit.wait("x1", timeout=4.0))
        await asyncio.sleep(2.0)
        block(20.0)

        assert (await waiting).is_succeeded


@pytest.mark.parametrize(("request_limit", "bound"), [(30.0, 5.0), (2.0, 2.0), (None, 5.0)])
@pytest.mark.parametrize("is_under_way", [True, False])
async def test_it_has_a_bound(request_limit: float | None, bound: float, is_under_way: bool) -> None:  # noqa: FBT001
    """A last poll that is never answered takes the smaller of `Timeouts.request` and 5 s."""
    service = Service(on_poll=lambda *_: LOST if now() > 6.0 or is_under_way else None)
    async with service.make_client(timeouts=Timeouts(request=request_limit)) as craftkit:
        waiting = asyncio.ensure_future(craftkit.wait("x1", timeout=10.0))
        await asyncio.sleep(1.0 if is_under_way else 7.0)
        block(20.0)
        resumed = now()
        with pytest.raises(WaitTimeoutError):
            await waiting

        assert now() - resumed == pytest.approx(bound, abs=0.01)
        assert craftkit.statistics().timed_out == 1


async def test_a_last_poll_that_finds_nothing_ends_the_wait() -> None:
    """There is one, however long its bound is; waits with time left go on."""
    service = Service(ends_after=60.0)
    async with service.make_client() as craftkit:
        handle = craftkit.attach("x1")
        waits = [asyncio.ensure_future(handle.wait(timeout=limit)) for limit in (10.0, 28.0, None)]
        await asyncio.sleep(7.0)
        polls = len(service.polls["x1"])
        block(20.0)
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        assert now() == 27.0
        assert len(service.polls["x1"]) == polls + 1
        assert [wait.done() for wait in waits] == [True, False, False]

        with pytest.raises(WaitTimeoutError):
            await waits[1]
        assert now() == pytest.approx(28.0, abs=0.01)
        assert (await waits[2]).is_succeeded


@pytest.mark.parametrize("blocked_at", [0.5, 7.0])
async def test_a_last_poll_leaves_nothing_behind(blocked_at: float) -> None:
    """With the wait its deadline is gone, the one that it was given for that poll included."""
    service = Service(latency=1.0)
    async with service.make_client() as craftkit:
        waiting = asyncio.ensure_future(craftkit.wait("x1", timeout=10.0))
        await asyncio.sleep(blocked_at)
        block(20.0)
        with pytest.raises(WaitTimeoutError):
            await waiting

        assert craftkit._waiting.completions.scheduler._wheel.next() is None


async def test_deadlines_during_a_last_poll_are_kept() -> None:
    """A wait that shares a late last poll ends at its own deadline, not at the bound of that poll."""
    service = Service(on_poll=lambda *_: LOST if now() > 6.0 else None)
    async with service.make_client() as craftkit:
        handle = craftkit.attach("x1")
        waits = [asyncio.ensure_future(handle.wait(timeout=limit)) for limit in (10.0, 28.0)]
        await asyncio.sleep(7.0)
        block(20.0)
        with pytest.raises(WaitTimeoutError):
            await waits[1]
        assert now() == pytest.approx(28.0, abs=0.01)
        with pytest.raises(WaitTimeoutError):
            await waits[0]
        assert now() == pytest.approx(32.0, abs=0.01)


async def test_a_wait_in_the_queue_is_given_time() -> None:
    """It is polled as soon as the poll before it ends, late as that is."""
    service = Service(ends_after=0.0, latency=3.0)
    async with service.make_client(limits=Limits(requests=1)) as craftkit:
        waits = [asyncio.ensure_future(craftkit.wait(f"x{n}", timeout=4.0)) for n in range(2)]
        await settle()
        block(20.0)
        await asyncio.wait(waits)

        assert all(wait.result().is_succeeded for wait in waits)


async def test_a_wait_that_is_given_up_after_a_block_leaves_nothing() -> None:
    """Nobody waits for the late poll any more."""
    service = Service(on_poll=lambda *_: LOST if now() > 6.0 else None)
    async with service.make_client() as craftkit:
        waiting = asyncio.ensure_future(craftkit.wait("x1", timeout=10.0))
        await asyncio.sleep(7.0)
        block(20.0)
        await settle()
        waiting.cancel()
        await settle()
        assert craftkit.statistics().pending == 0
        assert craftkit._waiting.completions.scheduler._wheel.next() is None


async def test_time_that_stands_still_or_jumps_far() -> None:
    """A clock that jumps by a day ends a wait of a minute after one more poll, and no sooner."""
    service = Service(ends_after=inf)
    service.on_poll = lambda seen, nth: FakeReply(json=ended(seen)) if nth == 4 else None
    async with service.make_client() as craftkit:
        waiting = asyncio.ensure_future(craftkit.wait("x1", timeout=60.0))
        await asyncio.sleep(1.0)
        block(86_400.0)

        assert (await waiting).is_succeeded
        assert len(service.polls["x1"]) == 4
