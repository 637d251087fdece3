"""Sender: one call, from its description to its result.

A call goes round this loop until it is answered or its error is final:

1. It takes a slot from the governor, and waits for one while too many requests are in flight.
2. An attempt is sent and bounded in time. It gives a value or an error; nothing but cancellation is raised in there.
3. The rules judge a failure: another attempt after so many seconds, or the error is final.
4. It pauses. A call that was rejected because of the rate keeps its slot meanwhile, so that the window empties by
   itself and no other call is stopped; every other call gives its slot back.

Two clocks run: the bound of an attempt, and the end of the whole call, which cuts the last attempt short. Which of them
ended an attempt is known by which was set, and never by comparing times.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from math import inf
from sys import float_info
from types import TracebackType
from typing import Any, Generic, NamedTuple

from craftkit_async._io import capture
from craftkit_async._io.capture import CapturedResponse, captured
from craftkit_async._io.governor import Governor
from craftkit_async._io.runtime import Lane, Runtime
from craftkit_async._io.transport import Reply, cut_tracebacks, lowered
from craftkit_async._io.watch import Bounded, Watched
from craftkit_async._sansio.calls.call import OMITTED, Call, Credential, Result, TimeoutOption
from craftkit_async._sansio.calls.reply import is_answer, read_answer, read_either, read_error
from craftkit_async._sansio.calls.request import Request, make_request
from craftkit_async._sansio.headers import AUTHORIZATION
from craftkit_async._sansio.retries.retrying import Schedule, classify_failure, is_congestion
from craftkit_async.errors import (
    ApiError,
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    CraftkitError,
    DecodeError,
    TransportError,
    TransportTimeoutError,
)
from craftkit_async.observe.reports import log_dropped, report_failure, report_next_attempt

# Takes in the body of a success where it is not simply read and decoded; may move the timer of its attempt.
Receive = Callable[[Reply, Bounded], Awaitable[Any]]


class Answer(NamedTuple, Generic[Result]):
    """What a call got: its value, and the status, which is the only sign of a replay."""

    value: Result
    status: int
    attempts: int


class Sender:
    """Sends calls with one credential, by one lane; the runtime is shared with the client's other senders."""

    __slots__ = ("_has_rotating_key", "_key", "_lane", "runtime")

    def __init__(self, runtime: Runtime, lane: Lane, key: Callable[[], str], *, has_rotating_key: bool = False) -> None:
        self._has_rotating_key = has_rotating_key
        self.runtime = runtime
        self._lane = lane
        self._key = key

    async def send(
        self,
        call: Call[Result],
        *,
        timeout: TimeoutOption = OMITTED,
        resend: bool = True,
        yields: bool = False,
        time_left: float = inf,
        receive: Receive | None = None,
    ) -> Answer[Any]:
        """Send a call until it is answered or its error is final.

        `timeout` bounds one attempt; `time_left` bounds all of them and every wait between, and cuts an attempt
        short, which `RetryPolicy.total` does not; `yields` lets other calls take slots first.
        """
        runtime, governor = self.runtime, self._lane.governor
        loop = runtime.check()
        limit = timeout if timeout is OMITTED else check_timeout(timeout)
        state = _CallState(call, Schedule(runtime.settings.retries, call.operation.retry if resend else None), governor)
        start = state.start = loop.time()
        end = start + time_left
        total = runtime.settings.retries.total
        deadline = end if total is None else min(end, start + total)
        outcome = error = None
        try:
            with state:
                while True:
                    if not (state.has_slot or governor.try_enter()):
                        await _enter(governor, deadline, end, yields=yields)
                    state.has_slot = True
                    epoch = governor.window.epoch
                    bound, is_last = (limit, False) if end == inf else self._shorter(limit, end - loop.time())
                    watch = Watched(runtime.watch, loop) if bound is OMITTED else Bounded(runtime.watch, loop, bound)
                    outcome = await self._attempt(state, watch, receive)
                    if not isinstance(outcome, Exception):
                        return self._succeed(state, outcome)
                    error = outcome if isinstance(outcome, CraftkitError) else _timed_out(ended_call=is_last)
                    if self._has_another_key(state, error):
                        continue
                    delay = self._judge(call, state.schedule, error, epoch, deadline - loop.time())
                    if delay is None:
                        raise error
                    state.keep_slot(state.schedule.keeps_slot)
                    await governor.pause(delay)
        finally:
            # A frame of the traceback that held the error would leave both, and the body, to the garbage collector.
            del outcome, error

    def _shorter(self, timeout: TimeoutOption, time_left: float) -> tuple[float, bool]:
        """Bound an attempt by its own limit and by the time that is left for the whole call; is it the latter?"""
        limit = self.runtime.settings.timeouts.request if timeout is OMITTED else timeout
        return (time_left, True) if limit is None or time_left <= limit else (limit, False)

    def _succeed(self, state: "_CallState", value: Any) -> Answer[Any]:
        schedule, governor = state.schedule, state.governor
        if state.call.dropped is not None:
            log_dropped(state.call.operation.name, state.call.dropped)
        governor.window.succeeded(governor.in_flight)
        self.runtime.quota.give_back(schedule.spent)
        # As the class would, in half of the time.
        return tuple.__new__(Answer, (value, 0 if state.reply is None else state.reply.status, schedule.sent))

    async def _attempt(  # noqa: C901, PLR0911 - one request, and each way in which it may end
        self, state: "_CallState", watch: Watched, receive: Receive | None
    ) -> Any:
        """Send once, within a bound; the outcome is the value, or the error, which is not raised."""
        call = state.call
        request = state.request = self._make_request(call)
        state.reply = None
        state.schedule.sent += 1
        try:
            with watch:
                reply = state.reply = await self._lane.transport.send(request)
                status = reply.status
                if not is_answer(call, status):
                    body = await _read_what_there_is(reply)
                    return read_error(call, status, lowered(reply), body, _calendar())
                if receive is not None and isinstance(watch, Bounded):
                    # What comes after the head of a document has a slot of its own.
                    state.keep_slot(False)  # noqa: FBT003 - see there
                    return await receive(reply, watch)
                body = await reply.read()
                if status in call.operation.also_reads:
                    return read_either(call, status, lowered(reply), body, _calendar())
                return read_answer(call, body)
        except (CraftkitError, TimeoutError) as error:
            if isinstance(error, CraftkitError):
                # It is raised again by `send`. The frames in between hold the reply, which may be a minted key.
                cut_tracebacks(error)
                return error
            # What a transport raises is a `CraftkitError`; what `progress` raises is the caller's own.
            if not watch.is_expired:
                raise
            state.reply = None
            return error
        except asyncio.CancelledError as error:
            if _is_cancelled_by_caller():
                raise
            # Nobody cancelled this task: a connection pool that was shut down did, or a future within a library.
            failure = TransportError("the request was cancelled from within its transport")
            failure.__cause__ = error
            return failure

    def _make_request(self, call: Call[Any]) -> Request:
        """Build the request of one attempt; the key is asked for anew, so that a rotated one is used at once."""
        needs_key = call.operation.credential in _CLIENT_KEYS
        # The key is in no variable: the locals of frames end up in error trackers.
        return make_request(call, self._lane.base_url, self._key() if needs_key else None)

    def _has_another_key(self, state: "_CallState", error: CraftkitError) -> bool:
        """Was the key refused, and does its function return another one by now? Nothing was done, so any call may."""
        schedule, request = state.schedule, state.request
        if not (self._has_rotating_key and isinstance(error, AuthenticationError)) or request is None:
            return False
        if schedule.asked_for_key or schedule.policy.attempts == 1:
            return False
        schedule.asked_for_key = True
        return self._make_request(state.call).headers.get(AUTHORIZATION) != request.headers.get(AUTHORIZATION)

    def _judge(
        self, call: Call[Any], schedule: Schedule, error: CraftkitError, epoch: int, time_left: float
    ) -> float | None:
        """Return how long to wait before the next attempt, or None if the error is final."""
        runtime, governor = self.runtime, self._lane.governor
        if is_congestion(error):
            governor.window.congested(epoch)
        if governor.closed:
            raise ClientStateError("the client was closed during this call") from error
        kind = classify_failure(error)
        observers = runtime.settings.observers
        if observers:
            report_failure(observers, call.operation.name, schedule.sent, error)
        hint = error.retry_after if isinstance(error, ApiError) else None
        delay = schedule.next_attempt(kind, hint, time_left, random.random())  # noqa: S311 - it spreads load, no more
        # Where the limit of the call was reached, no clock is asked again: a timer may have come a moment early.
        has_ended = isinstance(error, TransportTimeoutError) and error.ended_call
        if has_ended or delay is None or not (schedule.keeps_slot or runtime.quota.take()):
            return None
        window = governor.window.slots if schedule.keeps_slot else None
        runtime.statistics.throttled += window is not None
        runtime.statistics.retries += window is None
        if observers:
            report_next_attempt(observers, call.operation.name, schedule.sent, delay, window)
        return delay


