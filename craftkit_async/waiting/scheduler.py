"""PollScheduler: one timer for every poll and every deadline of a client, and a bounded number of looks at once."""

import random
from collections.abc import Awaitable, Callable
from copy import copy
from typing import TYPE_CHECKING

from craftkit_async._io.runtime import Runtime
from craftkit_async._sansio.polling.pace import Pace, before_deadline
from craftkit_async._sansio.polling.timer_wheel import TICKS, Wheel, tick_after, tick_at
from craftkit_async._sansio.retries.retrying import seconds_held
from craftkit_async.errors import ApiError, CraftkitError, WaitTimeoutError
from craftkit_async.models.renders import Render
from craftkit_async.observe.reports import report_look, report_timeout
from craftkit_async.waiting.pending import Pending, PendingRenders

if TYPE_CHECKING:
    import asyncio

# A render as it was just found, and by which way.
Sight = tuple[Render, str]

# Thirty years are no limit; more than that, counted in ticks, may be no number any more.
_NEVER = 1e9


class PollScheduler:
    """Looks at renders that somebody waits for, when their pace says so, and ends waits that are over.

    An entry stands in the wheel at the earlier of its next look and its first deadline. While it is being looked at,
    or stands in the line of those that are due, only its deadline counts.
    """

    def __init__(
        self,
        runtime: Runtime,
        pending: PendingRenders,
        pace: Pace,
        look: Callable[[Pending], Awaitable[Sight]],
        settle: Callable[[Pending, Render, str], None],
    ) -> None:
        self.stepped_back = False
        """Do webhooks bring the answers, so that looks are only a safety net?"""
        self._runtime = runtime
        self._pending = pending
        self._pace = pace
        self._ask = look
        self._settle = settle
        self._most = runtime.settings.limits.requests
        self._wheel: Wheel[Pending] = Wheel()
        # Its moment is kept beside it: uvloop makes a handle without one of a timer that is due at once.
        self._timer: asyncio.Handle | None = None
        self._rings_at = 0.0
        # In the order in which they became due.
        self._line: dict[Pending, None] = {}
        self._looks: dict[Pending, asyncio.Task[None]] = {}
        # So that a number that thousands of entries share is in memory once.
        self._now = self._deadline = 0

    def now(self) -> int:
        """Return the running tick."""
        tick = tick_at(self._runtime.check().time())
        if tick != self._now:
            self._now = tick
        return self._now

    def deadline_after(self, limit: float | None) -> int | None:
        """Return the tick at which a wait that begins now is over."""
        if limit is None or limit > _NEVER:
            return None
        tick = tick_after(self._runtime.check().time() + limit)
        if tick != self._deadline:
            self._deadline = tick
        return self._deadline

    def watch(self, entry: Pending) -> None:
        """Somebody new waits: look at an id from elsewhere at once, and at one of our own when its pace says so."""
        if entry in self._looks or entry in self._line:
            self._place(entry, None)
        elif entry.due is not None:
            # Others wait already; their look is not put off.
            self._place(entry, entry.due, is_first=True)
        else:
            self._place_next(entry, is_first=True)

    def drop(self, entry: Pending) -> None:
        """Nobody waits any more."""
        self._wheel.remove(entry)
        self._line.pop(entry, None)

    def repace(self) -> None:
        """The pace changed: place everything anew that waits for its time."""
        for entry in self._wheel.take_all():
            self.watch(entry)

    def saw(self, entry: Pending, sight: Sight) -> None:
        """Take in what a look found; an end that is known is never taken back."""
        render, source = sight
        if render.is_final or entry.source is not None:
            self._settle(entry, render, source)
            return
        entry.snapshot = render
        entry.failures = 0

    def ends_wait(self, entry: Pending, error: CraftkitError) -> bool:
        """Does this failed look end every wait for the render?"""
        is_ours = entry.template is not None and entry.born is not None
        return self._pace.ends_wait(error, self.age(entry) if is_ours else None)

    def close(self) -> "list[asyncio.Task[None]]":
        """Look at nothing any more; returns the looks that are being ended."""
        self._wheel.take_all()
        self._line.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        looks = list(self._looks.values())
        self._looks.clear()
        for look in looks:
            look.cancel()
        return looks

    # ---- when

    def age(self, entry: Pending) -> float:
        """Return the seconds since the submit was answered, or since an id from elsewhere was first looked at."""
        return 0.0 if entry.born is None else (self.now() - entry.born) / TICKS

    def _place_next(self, entry: Pending, hint: float | None = None, *, is_first: bool = False) -> None:
        """Put an entry where its pace wants the next look, counted from the latest one."""
        born, looked = entry.born, entry.looked
        if born is None or looked is None:
            self._queue(entry)
            return
        gap = self._pace.gap(
            entry.template,
            (looked - born) / TICKS,
            dice=random.random(),  # noqa: S311 - it spreads load, no more
            failures=entry.failures,
            hint=hint,
            stepped_back=self.stepped_back,
        )
        look = looked + tick_after(gap)
        if look <= self.now():
            self._queue(entry)
        else:
            self._place(entry, look, is_first=is_first)

    def _place(self, entry: Pending, look: int | None, *, is_first: bool = False) -> None:
        """Put an entry where its next look or its first deadline is; `is_first` says that somebody has just come."""
        deadline = min((w.deadline for w in entry.everybody() if w.deadline is not None), default=None)
        due = deadline if look is None else before_deadline(look, deadline, self.now(), is_first=is_first)
        if due is None:
            self._wheel.remove(entry)
        else:
            self._wheel.put(entry, due)
            self._set_timer()

    def _set_timer(self) -> None:
        tick = self._wheel.next()
        if tick is None:
            return
        when = tick / TICKS
        if self._timer is not None:
            if self._rings_at <= when:
                return
            self._timer.cancel()
        self._timer, self._rings_at = self._runtime.check().call_at(when, self._ring, tick), when

    def _ring(self, tick: int) -> None:
        """Something is due, or was until a moment ago."""
        self._timer = None
        # A loop may call a hair's breadth early.
        now = max(tick, self.now())
        for entry in self._wheel.take_due(now):
            self._expire(entry, now)
            if entry.waiters is None:
                self.drop(entry)
            elif entry in self._looks or entry in self._line:
                self._place(entry, None)
            else:
                self._queue(entry)
        self._set_timer()

    def _expire(self, entry: Pending, now: int) -> None:
        """End the waits whose deadline has come."""
        for waiter in entry.everybody():
            if waiter.deadline is not None and waiter.deadline <= now:
                self._pending.part(waiter)
                waiter.fail(self.give_up(waiter.entry, waiter.key))

    def give_up(self, entry: Pending, key: str | None) -> WaitTimeoutError:
        """Note that a wait is over, and make its error."""
        self._runtime.statistics.timed_out += 1
        age = self.age(entry)
        if observers := self._runtime.settings.observers:
            report_timeout(observers, entry.id, key, age)
        status = "never seen" if entry.snapshot is None else f"{entry.snapshot.status!s} when last seen"
        message = f"render {entry.id} did not end in time ({status}, known here for {age:.3g} s); it may still end:"
        return WaitTimeoutError(f"{message} wait for its id again, with a larger timeout", entry.id, key)

    # ---- looking

    def _queue(self, entry: Pending) -> None:
        """Look as soon as there is room."""
        if entry.born is None:
            entry.born = self.now()
        self._line[entry] = None
        self._place(entry, None)
        self._begin_looks()

    def _begin_looks(self) -> None:
        while self._line and len(self._looks) < self._most:
            entry = next(iter(self._line))
            del self._line[entry]
            self._looks[entry] = self._runtime.check().create_task(self._look(entry))

    async def look(self, entry: Pending) -> Sight:
        """Look once, at once, and tell of it."""
        self._runtime.statistics.polls += 1
        try:
            sight = await self._ask(entry)
        except Exception as error:
            self._report(entry, None, error)
            raise
        self._report(entry, str(sight[0].status), None)
        return sight

    async def _look(self, entry: Pending) -> None:
        """Look when it is due; the next look is the only retry."""
        outcome: Sight | Exception
        try:
            outcome = await self.look(entry)
        except Exception as error:  # noqa: BLE001 - what the caller's own key function raises goes to who waits
            outcome = error
            self._hold_place(error)
        # Not `finally`: who is cancelled here was taken out by `close` already.
        del self._looks[entry]
        entry.looked = self.now()
        self._take_in(entry, outcome)
        self._begin_looks()

    def _hold_place(self, error: Exception) -> None:
        """Keep the place of a look that was turned away, as every other call would."""
        held = seconds_held(error, self._runtime.settings.retries) if isinstance(error, CraftkitError) else 0.0
        if held:
            self._runtime.api.governor.hold(held)

    def _take_in(self, entry: Pending, outcome: Sight | Exception) -> None:
        hint: float | None = None
        if not isinstance(outcome, Exception):
            self.saw(entry, outcome)
        elif entry.source is None:
            if not isinstance(outcome, CraftkitError) or self.ends_wait(entry, outcome):
                self._fail(entry, outcome)
            entry.failures += 1
            hint = outcome.retry_after if isinstance(outcome, ApiError) else None
        if entry.waiters is not None:
            self._place_next(entry, hint)

    def _fail(self, entry: Pending, error: Exception) -> None:
        """End all waits with an error, each with its own: a raised one carries its traceback along."""
        for waiter in self._pending.empty(entry):
            waiter.fail(_again(error))
        self.drop(entry)

    def _report(self, entry: Pending, status: str | None, error: Exception | None) -> None:
        if observers := self._runtime.settings.observers:
            report_look(observers, entry.id, status, error)


def _again(error: Exception) -> Exception:
    """Make another of an error, where that can be done: some foreign ones cannot be copied."""
    try:
        other = copy(error)
    except Exception:  # noqa: BLE001 - whatever it is, the error itself matters more
        return error
    other.__cause__ = error.__cause__
    return other
