"""The scheduler on uvloop, whose timers are not those of asyncio."""

import asyncio

import pytest

from craftkit_async import Craftkit, WaitTimeoutError
from craftkit_async._sansio.polling.timer_wheel import TICKS
from craftkit_async.testing import FakeReply, FakeTransport

uvloop = pytest.importorskip("uvloop")

# Of a tick, as a share; what is left of it is less than half a millisecond, which uvloop takes for nothing.
_LATE = 0.93


async def _wait_for_many() -> int:
    """Begin waits just before a tick, so that it is due in the moment in which its timer is set."""
    loop = asyncio.get_running_loop()
    transport = FakeTransport(lambda _: FakeReply(json={"id": "r", "status": "rendering"}))
    async with Craftkit("ck_test_key", transport=transport) as craftkit, asyncio.TaskGroup() as group:
        while loop.time() * TICKS % 1.0 < _LATE:  # noqa: ASYNC110 - the moment is the loop's own, no event tells it
            await asyncio.sleep(0)
        waits = [group.create_task(_is_given_up(craftkit, f"r{number // 2}")) for number in range(8)]
        return sum([await wait for wait in waits])


async def _is_given_up(craftkit: Craftkit, render_id: str) -> bool:
    try:
        await craftkit.wait(render_id, timeout=1e-6)
    except WaitTimeoutError:
        return True
    raise AssertionError


def test_timers_that_are_due_at_once() -> None:
    """A handle of uvloop has a moment only if that lies ahead."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert all(runner.run(_wait_for_many()) == 8 for _ in range(20))
