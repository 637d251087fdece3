"""Watch: times out attempts, with one timer for all that have the same limit.

`asyncio.timeout` sets and cancels a timer for each attempt, which was the largest single cost of a call. Most attempts
have the client's own limit, so the oldest of them is always the first to time out, and one timer serves them all. An
attempt with a bound of its own has a timer of its own.
"""

import asyncio
from math import inf
from types import TracebackType
from typing import Self

from craftkit_async.errors import ClientStateError


class Watch:
    """Watches the attempts of one client on one loop."""

    __slots__ = ("_limit", "_timer", "bounded", "ends")

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self.ends: dict[Watched, float] = {}
        """The attempts under the common limit, the oldest first, and when each times out."""
        self.bounded: dict[Bounded, None] = {}
        """The attempts with a bound of their own."""
        self._timer: asyncio.TimerHandle | None = None

    def add(self, watched: "Watched", loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch, unless there is no limit."""
        if self._limit is None:
            # It never times out, but closing ends it.
            self.ends[watched] = inf
            return
        end = loop.time() + self._limit
        self.ends[watched] = end
        if self._timer is None:
            self._timer = loop.call_at(end, self._expire_due, loop)

    def close(self) -> None:
        """Stop watching, and time out what is under way: a transport that is not ours would go on waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for watched in (*self.ends, *self.bounded):
            watched.expire()
        self.ends.clear()
        self.bounded.clear()

    def _expire_due(self, loop: asyncio.AbstractEventLoop) -> None:
        """Time out what is over the limit, and set the timer for the next."""
        self._timer = None
        now = loop.time()
        for watched, end in list(self.ends.items()):
            if end > now:
                self._timer = loop.call_at(end, self._expire_due, loop)
                return
            del self.ends[watched]
            watched.expire()


class Watched:
    """A context that raises `TimeoutError` when the watch ends it, as `asyncio.timeout` would."""

    __slots__ = ("_cancelling", "_loop", "_task", "_watch", "is_expired")

    def __init__(self, watch: Watch, loop: asyncio.AbstractEventLoop) -> None:
        self._watch = watch
        self._loop = loop
        self.is_expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task(self._loop)
        if task is None:
            raise ClientStateError("a call must be awaited inside a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._begin()
        return self

    def expire(self) -> None:
        """Interrupt whatever the task waits for."""
        self.is_expired = True
        if not self._loop.is_closed():
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        # A cancellation from elsewhere that came in the same moment goes on; only our own becomes a timeout.
        if self.is_expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _begin(self) -> None:
        self._watch.add(self, self._loop)

    def _end(self) -> None:
        self._watch.ends.pop(self, None)


class Bounded(Watched):
    """The same for an attempt with a bound of its own, which may be moved; None is no limit."""

    __slots__ = ("_bound", "_timer", "_when")

    def __init__(self, watch: Watch, loop: asyncio.AbstractEventLoop, bound: float | None) -> None:
        super().__init__(watch, loop)
        self._bound = bound
        self._when: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def when(self) -> float | None:
        """Return the time at which the attempt times out."""
        return self._when

    def reschedule(self, when: float | None) -> None:
        """Move the time at which the attempt times out."""
        if self._timer is not None:
            self._timer.cancel()
        self._when = when
        self._timer = None if when is None else self._loop.call_at(when, self.expire)

    def _begin(self) -> None:
        self._watch.bounded[self] = None
        self.reschedule(None if self._bound is None else self._loop.time() + self._bound)

    def _end(self) -> None:
        self._watch.bounded.pop(self, None)
        self.reschedule(None)
