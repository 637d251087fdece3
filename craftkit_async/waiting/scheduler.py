"""Poll scheduler: one timer for every poll and every deadline of a client, and a bounded number of polls at once.

Where an entry is decides what happens to it next. It moves along these steps while somebody waits for it:

- *in the wheel*, at the earlier of its next poll and its first deadline; the one timer is set to the first tick of it;
- *in the queue*, due, until fewer than `Limits.requests` polls run; meanwhile only its deadline is in the wheel;
- *being polled*, by a task of its own, the only one that an entry ever has; again only its deadline is in the wheel.

A poll that finds the end completes the entry. Any other outcome, a failed poll included, puts it back into the wheel,
where its pace wants the next poll, counted from the outcome of this one. A deadline fails its waiters only.
With its last waiter an entry leaves wheel and queue; a poll that is under way then still counts for the snapshot.
A poll that is cancelled by anything but `close` is a failed poll. Each entry is polled with the key and at the pace of
the client that made it.
"""

import asyncio
import random
from collections.abc import Callable
from copy import copy

from craftkit_async._io.runtime import Runtime
from craftkit_async._sansio.polling.pace import before_deadline
from craftkit_async._sansio.polling.timer_wheel import TICKS, TimerWheel, tick_after, tick_at
from craftkit_async._sansio.retries.retrying import seconds_held
from craftkit_async.errors import ApiError, CraftkitError, TransportError, WaitTimeoutError
from craftkit_async.models.renders import Render
from craftkit_async.observe.reports import report_poll, report_timeout
from craftkit_async.waiting.pending import Pending, PendingRenders, Waiter

# Thirty years are no limit; more than that, counted in ticks, may be no number any more.
_NEVER = 1e9


