"""Cancelling: a call is cancelled at each of its await points in turn, and nothing may be left behind."""

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from enum import Enum, auto
from typing import Any

# Turns of the loop after which whatever a cancelled call set off has ended.
_TURNS_TO_SETTLE = 20


class Moment(Enum):
    """When a wait is cut short."""

    WHILE_IT_WAITS = auto()
    AS_THE_WAIT_ENDS = auto()
    """What was waited for has come, and the task has not run since."""


async def cancel_everywhere(
    make_call: Callable[[], Coroutine[Any, Any, Any]], check: Callable[[], Awaitable[None] | None]
) -> int:
    """Cancel a call at its first wait, then at its second, and so on until it ends before; say how many there were."""
    return sum([await _cancel_at_every_wait(make_call, check, moment) for moment in Moment])


async def _cancel_at_every_wait(
    make_call: Callable[[], Coroutine[Any, Any, Any]], check: Callable[[], Awaitable[None] | None], moment: Moment
) -> int:
    waits = nth = 0
    while waits >= nth:
        nth += 1
        waits = await _run(make_call(), nth, moment)
        await settle()
        checking = check()
        if checking is not None:
            await checking
    return waits


async def settle() -> None:
    """Let whatever is ready run."""
    for _ in range(_TURNS_TO_SETTLE):
        await asyncio.sleep(0)


def other_tasks() -> set["asyncio.Task[Any]"]:
    """Return the tasks of the loop but for the one that asks."""
    return asyncio.all_tasks() - {asyncio.current_task()}


async def _run(call: Coroutine[Any, Any, Any], nth: int, moment: Moment) -> int:
    waits = 0

    def on_wait(waited: Any) -> None:
        nonlocal waits
        waits += 1
        if waits != nth:
            return
        if moment is Moment.AS_THE_WAIT_ENDS and isinstance(waited, asyncio.Future):
            waited.add_done_callback(lambda _: task.cancel())
        else:
            asyncio.get_running_loop().call_soon(task.cancel)

    async def watched() -> Any:
        return await _watched(call, on_wait)

    task = asyncio.ensure_future(watched())
    await asyncio.wait([task])

    assert task.cancelled() == (waits >= nth), "a cancellation was swallowed"
    if not task.cancelled():
        task.result()
    return waits


@types.coroutine
def _watched(call: Coroutine[Any, Any, Any], on_wait: Callable[[Any], None]) -> Generator[Any, Any, Any]:
    """Run a coroutine and tell each time it waits, and for what."""
    thrown: BaseException | None = None
    while True:
        try:
            waited = call.send(None) if thrown is None else call.throw(thrown)
        except StopIteration as end:
            return end.value
        on_wait(waited)
        thrown = None
        try:
            yield waited
        except BaseException as error:  # noqa: BLE001 - all of them go into the coroutine
            thrown = error
