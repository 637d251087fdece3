"""The wheel: whatever comes and goes, each thing is due once, at its tick, and nothing piles up."""

from typing import Any

import attrs
from hypothesis import given, strategies as st

from craftkit_async._sansio.polling.timer_wheel import TICKS, TimerWheel, tick_after, tick_at


@attrs.define(eq=False)
class Thing:
    """Something that is due."""

    name: int = 0
    due: int | None = None
    slot: int = 0


def test_ticks_of_a_time() -> None:
    """A time lies in the tick that has begun; what must not come before it waits for the next."""
    assert (tick_at(1.0), tick_after(1.0)) == (TICKS, TICKS)
    assert (tick_at(1.001), tick_after(1.001)) == (TICKS, TICKS + 1)


def test_due_in_order() -> None:
    """The earliest first, each with its tick; what is not due stays."""
    wheel: TimerWheel[Thing] = TimerWheel()
    assert (wheel.next(), wheel.take_due(9), wheel.take_all()) == (None, [], [])
    things = [Thing(tick) for tick in (7, 3, 5, 3)]
    for thing in things:
        wheel.put(thing, thing.name)

    assert wheel.next() == 3
    assert wheel.take_due(5) == [(3, things[1]), (3, things[3]), (5, things[2])]
    assert [thing.due for thing in things] == [7, None, None, None]
    assert wheel.next() == 7
    assert wheel.take_all() == [things[0]]
    assert wheel.next() is None


def test_put_again_it_is_due_at_the_other_tick_only() -> None:
    """Putting moves; removing what is not in is nothing."""
    wheel: TimerWheel[Thing] = TimerWheel()
    thing = Thing()
    wheel.remove(thing)
    wheel.put(thing, 5)
    wheel.put(thing, 2)

    assert wheel.take_due(9) == [(2, thing)]
    wheel.put(thing, 3)
    wheel.remove(thing)
    assert wheel.next() is None


def test_what_comes_and_goes_fills_no_memory() -> None:
    """A wait of a day returns to its deadline after each of ten thousand polls; the deadline is kept once."""
    wheel: TimerWheel[Thing] = TimerWheel()
    thing, other = Thing(), Thing()
    wheel.put(other, 10**6)
    for poll in range(10_000):
        wheel.put(thing, 10**7)
        wheel.put(thing, 10**6 + poll)

    assert len(wheel._ticks) < 100
    assert wheel.take_due(10**6) == [(10**6, other)]
    assert wheel.take_all() == [thing]


def test_whoever_goes_leaves_the_others_of_its_tick() -> None:
    """The last one takes the slot that was freed, and may leave it."""
    wheel: TimerWheel[Thing] = TimerWheel()
    things = [Thing(name) for name in range(4)]
    for thing in things:
        wheel.put(thing, 7)
    wheel.remove(things[0])
    wheel.remove(things[3])

    assert sorted(thing.name for _, thing in wheel.take_due(7)) == [1, 2]


STEPS = st.tuples(st.sampled_from(["put", "put", "put", "remove", "take"]), st.integers(0, 5), st.integers(0, 3))


@given(st.lists(STEPS, min_size=10, max_size=60))
def test_as_a_table_would_do_it(steps: list[Any]) -> None:
    """Putting, removing and taking in any order."""
    wheel: TimerWheel[Thing] = TimerWheel()
    things = [Thing(name) for name in range(6)]
    table: dict[int, int] = {}
    for what, name, tick in steps:
        if what == "put":
            wheel.put(things[name], tick)
            table[name] = tick
        elif what == "remove":
            wheel.remove(things[name])
            table.pop(name, None)
        else:
            taken = wheel.take_due(tick)
            ticks = [table.pop(thing.name) for _, thing in taken]
            assert ticks == [due for due, _ in taken]
            assert ticks == sorted(ticks)
            assert all(each <= tick for each in ticks)
            assert all(each > tick for each in table.values())
        assert wheel.next() == min(table.values(), default=None)
        assert {thing.name: thing.due for thing in things if thing.due is not None} == table
