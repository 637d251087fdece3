"""Future calls behind one timer: 20,000 renders in flight are 20,000 heap entries and no task."""

import asyncio
import itertools
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final

from craftkit_async.emulator.background.clock import Clock

_BATCH: Final = 200  # calls made before control returns to the event loop


class Schedule:
    """Calls functions when the emulator's clock reaches their time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = itertools.count()  # keep the order of calls that are due at the same time
        self._timer: asyncio.Handle | None = None
        self._timer_moment = 0

    def at(self, moment: int, function: Callable[..., None], *arguments: Any) -> None:
        """Call `function` at `moment` in milliseconds, or soon if that has passed; never before this returns."""
        heappush(self._entries, (moment, next(self._numbers), function, arguments))
        if self._timer is None or moment < self._timer_moment:
            self._set_timer()

    def clear(self) -> None:
        """Drop every scheduled call."""
        self._entries.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def skip(self, seconds: float) -> None:
        """Advance the clock and make the calls that have become due."""
        self._clock.skip(seconds)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not self._entries:
            return
        self._timer_moment = self._entries[0][0]
        wait = max(0, self._timer_moment - self._clock.now()) / 1000
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(wait, self._run_due) if wait else loop.call_soon(self._run_due)

    def _run_due(self) -> None:
        self._timer = None
        now = self._clock.now()
        try:
            for _ in range(_BATCH):
                if not self._entries or self._entries[0][0] > now:
                    break
                _, _, function, arguments = heappop(self._entries)
                function(*arguments)
        finally:
            self._set_timer()  # a call that raises must not block the others