class PollScheduler:
    """Polls renders that somebody waits for, when their pace says so, and ends waits whose deadline has passed."""

    def __init__(
        self,
        runtime: Runtime,
        pending: PendingRenders,
        complete: Callable[[Pending, Render, str], None],
        ask_relay: Callable[[Pending], None],
    ) -> None:
        self._runtime = runtime
        self._pending = pending
        self._complete = complete
        self._ask_relay = ask_relay
        self._max_polls = runtime.settings.limits.requests
        self._wheel: TimerWheel[Pending] = TimerWheel()
        # Its moment is kept beside it: uvloop makes a handle without one of a timer that is due at once.
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        # In the order in which they became due.
        self._queue: dict[Pending, None] = {}
        self._polls: dict[Pending, asyncio.Task[None]] = {}
        # So that a number that thousands of entries share is in memory once.
        self._now = self._deadline = 0

    def now(self) -> int:
        """Return the current tick."""
        tick = tick_at(self._runtime.check().time())
        if tick != self._now:
            self._now = tick
        return self._now

    def deadline_after(self, limit: float | None) -> int | None:
        """Return the tick at which a wait that begins now times out."""
        if limit is None or limit > _NEVER:
            return None
        tick = tick_after(self._runtime.check().time() + limit)
        if tick != self._deadline:
            self._deadline = tick
        return self._deadline

    def watch(self, entry: Pending, waiter: Waiter) -> None:
        """Schedule an entry with a new waiter: an id from elsewhere now, one of our own when its pace says so."""
        deadline, due = waiter.deadline, entry.due
        if entry in self._polls or entry in self._queue:
            if deadline is not None and (due is None or deadline < due):
                self._put_at(entry, deadline)
        elif due is None:
            self._put_next(entry, is_first=True)
        elif deadline is not None:
            # Others wait already; their poll is not put off.
            self._put_at(entry, min(due, before_deadline(due, deadline, self.now(), is_first=True)))

    def drop(self, entry: Pending) -> None:
        """Unschedule an entry that nobody waits for any more."""
        self._wheel.remove(entry)
        self._queue.pop(entry, None)

    def repace(self) -> None:
        """Schedule everything in the wheel anew, since the pace changed."""
        for entry in self._wheel.take_all():
            if entry in self._polls or entry in self._queue:
                self._put(entry, None)
            else:
                self._put_next(entry, is_first=True)

    def apply(self, entry: Pending, render: Render, source: str = "poll") -> None:
        """Take in what a poll found; what is complete stays as it is."""
        if render.is_final or entry.source is not None:
            self._complete(entry, render, source)
            return
        entry.snapshot = render
        entry.failures = 0

    def ends_wait(self, entry: Pending, error: CraftkitError) -> bool:
        """Does this failed poll end every wait for the render?"""
        is_ours = entry.template is not None and entry.born is not None
        return entry.poller.pace.ends_wait(error, self.age(entry) if is_ours else None)

    def close(self) -> "list[asyncio.Task[None]]":
        """Stop polling; returns the polls that are being cancelled."""
        self._wheel.take_all()
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        polls = list(self._polls.values())
        # Removed first, so that these polls know that it was `close` that cancelled them.
        self._polls.clear()
        for poll in polls:
            poll.cancel()
        return polls

    # ---- when

    def age(self, entry: Pending) -> float:
        """Return the seconds since the submit was answered, or since the first poll of an id from elsewhere."""
        return 0.0 if entry.born is None else (self.now() - entry.born) / TICKS

    def _put_next(self, entry: Pending, hint: float | None = None, *, is_first: bool = False) -> None:
        """Schedule an entry where its pace wants the next poll, counted from the latest one."""
        born, polled = entry.born, entry.polled
        if born is None or polled is None:
            self._enqueue(entry)
            return
        project = entry.poller.project
        gap = entry.poller.pace.gap(
            None if entry.template is None else (project.key, entry.template),
            (polled - born) / TICKS,
            random=random.random(),  # noqa: S311 - it spreads load, no more
            failures=entry.failures,
            hint=hint,
            stepped_back=project.stepped_back,
        )
        poll = polled + tick_after(gap)
        if poll <= self.now():
            self._enqueue(entry)
        else:
            self._put(entry, poll, is_first=is_first)

    def _put(self, entry: Pending, poll: int | None, *, is_first: bool = False) -> None:
        """Schedule an entry at its next poll or its first deadline; `is_first` says that a wait has just begun."""
        deadline = min((w.deadline for w in entry.all_waiters() if w.deadline is not None), default=None)
        due = deadline if poll is None else before_deadline(poll, deadline, self.now(), is_first=is_first)
        if due is None:
            self._wheel.remove(entry)
        else:
            self._put_at(entry, due)

    def _put_at(self, entry: Pending, due: int) -> None:
        self._wheel.put(entry, due)
        self._set_timer()

    def _set_timer(self) -> None:
        tick = self._wheel.next()
        if tick is None:
            return
        when = tick / TICKS
        if self._timer is not None:
            if self._timer_at <= when:
                return
            self._timer.cancel()
        self._timer, self._timer_at = self._runtime.check().call_at(when, self._on_timer, tick), when

    def _on_timer(self, tick: int) -> None:
        """Handle what is due; it may have been removed a moment ago."""
        self._timer = None
        # A loop may call a timer slightly early.
        now = max(tick, self.now())
        for entry in self._wheel.take_due(now):
            self._expire(entry, now)
            if entry.waiters is None:
                self.drop(entry)
            elif entry in self._polls or entry in self._queue:
                self._put(entry, None)
            else:
                self._enqueue(entry)
        self._set_timer()

    def _expire(self, entry: Pending, now: int) -> None:
        """Fail the waits whose deadline has come."""
        for waiter in entry.all_waiters():
            if waiter.deadline is not None and waiter.deadline <= now:
                self._pending.part(waiter)
                waiter.fail(self.give_up(waiter.entry, waiter.key))

    def give_up(self, entry: Pending, key: str | None) -> WaitTimeoutError:
        """Count and report a wait that timed out, and return its error."""
        self._runtime.statistics.timed_out += 1
        age = self.age(entry)
        if observers := self._runtime.settings.observers:
            report_timeout(observers, entry.id, key, age)
        status = "never polled" if entry.snapshot is None else f"{entry.snapshot.status!s} at the last poll"
        message = (
            f"render {entry.id} did not finish in time ({status}, known here for {age:.3g} s); it may still finish:"
        )
        return WaitTimeoutError(f"{message} wait for its id again, with a larger timeout", entry.id, key)

    # ---- polling

    def _enqueue(self, entry: Pending) -> None:
        """Poll as soon as fewer than `Limits.requests` polls run."""
        if entry.born is None:
            entry.born = self.now()
            self._ask_relay(entry)
        self._queue[entry] = None
        self._put(entry, None)
        self._start_polls()

    def _start_polls(self) -> None:
        while self._queue and len(self._polls) < self._max_polls:
            entry = next(iter(self._queue))
            del self._queue[entry]
            self._polls[entry] = self._runtime.check().create_task(self._run_poll(entry))

    async def poll(self, entry: Pending) -> Render:
        """Poll once, now, and report it."""
        self._runtime.statistics.polls += 1
        try:
            render = await entry.poller.poll(entry.id)
        except Exception as error:
            self._report(entry, None, error)
            raise
        self._report(entry, str(render.status), None)
        return render

    async def _run_poll(self, entry: Pending) -> None:
        """Poll when it is due; the next poll is the only retry."""
        task = asyncio.current_task()
        outcome: Render | Exception
        try:
            outcome = await self.poll(entry)
        except asyncio.CancelledError as error:
            if self._polls.get(entry) is not task:
                raise
            # `close` did not do this: it was a connection pool, or somebody who cancels all tasks.
            outcome = TransportError("the poll was cancelled from within")
            outcome.__cause__ = error
            self._report(entry, None, outcome)
        except Exception as error:  # noqa: BLE001 - what the caller's own key function raises goes to the waiters
            outcome = error
            self._hold_slot(error)
        # Not `finally`: after a cancellation, `close` has removed it already.
        del self._polls[entry]
        entry.polled = self.now()
        self._apply_outcome(entry, outcome)
        self._start_polls()

    def _hold_slot(self, error: Exception) -> None:
        """Keep the slot of a rejected poll for its `Retry-After`, as every other call does."""
        held = seconds_held(error, self._runtime.settings.retries) if isinstance(error, CraftkitError) else 0.0
        if held:
            self._runtime.api.governor.hold(held)

    def _apply_outcome(self, entry: Pending, outcome: Render | Exception) -> None:
        hint: float | None = None
        if not isinstance(outcome, Exception):
            self.apply(entry, outcome)
        elif entry.source is None:
            if not isinstance(outcome, CraftkitError) or self.ends_wait(entry, outcome):
                self._fail(entry, outcome)
            entry.failures += 1
            hint = outcome.retry_after if isinstance(outcome, ApiError) else None
        if entry.waiters is not None:
            self._put_next(entry, hint)

    def _fail(self, entry: Pending, error: Exception) -> None:
        """Fail all waits, each with its own copy of the error: a raised one carries its traceback along."""
        for waiter in self._pending.empty(entry):
            waiter.fail(_copy_of(error))
        self.drop(entry)

    def _report(self, entry: Pending, status: str | None, error: Exception | None) -> None:
        if observers := self._runtime.settings.observers:
            report_poll(observers, entry.id, status, error)


def _copy_of(error: Exception) -> Exception:
    """Copy an error, if that is possible: some foreign ones cannot be copied."""
    try:
        other = copy(error)
    except Exception:  # noqa: BLE001 - whatever it is, the error itself matters more
        return error
    other.__cause__ = error.__cause__
    return other