class _CallState:
    """One call under way; leaving the block gives its slot back, and says in its error what was tried."""

    __slots__ = ("call", "governor", "has_slot", "reply", "request", "schedule", "start")

    start: float

    def __init__(self, call: Call[Any], schedule: Schedule, governor: Governor) -> None:
        self.call = call
        self.schedule = schedule
        self.governor = governor
        self.has_slot = False
        self.reply: Reply | None = None
        self.request: Request | None = None

    def keep_slot(self, keeps: bool) -> None:  # noqa: FBT001 - reads as a sentence
        """Keep the slot until the next attempt, or give it back."""
        if self.has_slot and not keeps:
            self.governor.leave()
        self.has_slot = self.has_slot and keeps

    def __enter__(self) -> None:
        """Begin; no slot is taken yet."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.has_slot:
            self.governor.leave()
        if isinstance(error, CraftkitError):
            _describe(error, self.call, self.schedule)
        if capture.was_ever_used and (seen := captured.get()) is not None:
            elapsed = asyncio.get_running_loop().time() - self.start
            seen.append(_captured(self.call, self.reply, self.schedule.sent, elapsed))


def _is_cancelled_by_caller() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def _enter(governor: Governor, deadline: float, end: float, *, yields: bool) -> None:
    """Wait for a slot, until the budget of the retries is spent or the whole call has ended."""
    try:
        await governor.enter(deadline, yields=yields)
    except TransportTimeoutError as error:
        error.ended_call = deadline == end
        raise


def _timed_out(*, ended_call: bool) -> TransportTimeoutError:
    error = TransportTimeoutError("no whole reply came in time")
    error.ended_call = ended_call
    return error


def check_timeout(timeout: object) -> float | None:
    """Return a timeout, or refuse what is none."""
    if timeout is None:
        return None
    # NaN compares as False with everything, and a whole number may be larger than any float.
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= float_info.max:
        raise ConfigurationError(f"timeout takes seconds above 0, or None for no limit, not {timeout!r}")
    return float(timeout)


# A tuple: finding a member in a set calls the hash of its class, which is slower than comparing three.
_CLIENT_KEYS = (Credential.PROJECT, Credential.ACCOUNT, Credential.ADMIN)


async def _read_what_there_is(reply: Reply) -> bytes:
    """Read the body of an error reply; its status is known, so a body that is cut or too large does no harm."""
    try:
        return await reply.read()
    except CraftkitError:
        return b""


def _calendar() -> float:
    """Return the calendar time, the one place that needs it: Retry-After may be a date."""
    return time.time()  # noqa: TID251 - see above


def _describe(error: CraftkitError, call: Call[Any], schedule: Schedule) -> None:
    """Add to an error which call it was of and what had been tried."""
    if isinstance(error, ApiError):
        error.maybe_applied = schedule.in_doubt
    elif isinstance(error, TransportError | DecodeError):
        tries = f" (after {schedule.sent} attempts)" if schedule.sent > 1 else ""
        error.message = f"{call.operation.method} {call.shown_path}: {error.message}{tries}"
        error.idempotency_key = call.idempotency_key
    if isinstance(error, ClientStateError) and call.idempotency_key is not None:
        error.idempotency_key = call.idempotency_key
        error.args = (f"{error}; repeat it with its idempotency key, {call.idempotency_key}",)
    if isinstance(error, TransportError):
        error.maybe_sent = error.maybe_sent or schedule.in_doubt
    if isinstance(error, ApiError | TransportError | DecodeError):
        error.attempts = schedule.sent


def _captured(call: Call[Any], reply: Reply | None, attempts: int, elapsed: float) -> CapturedResponse:
    status, headers = (None, {}) if reply is None else (reply.status, lowered(reply))
    return CapturedResponse(call.operation.name, status, headers, attempts, elapsed)
