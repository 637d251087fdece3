"""Watch: times out attempts that take longer than a fixed limit, with one timer for all of them.

`asyncio.timeout` sets and cancels a timer for each attempt, which was the largest single cost of a call.
As all attempts here have the same limit, the oldest is always the first to end, and one timer does.
"""

import asyncio
from types import TracebackType

from craftkit_async.errors import ClientStateError


class Watch:
    """Watches the attempts of one client on one loop."""

    __slots__ = ("_limit", "_timer", "ends")

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self.ends: dict[Watched, float] = {}
        """The attempts under way, the oldest first, and when each times out."""
        self._timer: asyncio.TimerHandle | None = None

    def add(self, watched: "Watched", loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch, unless there is no limit."""
        if self._limit is None:
            return
        end = loop.time() + self._limit
        self.ends[watched] = end
        if self._timer is None:
            self._timer = loop.call_at(end, self._look, loop)

    def close(self) -> None:
        """Stop watching, and time out what is under way: a transport that is not ours would go on waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for watched in self.ends:
            watched.expire()
        self.ends.clear()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Time out what is over its limit, and set the timer for the next."""
        self._timer = None
        now = loop.time()
        for watched, end in list(self.ends.items()):
            if end > now:
                self._timer = loop.call_at(end, self._look, loop)
                return
            del self.ends[watched]
            watched.expire()


class Watched:
    """A context that raises `TimeoutError` when the watch ends it, as `asyncio.timeout` would."""

    __slots__ = ("_cancelling", "_is_expired", "_loop", "_task", "_watch")

    def __init__(self, watch: Watch, loop: asyncio.AbstractEventLoop) -> None:
        self._watch = watch
        self._loop = loop
        self._is_expired = False

    def __enter__(self) -> None:
        task = asyncio.current_task(self._loop)
        if task is None:
            raise ClientStateError("a call must be awaited inside a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._watch.add(self, self._loop)

    def expire(self) -> None:
        """Interrupt whatever the task waits for."""
        self._is_expired = True
        if not self._loop.is_closed():
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.ends.pop(self, None)
        # A cancellation from elsewhere that came in the same moment goes on; only our own becomes a timeout.
        if self._is_expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
