"""Poll scheduler: one timer for every poll and every deadline of a client, and a bounded number of polls at once.

Where an entry is decides what happens to it next. It moves along these steps while somebody waits for it:

- *in the wheel*, at the earlier of its next poll and its first deadline; the one timer is set to the first tick of it;
- *in the queue*, due, until fewer than `Limits.requests` polls run; meanwhile only its deadline is in the wheel;
- *being polled*, by a task of its own, the only one that an entry ever has; again only its deadline is in the wheel.

A poll that finds the end completes the entry. Any other outcome, a failed poll included, puts it back into the wheel,
where its pace wants the next poll, counted from the outcome of this one. A deadline fails its waiters only. If
it passed while the loop was blocked, they are *overdue* and have one more poll, bounded like that of `timeout=0`.
With its last waiter an entry leaves wheel and queue; a poll that is under way then still counts for the snapshot.
A poll that is cancelled by anything but `close` is a failed poll. Each entry is polled with the key and at the pace of
the client that made it.
"""

import logging
import random
from collections.abc import Callable
from copy import copy
from functools import partial
from math import inf
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from craftkit_async._io.runtime import Runtime
from craftkit_async._sansio.polling.failures import Failures
from craftkit_async._sansio.polling.pace import before_deadline
from craftkit_async._sansio.polling.timer_wheel import TICKS, TimerWheel, tick_after, tick_at
from craftkit_async._sansio.retries.retrying import seconds_held
from craftkit_async.errors import ApiError, CraftkitError, TransportError, WaitTimeoutError
from craftkit_async.models.renders import Render
from craftkit_async.observe.reports import report_poll, report_timeout
from craftkit_async.waiting.pending import Pending, PendingRenders, Waiter

if TYPE_CHECKING:
    import asyncio

# Thirty years are no limit; more than that, counted in ticks, may be no number any more.
_NEVER = 1e9

# For the only poll of `timeout=0`, and one after the deadline: a service that is well answers in this time.
_LONGEST_SINGLE_POLL = 5.0

# A timer that comes later than this has been waiting for a blocked loop, as has whatever was read meanwhile.
_BLOCKED = TICKS // 8

# So many failures in a row are no hiccup; one line a minute says enough while a service is down.
_WORTH_A_WARNING = 3
_WARNING_PAUSE = 60 * TICKS

_logger = logging.getLogger(__name__)


