"""Timer wheel: many things that are due at many times, for one timer.

Time is counted in ticks. What is due at the same tick shares one number and one list (a bucket), so a thing costs two
words, and adding or removing one costs the same however many there are.
"""

import heapq
from math import ceil, floor
from typing import Generic, Protocol, TypeVar

# Four milliseconds: a hundredth of the time that a short render takes.
TICKS = 256

# This many ticks with empty buckets cost less than removing them.
_FEW = 64


class Scheduled(Protocol):
    """What a wheel can hold: it remembers its bucket and its slot in it."""

    due: int | None
    """Its tick; None while it is in no wheel."""
    slot: int
    """Its index in the bucket of that tick."""


Thing = TypeVar("Thing", bound=Scheduled)


def tick_at(seconds: float) -> int:
    """Return the tick that has begun at a time."""
    return floor(seconds * TICKS)


def tick_after(seconds: float) -> int:
    """Return the first tick that begins at a time or after it."""
    return ceil(seconds * TICKS)


class TimerWheel(Generic[Thing]):
    """Things by the tick at which they are due."""

    __slots__ = ("_buckets", "_ticks")

    def __init__(self) -> None:
        self._buckets: dict[int, list[Thing]] = {}
        # A heap. A tick whose bucket is gone is skipped when its turn comes.
        self._ticks: list[int] = []

    def put(self, thing: Thing, tick: int) -> None:
        """Schedule a thing at a tick, and at no other."""
        if thing.due is not None:
            self.remove(thing)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = []
            self._note(tick)
        # The number object of the first one, so that there is only one of it in memory.
        thing.due = tick if not bucket else bucket[0].due
        thing.slot = len(bucket)
        bucket.append(thing)

    def remove(self, thing: Thing) -> None:
        """Remove a thing, if it is in the wheel."""
        tick = thing.due
        if tick is None:
            return
        bucket = self._buckets[tick]
        last = bucket.pop()
        if last is not thing:
            bucket[thing.slot] = last
            last.slot = thing.slot
        if not bucket:
            del self._buckets[tick]
        thing.due = None

    def _note(self, tick: int) -> None:
        """Add a tick to the heap; one thing that is moved again and again must not fill the memory."""
        if len(self._ticks) < 2 * len(self._buckets) + _FEW:
            heapq.heappush(self._ticks, tick)
        else:
            # A sorted list is a heap.
            self._ticks = sorted(self._buckets)

    def next(self) -> int | None:
        """Return the first tick at which something is due."""
        while self._ticks and self._ticks[0] not in self._buckets:
            heapq.heappop(self._ticks)
        return self._ticks[0] if self._ticks else None

    def take_due(self, now: int) -> list[tuple[int, Thing]]:
        """Remove and return everything that is due by a tick, the earliest first, each with the tick of its own."""
        due: list[tuple[int, Thing]] = []
        while (tick := self.next()) is not None and tick <= now:
            due += [(tick, thing) for thing in self._buckets.pop(tick)]
        for _, thing in due:
            thing.due = None
        return due

    def take_all(self) -> list[Thing]:
        """Remove and return everything."""
        return [] if not self._ticks else [thing for _, thing in self.take_due(max(self._ticks))]
