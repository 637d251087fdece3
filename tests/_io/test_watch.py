"""The watch: one timer ends every attempt that takes too long."""

import asyncio

import pytest

from craftkit_async import ClientStateError
from craftkit_async._io.watch import Watch, Watched
from craftkit_async.testing import VirtualTimeLoop


async def attempt(watch: Watch, seconds: float) -> str:
    try:
        with Watched(watch, asyncio.get_running_loop()):
            await asyncio.sleep(seconds)
    except TimeoutError:
        return f"ended at {asyncio.get_running_loop().time():g}"
    return "done"


@pytest.mark.virtual_time
async def test_each_attempt_is_ended_at_its_own_limit() -> None:
    """One timer serves attempts that began at different times, and none ends early or late."""
    watch = Watch(5.0)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(attempt(watch, 9.0))
        await asyncio.sleep(2.0)
        second = group.create_task(attempt(watch, 4.9))
        third = group.create_task(attempt(watch, 9.0))

    assert [task.result() for task in (first, second, third)] == ["ended at 5", "done", "ended at 7"]


@pytest.mark.virtual_time
async def test_without_a_limit_nothing_is_ended() -> None:
    """None is no limit, not one of zero."""
    assert await attempt(Watch(None), 1e6) == "done"


@pytest.mark.virtual_time
async def test_cancellation_from_elsewhere_is_no_timeout() -> None:
    """Whoever cancels the task gets a cancelled task, also when the limit ends in the same moment."""
    task = asyncio.ensure_future(attempt(Watch(5.0), 9.0))
    asyncio.get_running_loop().call_later(5.0, task.cancel)
    await asyncio.wait([task])

    assert task.cancelled()


def test_a_call_needs_a_task() -> None:
    """Outside of a task there is nothing that could be ended."""
    loop = VirtualTimeLoop()
    try:
        with pytest.raises(ClientStateError, match="inside a task"):
            Watched(Watch(5.0), loop).__enter__()
    finally:
        loop.close()


def test_tasks_of_a_loop_that_is_gone_are_left_alone() -> None:
    """Cancelling one would call into a loop that is closed."""
    loop = VirtualTimeLoop()
    watch = Watch(5.0)

    async def wait_for_ever() -> None:
        with Watched(watch, loop):
            await loop.create_future()

    task = loop.create_task(wait_for_ever())
    setattr(task, "_log_destroy_pending", False)  # noqa: B010 - it is left pending on purpose; typeshed leaves it out
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    watch.close()

    assert not task.done()
    assert task.cancelling() == 0