class _Overdue(NamedTuple):
    """The waiters of an entry whose deadline passed while the loop was blocked."""

    since: int
    until: int
    """The tick at which they fail even so."""
    needs_poll: bool
    """Is the poll under way from before, so that another one must follow it?"""


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
        self._polls: dict[Pending, asyncio.Task[Render]] = {}
        self._overdue: dict[Pending, _Overdue] = {}
        # Entries whose latest poll failed, for as long as they live.
        self._failures: WeakKeyDictionary[Pending, Failures] = WeakKeyDictionary()
        self._no_warning_before = 0
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
        """Schedule an entry for a new waiter: an id from elsewhere now, one of our own when its pace says so.

        The waiters that it has already are not looked through: there may be thousands, and `due` counts them in.
        """
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
        self._overdue.pop(entry, None)

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
        self._failures.pop(entry, None)

    def note_failure(self, entry: Pending, error: CraftkitError) -> bool:
        """Note a failed poll; does it end every wait for the render?"""
        now = self.now()
        failures = self._failures.get(entry)
        if failures is None:
            has_begun = entry.polled not in (None, entry.born) or (
                entry.template is None and entry.snapshot is not None
            )
            failures = self._failures[entry] = Failures(now, is_first_poll=not has_begun)
        failures.note(error)
        return failures.end_waits(now) or self._ends_wait(entry, error)

    def _ends_wait(self, entry: Pending, error: CraftkitError) -> bool:
        """Is polling again hopeless after this error?"""
        is_ours = entry.template is not None and entry.born is not None
        return entry.poller.pace.ends_wait(error, self.age(entry) if is_ours else None)

    def close(self) -> "list[asyncio.Task[Render]]":
        """Stop polling; returns the polls that are being cancelled."""
        polls = list(self._polls.values())
        self.forget()
        for poll in polls:
            poll.cancel()
        return polls

    def forget(self) -> None:
        """Have nothing scheduled any more; polls on a loop that is closed cannot even be cancelled."""
        self._wheel.take_all()
        self._queue.clear()
        self._overdue.clear()
        self._polls.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---- when

    def age(self, entry: Pending) -> float:
        """Return the seconds since the submit was answered, or since the first poll of an id from elsewhere."""
        return 0.0 if entry.born is None else (self.now() - entry.born) / TICKS

    def seen_between(self, entry: Pending) -> tuple[float, float]:
        """Return the age at which a render that has just finished was last seen under way, and its age now."""
        if entry.failures or entry.born is None or entry.polled is None:
            return 0.0, self.age(entry)
        return (entry.polled - entry.born) / TICKS, self.age(entry)

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
        deadline = self._first_deadline(entry)
        due = deadline if poll is None else before_deadline(poll, deadline, self.now(), is_first=is_first)
        if due is None:
            self._wheel.remove(entry)
        else:
            self._put_at(entry, due)

    def _put_at(self, entry: Pending, tick: int) -> None:
        self._wheel.put(entry, tick)
        self._set_timer()

    def _first_deadline(self, entry: Pending) -> int | None:
        """Return the first deadline of an entry; what is overdue counts with the time that it was given."""
        deadlines = [waiter.deadline for waiter in entry.all_waiters() if waiter.deadline is not None]
        overdue = self._overdue.get(entry)
        if overdue is not None:
            deadlines = [deadline if deadline > overdue.since else overdue.until for deadline in deadlines]
        return min(deadlines, default=None)

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
        for due, entry in self._wheel.take_due(now):
            self._handle_due(entry, due, now)
        self._set_timer()

    def _handle_due(self, entry: Pending, due: int, now: int) -> None:
        """Poll, or fail the waits whose deadline has come."""
        is_polled = entry in self._polls or entry in self._queue
        deadline = self._first_deadline(entry)
        needs_poll = not is_polled and (deadline is None or due < deadline)
        was_blocked = is_polled and now - due > _BLOCKED
        if deadline is not None and deadline <= now:
            if (needs_poll or was_blocked) and entry not in self._overdue:
                self._overdue[entry] = _Overdue(now, now + tick_after(self.single_poll_limit()), entry in self._polls)
            else:
                self._expire(entry, now)
        if entry.waiters is None:
            self.drop(entry)
        elif needs_poll:
            self._enqueue(entry)
        elif is_polled:
            self._put(entry, None)
        else:
            self._put_next(entry, is_first=True)

    def _expire(self, entry: Pending, now: int) -> None:
        """Fail the waits whose deadline has come, but for those that are overdue and may be so for a while."""
        overdue = self._overdue.get(entry)
        spared = -1 if overdue is None or overdue.until <= now else overdue.since
        for waiter in entry.all_waiters():
            # An observer that was told of one may have ended others.
            if waiter.deadline is not None and spared < waiter.deadline <= now and not waiter.done():
                self._pending.part(waiter)
                waiter.fail(self.give_up(waiter.entry, waiter.key))

    def give_up(self, entry: Pending, key: str | None) -> WaitTimeoutError:
        """Count and report a wait that timed out, and return its error."""
        self._runtime.statistics.timed_out += 1
        age = self.age(entry)
        if observers := self._runtime.settings.observers:
            report_timeout(observers, entry.id, key, age)
        known = ["never seen" if entry.snapshot is None else f"{entry.snapshot.status!s} when last seen"]
        known.append(f"known here for {age:.3g} s")
        failures = self._failures.get(entry)
        cause = None if failures is None else failures.error
        if cause is not None:
            known.append(f"the last poll failed: {type(cause).__name__}")
        message = f"render {entry.id} did not finish in time ({', '.join(known)}); it may still finish:"
        error = WaitTimeoutError(f"{message} wait for its id again, with a larger timeout", entry.id, key)
        error.__cause__ = cause
        return error

    # ---- polling

    def _enqueue(self, entry: Pending) -> None:
        """Poll as soon as fewer than `Limits.requests` polls run."""
        self._note_first_poll(entry)
        self._queue[entry] = None
        self._put(entry, None)
        self._start_polls()

    def _note_first_poll(self, entry: Pending) -> None:
        """Count the age of an id from elsewhere from its first poll, and ask other processes about it, too."""
        if entry.born is None:
            entry.born = self.now()
            self._ask_relay(entry)

    def _start_polls(self) -> None:
        while self._queue and len(self._polls) < self._max_polls:
            entry = next(iter(self._queue))
            del self._queue[entry]
            poll = self._polls[entry] = self._runtime.check().create_task(entry.poller.poll(entry.id, inf))
            # A callback, since a task that is cancelled before its first step runs none of its code.
            poll.add_done_callback(partial(self._end_poll, entry))
            self._runtime.statistics.polls += 1

    async def poll_now(self, entry: Pending) -> Render:
        """Poll once, beside whatever is scheduled, in bounded time."""
        self._note_first_poll(entry)
        self._runtime.statistics.polls += 1
        try:
            render = await entry.poller.poll(entry.id, self.single_poll_limit())
        except Exception as error:
            self._report(entry, None, error)
            raise
        self._report(entry, str(render.status), None)
        return render

    def single_poll_limit(self) -> float:
        """Return how long a poll may take if the wait itself sets it no limit."""
        limit = self._runtime.settings.timeouts.request
        return _LONGEST_SINGLE_POLL if limit is None else min(limit, _LONGEST_SINGLE_POLL)

    def _end_poll(self, entry: Pending, poll: "asyncio.Task[Render]") -> None:
        """Take in how a poll ended; the next one is its only retry."""
        try:
            outcome: Render | Exception = poll.result()
        except Exception as error:  # noqa: BLE001 - what the caller's own key function raises goes to the waiters
            outcome = error
        except BaseException as error:  # noqa: BLE001 - the loop has raised it already, if it is none that tasks keep
            outcome = _interrupted(error)
        # Closing has forgotten the polls that it cancelled.
        if self._polls.get(entry) is poll:
            del self._polls[entry]
            self._apply_outcome(entry, outcome)
            self._start_polls()

    def _apply_outcome(self, entry: Pending, outcome: Render | Exception) -> None:
        hint: float | None = None
        if isinstance(outcome, Exception):
            self._report(entry, None, outcome)
            hint = self._apply_failure(entry, outcome)
        else:
            self._report(entry, str(outcome.status), None)
            self.apply(entry, outcome)
        entry.polled = now = self.now()
        overdue = self._overdue.get(entry)
        if overdue is not None and overdue.needs_poll and entry.waiters is not None:
            self._overdue[entry] = overdue._replace(needs_poll=False)
            self._enqueue(entry)
            return
        if overdue is not None:
            del self._overdue[entry]
            self._expire(entry, now)
        if entry.waiters is None:
            self.drop(entry)
        else:
            self._put_next(entry, hint)

    def _apply_failure(self, entry: Pending, error: Exception) -> float | None:
        """Fail the waits, or go on with them; returns when the service wants the next poll, if it says so."""
        if not isinstance(error, CraftkitError):
            self._fail(entry, error)
            return None
        held = seconds_held(error, self._runtime.settings.retries)
        if held:
            # A rejected poll keeps its slot, as every other call does.
            self._runtime.api.governor.hold(held)
        if entry.source is not None:
            return None
        if self.note_failure(entry, error):
            self._fail(entry, error)
        entry.failures += 1
        if entry.failures >= _WORTH_A_WARNING:
            self._warn(entry, error)
        return error.retry_after if isinstance(error, ApiError) else None

    def _warn(self, entry: Pending, error: CraftkitError) -> None:
        """Say now, and not only at the deadline of a wait, that its polls fail."""
        now = self.now()
        if now >= self._no_warning_before:
            self._no_warning_before = now + _WARNING_PAUSE
            _logger.warning("polls of render %s keep failing (%s); its waits go on", entry.id, type(error).__name__)

    def _fail(self, entry: Pending, error: Exception) -> None:
        """Fail all waits, each with its own copy of the error: a raised one carries its traceback along."""
        for waiter in self._pending.empty(entry):
            waiter.fail(_copy_of(error))
        self.drop(entry)

    def _report(self, entry: Pending, status: str | None, error: Exception | None) -> None:
        if observers := self._runtime.settings.observers:
            report_poll(observers, entry.id, status, error)


def _interrupted(error: BaseException) -> TransportError:
    """Make a failed poll of a cancellation that neither its caller nor this client asked for."""
    failure = TransportError(f"the poll was interrupted by a foreign {type(error).__name__}")
    failure.__cause__ = error
    return failure


def _copy_of(error: Exception) -> Exception:
    """Copy an error, if that is possible: some foreign ones cannot be copied."""
    try:
        other = copy(error)
    except Exception:  # noqa: BLE001 - whatever it is, the error itself matters more
        return error
    other.__cause__ = error.__cause__
    return other
