"""The governor: places handed out in order, bounded, and none ever lost."""

import asyncio
import gc
from collections.abc import Coroutine
from math import inf
from typing import Any

import pytest
from hypothesis import given, strategies as st

from craftkit_async import ClientStateError, TransportTimeoutError
from craftkit_async._io.governor import Governor
from craftkit_async.testing import VirtualTimeLoop
from tests.support.cancelling import cancel_everywhere, other_tasks, settle

pytestmark = pytest.mark.virtual_time


def start(work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    return asyncio.ensure_future(work)


async def test_places_are_handed_out_in_order_polls_last() -> None:
    """Who came first is served first, and who yields after all others."""
    governor = Governor(1, 1)
    order: list[str] = []

    async def come(name: str, *, yields: bool) -> None:
        await governor.enter(inf, yields=yields)
        order.append(name)
        governor.leave()

    await governor.enter(inf)
    async with asyncio.TaskGroup() as group:
        for name, yields in (("poll 1", True), ("a", False), ("poll 2", True), ("b", False)):
            group.create_task(come(name, yields=yields))
        await settle()
        assert governor.waiting == 4
        governor.leave()

    assert order == ["a", "b", "poll 1", "poll 2"]
    assert (governor.in_flight, governor.waiting) == (0, 0)


async def test_every_eighth_slot_goes_to_a_poll_that_waits() -> None:
    """However many others wait, polls are never starved; one that gave up costs no other its slot."""
    governor = Governor(1, 1)
    order: list[str] = []

    async def come(name: str) -> None:
        await governor.enter(inf, yields=name == "poll")
        order.append(name)
        governor.leave()

    await governor.enter(inf)
    tasks = [start(come("poll" if n < 4 else "submit")) for n in range(30)]
    await settle()
    tasks[0].cancel()
    await settle()
    governor.leave()
    await asyncio.wait(tasks)

    assert [n for n, name in enumerate(order) if name == "poll"] == [7, 15, 23]
    assert (governor.in_flight, governor.waiting) == (0, 0)


async def test_a_turn_of_polls_that_nobody_takes() -> None:
    """Where all polls gave up, or none waits, the eighth slot goes to the next in order as well."""
    governor = Governor(1, 1)
    order: list[int] = []

    async def come(number: int) -> None:
        await governor.enter(inf)
        order.append(number)
        governor.leave()

    await governor.enter(inf)
    poll = start(governor.enter(inf, yields=True))
    tasks = [start(come(n)) for n in range(20)]
    await settle()
    poll.cancel()
    await settle()
    governor.leave()
    await asyncio.wait(tasks)

    assert order == list(range(20))
    assert (governor.in_flight, governor.waiting) == (0, 0)


async def test_nobody_overtakes_who_waits() -> None:
    """A place that comes free belongs to the line, even if somebody new asks before it is taken."""
    governor = Governor(1, 1)
    await governor.enter(inf)
    waiting = start(governor.enter(inf))
    await settle()

    governor.leave()
    late = start(governor.enter(inf))
    await settle()

    assert waiting.done()
    assert not late.done()
    late.cancel()
    await settle()


@pytest.mark.parametrize("end", ["cancel", "timeout"])
async def test_place_that_comes_too_late_is_passed_on(end: str) -> None:
    """A place handed over in the moment in which its taker gives up goes to the next in line."""
    governor = Governor(1, 1)
    await governor.enter(inf)
    giving_up = start(governor.enter(5.0 if end == "timeout" else inf))
    next_one = start(governor.enter(inf))
    await settle()

    if end == "timeout":
        # In the same turn of the loop as the timer of the one that waits.
        asyncio.get_running_loop().call_at(5.0, governor.leave)
        await asyncio.sleep(5.0)
    else:
        governor.leave()
        giving_up.cancel()
    await settle()

    assert next_one.done()
    assert governor.in_flight == 1
    assert governor.waiting == 0
    if end == "cancel":
        assert giving_up.cancelled()
    else:
        assert isinstance(giving_up.exception(), TransportTimeoutError)


async def test_window_that_grew_is_filled() -> None:
    """All places of a larger window are handed out at the next occasion."""
    governor = Governor(1, 4)
    await governor.enter(inf)
    waiting = [start(governor.enter(inf)) for _ in range(4)]
    await settle()

    governor.window.size = 3.0
    governor.leave()
    await settle()

    assert [task.done() for task in waiting] == [True, True, True, False]
    waiting[-1].cancel()
    await settle()


async def test_window_that_shrank_empties_first() -> None:
    """Nobody new enters until fewer are in flight than the window allows."""
    governor = Governor(3, 3)
    for _ in range(3):
        await governor.enter(inf)
    waiting = start(governor.enter(inf))
    await settle()
    governor.window.size = 1.0

    governor.leave()
    governor.leave()
    await settle()
    assert not waiting.done()
    governor.leave()
    await settle()

    assert waiting.done()


@pytest.mark.parametrize("at", ["before", "while"])
async def test_closed_governor_turns_everybody_away(at: str) -> None:
    """Waiting and pausing end when the client closes, and cannot begin after."""
    governor = Governor(1, 1)
    await governor.enter(inf)
    if at == "before":
        governor.close()
    tasks = [start(governor.enter(inf)), start(governor.enter(inf, yields=True)), start(governor.pause(9.0))]
    await settle()
    governor.close()
    await settle()

    assert all(isinstance(task.exception(), ClientStateError) for task in tasks)
    assert governor.waiting == 0
    assert asyncio.get_running_loop().time() == 0.0


async def test_closing_and_cancelling_at_once_is_silent() -> None:
    """Who is cancelled in the moment of closing leaves no exception that nobody fetched."""
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    governor = Governor(1, 1)
    await governor.enter(inf)
    tasks = [start(governor.enter(inf)), start(governor.pause(9.0))]
    await settle()

    governor.close()
    for task in tasks:
        task.cancel()
    await settle()
    assert all(task.cancelled() for task in tasks)
    tasks.clear()
    gc.collect()
    await settle()

    assert complaints == []


async def test_pause_that_is_over_when_the_client_closes() -> None:
    """A pause that ends in the moment of closing does not go on to an attempt."""
    governor = Governor(1, 1)
    pausing = start(governor.pause(3.0))
    await settle()
    # In the same turn of the loop as the timer of the pause, and after it.
    asyncio.get_running_loop().call_at(3.0, governor.close)
    await asyncio.sleep(3.0)
    await settle()

    assert isinstance(pausing.exception(), ClientStateError)


async def test_pause_ends_by_itself() -> None:
    """A pause takes its time."""
    await Governor(1, 1).pause(3.0)

    assert asyncio.get_running_loop().time() == 3.0


async def test_cancelled_at_every_wait_no_place_is_lost() -> None:
    """Wherever a call that waits, works and pauses is cancelled, its place comes back."""
    governor = Governor(1, 1)

    async def hold(seconds: float) -> None:
        await governor.enter(inf)
        try:
            await asyncio.sleep(seconds)
        finally:
            governor.leave()

    async def call() -> None:
        holder = start(hold(1.0))
        try:
            await asyncio.sleep(0)
            await governor.enter(asyncio.get_running_loop().time() + 5.0)
            try:
                await governor.pause(1.0)
            finally:
                governor.leave()
        finally:
            await asyncio.wait([holder])

    def check() -> None:
        assert (governor.in_flight, governor.waiting) == (0, 0)
        assert not other_tasks()

    assert await cancel_everywhere(call, check) >= 6


STEPS = st.one_of(
    st.tuples(st.just("enter"), st.sampled_from([inf, 0.0, 0.5, 2.0, -1.0]), st.booleans()),
    st.tuples(st.sampled_from(["leave", "cancel", "pause", "grow", "shrink", "tick", "wait"]), st.integers(0, 9)),
)


def _drawn(present: list[Any], number: int) -> list[Any]:
    """The one that the drawn number means, and nothing where nobody is."""
    return [present[number % len(present)]] if present else []


class _Model:
    """Drives a governor and knows who is inside."""

    def __init__(self, first: int, most: int) -> None:
        self.governor = Governor(first, most)
        self.inside = 0
        self.doors: list[asyncio.Event] = []
        self.visitors: list[asyncio.Task[None]] = []
        self.pauses: list[asyncio.Task[None]] = []

    async def visit(self, patience: float, *, yields: bool) -> None:
        before = self.governor.in_flight
        await self.governor.enter(asyncio.get_running_loop().time() + patience, yields=yields)
        self.inside += 1
        door = asyncio.Event()
        self.doors.append(door)
        assert self.inside <= max(self.governor.window.most, before)
        try:
            await door.wait()
        finally:
            self.doors.remove(door)
            self.inside -= 1
            self.governor.leave()

    async def step(self, kind: str, *how: Any) -> None:
        await getattr(self, kind)(*how)
        self.check()

    async def enter(self, patience: float, yields: bool) -> None:  # noqa: FBT001 - drawn
        self.visitors.append(start(self.visit(patience, yields=yields)))

    async def leave(self, number: int) -> None:
        for door in _drawn(self.doors, number):
            door.set()

    async def cancel(self, number: int) -> None:
        for visitor in _drawn(self.visitors, number):
            visitor.cancel()

    async def pause(self, number: int) -> None:
        self.pauses.append(start(self.governor.pause(float(number))))

    async def grow(self, _: int) -> None:
        window = self.governor.window
        window.size = min(window.size + 1, window.most)

    async def shrink(self, _: int) -> None:
        self.governor.window.congested(self.governor.window.epoch)

    async def tick(self, _: int) -> None:
        await asyncio.sleep(0)

    async def wait(self, number: int) -> None:
        await asyncio.sleep(number / 4)
        await settle()

    def check(self) -> None:
        governor = self.governor
        assert 0 <= self.inside <= governor.in_flight <= governor.window.most
        assert 0 <= governor.waiting <= len([task for task in self.visitors if not task.done()])

    async def finish(self, *, close: bool) -> None:
        """End it one way or the other: nobody may be left waiting, and every place must be back."""
        if close:
            self.governor.close()
        while not all(task.done() for task in (*self.visitors, *self.pauses)):
            for door in self.doors:
                door.set()
            # Raises "deadlock" if somebody waits for what will never come: a lost wake-up.
            await asyncio.wait([task for task in (*self.visitors, *self.pauses) if not task.done()], timeout=1.0)
            assert asyncio.get_running_loop().time() < 1000.0, "somebody starves"

        assert (self.governor.in_flight, self.governor.waiting, self.inside) == (0, 0, 0)
        endings = [task.exception() for task in (*self.visitors, *self.pauses) if not task.cancelled()]
        allowed = (TransportTimeoutError, ClientStateError) if close else (TransportTimeoutError,)
        assert all(ending is None or isinstance(ending, allowed) for ending in endings)


@given(st.integers(1, 4), st.integers(1, 4), st.lists(STEPS, max_size=40), st.booleans())
def test_whatever_happens_in_any_order(first: int, most: int, steps: list[Any], close: bool) -> None:  # noqa: FBT001 - drawn
    """Entering, leaving, cancelling, timing out, pausing, growing, shrinking and closing lose no place and no one."""

    async def play() -> None:
        model = _Model(first, most)
        for step in steps:
            await model.step(*step)
        await model.finish(close=close)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(play())
