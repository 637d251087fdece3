"""Wheel: many things that are due at many times, for one timer.

Time is counted in ticks, so that what is due together shares one number and one list: a thing costs two words, and
adding and removing it costs the same however many there are.
"""

import heapq
from math import ceil, floor
from typing import Generic, Protocol, TypeVar

# Four milliseconds: a hundredth of the time that a short render takes.
TICKS = 256

# So many ticks that nothing stands at any more cost less than sorting them out.
_FEW = 64


class Placed(Protocol):
    """What a wheel can hold: it remembers where it stands."""

    due: int | None
    """Its tick; None while it is in no wheel."""
    place: int
    """Its place among those of the same tick."""


Thing = TypeVar("Thing", bound=Placed)


def tick_at(seconds: float) -> int:
    """Return the tick that has begun at a time."""
    return floor(seconds * TICKS)


def tick_after(seconds: float) -> int:
    """Return the first tick that begins at a time or after it."""
    return ceil(seconds * TICKS)


class Wheel(Generic[Thing]):
    """Things by the tick that they are due at."""

    __slots__ = ("_slots", "_ticks")

    def __init__(self) -> None:
        self._slots: dict[int, list[Thing]] = {}
        # A tick whose things have all been removed is passed over when its turn comes.
        self._ticks: list[int] = []

    def put(self, thing: Thing, tick: int) -> None:
        """Let a thing be due at a tick, and at no other."""
        if thing.due is not None:
            self.remove(thing)
        slot = self._slots.get(tick)
        if slot is None:
            slot = self._slots[tick] = []
            self._note(tick)
        # The number that the first one brought, so that there is only one of it in memory.
        thing.due = tick if not slot else slot[0].due
        thing.place = len(slot)
        slot.append(thing)

    def remove(self, thing: Thing) -> None:
        """Take a thing out, wherever it stands."""
        tick = thing.due
        if tick is None:
            return
        slot = self._slots[tick]
        last = slot.pop()
        if last is not thing:
            slot[thing.place] = last
            last.place = thing.place
        if not slot:
            del self._slots[tick]
        thing.due = None

    def _note(self, tick: int) -> None:
        """Remember that something stands at a tick; a thing that comes and goes must not fill the memory."""
        if len(self._ticks) < 2 * len(self._slots) + _FEW:
            heapq.heappush(self._ticks, tick)
        else:
            # What is sorted is a heap.
            self._ticks = sorted(self._slots)

    def next(self) -> int | None:
        """Return the tick of what is due first."""
        while self._ticks and self._ticks[0] not in self._slots:
            heapq.heappop(self._ticks)
        return self._ticks[0] if self._ticks else None

    def take_due(self, now: int) -> list[Thing]:
        """Take out everything that is due by a tick, the earliest first."""
        due: list[Thing] = []
        while (tick := self.next()) is not None and tick <= now:
            due += self._slots.pop(tick)
        for thing in due:
            thing.due = None
        return due

    def take_all(self) -> list[Thing]:
        """Take out everything."""
        return [] if not self._ticks else self.take_due(max(self._ticks))
