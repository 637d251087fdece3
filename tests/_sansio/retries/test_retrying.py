"""Retrying: which failures are answered with another attempt, when, and how often."""

import random
from typing import Any

import pytest
from hypothesis import given, strategies as st

from craftkit_async import (
    ApiError,
    ClientStateError,
    ConfigurationError,
    CraftkitError,
    DecodeError,
    DownloadError,
    InvalidDataError,
    NotFoundError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    TransportError,
    TransportTimeoutError,
)
from craftkit_async._sansio.calls.call import Retry
from craftkit_async._sansio.retries.retrying import (
    FailureKind,
    Quota,
    Schedule,
    classify_failure,
    is_congestion,
    seconds_held,
)

NOT_SENT, UNANSWERED, UNREADABLE, MISFIT = (
    FailureKind.NOT_SENT,
    FailureKind.UNANSWERED,
    FailureKind.UNREADABLE,
    FailureKind.MISFIT,
)
BROKEN, THROTTLED, BUSY, REFUSED = FailureKind.BROKEN, FailureKind.THROTTLED, FailureKind.BUSY, FailureKind.REFUSED

# FailureKind: resent by safe, with-key and never operations; spends an attempt; keeps its place; leaves a doubt.
RULES: dict[FailureKind, tuple[bool, bool, bool, bool, bool, bool]] = {
    NOT_SENT:   (True,  True,  True,  True,  False, False),
    UNANSWERED: (True,  True,  False, True,  False, True),
    UNREADABLE: (True,  True,  False, True,  False, True),
    MISFIT:     (False, True,  False, True,  False, True),
    BROKEN:     (True,  True,  False, True,  False, True),
    THROTTLED:  (True,  True,  True,  False, True,  False),
    BUSY:       (True,  True,  False, False, True,  True),
    REFUSED:    (False, False, False, True,  False, False),
}  # fmt: skip


@pytest.mark.parametrize("failure", FailureKind)
@pytest.mark.parametrize("retry", Retry)
def test_rules(failure: FailureKind, retry: Retry) -> None:
    """Safe and keyed calls are resent after anything ambiguous, others only when they were not sent or not let in."""
    safe, with_key, never, spends, keeps_slot, leaves_doubt = RULES[failure]
    is_resent = {Retry.SAFE: safe, Retry.WITH_KEY: with_key, Retry.NEVER: never}[retry]
    schedule = Schedule(RetryPolicy(), retry)

    delay = schedule.next_attempt(failure, None, 1e9, 0.5)

    assert (delay is not None) is is_resent
    if is_resent:
        assert schedule.spent == int(spends)
        assert schedule.keeps_slot is keeps_slot
        assert schedule.in_doubt is leaves_doubt


@pytest.mark.parametrize("failure", FailureKind)
def test_who_tries_again_by_other_means_is_told_at_once(failure: FailureKind) -> None:
    """A poll or a health check is sent once."""
    schedule = Schedule(RetryPolicy(), None)

    assert schedule.next_attempt(failure, None, 1e9, 0.5) is None
    assert not schedule.in_doubt


FAILURES: list[tuple[CraftkitError, FailureKind]] = [
    (TransportError("cut"), UNANSWERED),
    (TransportError("refused", maybe_sent=False), NOT_SENT),
    (TransportTimeoutError("late"), UNANSWERED),
    (TransportTimeoutError("no place", maybe_sent=False), NOT_SENT),
    (DecodeError("no JSON", ""), UNREADABLE),
    (DecodeError("misfit", "$.id"), MISFIT),
    (DownloadError("cut", is_transient=True), UNANSWERED),
    (DownloadError("no PDF"), REFUSED),
    (RateLimitedError("slow down", 429), THROTTLED),
    (RateLimitedError("slow down", 503, "rate_limited"), BUSY),
    (RateLimitedError("slow down", 502, "rate_limited"), BUSY),
    (ApiError("too slow", 408), UNANSWERED),
    (ApiError("too early", 425), UNANSWERED),
    (ServerError("busy", 503, retry_after=0.0), BUSY),
    (ServerError("busy", 503), BROKEN),
    (ServerError("broken", 500, retry_after=1.0), BROKEN),
    (ServerError("broken", 599), BROKEN),
    (ServerError("mail", 503, "email_not_configured"), REFUSED),
    (ServerError("mail", 503, "email_not_configured", retry_after=1.0), REFUSED),
    (NotFoundError("gone", 404), REFUSED),
    (ApiError("moved", 302, "redirect"), REFUSED),
    (ConfigurationError("key"), REFUSED),
    (ClientStateError("closed"), REFUSED),
    (InvalidDataError("data"), REFUSED),
]


@pytest.mark.parametrize(("error", "failure"), FAILURES)
def test_errors_are_told_apart(error: CraftkitError, failure: FailureKind) -> None:
    """Each failure means one thing for the next attempt."""
    assert classify_failure(error) is failure


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RateLimitedError("", 429), True),
        (ServerError("", 503), True),
        (ServerError("", 503, "email_not_configured"), False),
        (ServerError("", 500), False),
        (TransportTimeoutError(""), True),
        (TransportError(""), False),
        (NotFoundError("", 404), False),
        (DecodeError(""), False),
    ],
)
def test_congestion(error: CraftkitError, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """The window shrinks on 429, 503 and timeouts, and on nothing else."""
    assert is_congestion(error) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RateLimitedError("", 429), 1.0),
        (RateLimitedError("", 429, retry_after=7.0), 7.0),
        (RateLimitedError("", 429, retry_after=0.0), 1.0),
        (RateLimitedError("", 429, retry_after=1e6), 60.0),
        (ServerError("", 503, retry_after=2.0), 2.0),
        (ServerError("", 503), 0.0),
        (NotFoundError("", 404), 0.0),
        (TransportError(""), 0.0),
    ],
)
def test_place_of_a_look_that_is_turned_away(error: CraftkitError, expected: float) -> None:
    """It stays taken for as long as the service asks for patience, within the policy, and not after other errors."""
    assert seconds_held(error, RetryPolicy()) == expected


def test_backoff_doubles_up_to_its_cap() -> None:
    """The ceiling starts at `first_delay`, doubles, and stops at `max_delay`; full jitter chooses below it."""
    policy = RetryPolicy(attempts=9, first_delay=0.5, max_delay=3)
    schedule, lowest = Schedule(policy, Retry.SAFE), Schedule(policy, Retry.SAFE)

    assert [schedule.next_attempt(BROKEN, None, 1e9, 1.0) for _ in range(5)] == [0.5, 1, 2, 3, 3]
    assert [lowest.next_attempt(BROKEN, None, 1e9, 0.0) for _ in range(5)] == [0, 0, 0, 0, 0]


def test_attempts_are_counted() -> None:
    """A call is sent `attempts` times at most."""
    schedule = Schedule(RetryPolicy(attempts=3), Retry.SAFE)
    delays = [schedule.next_attempt(UNANSWERED, None, 1e9, 0.5) for _ in range(3)]

    assert [delay is None for delay in delays] == [False, False, True]
    assert Schedule(RetryPolicy(attempts=1), Retry.SAFE).next_attempt(NOT_SENT, None, 1e9, 0.5) is None


@pytest.mark.parametrize("failure", [THROTTLED, BUSY])
def test_patience_spends_time_and_no_attempts(failure: FailureKind) -> None:
    """A 429, and a 503 that says when to come back, may happen any number of times."""
    schedule = Schedule(RetryPolicy(attempts=2), Retry.SAFE)
    delays = [schedule.next_attempt(failure, 1.0, 1e9, 0.0) for _ in range(100)]

    assert delays == [1.0] * 100
    assert schedule.spent == 0


@pytest.mark.parametrize("failure", FailureKind)
@pytest.mark.parametrize("retry", Retry)
def test_one_attempt_is_one_request(failure: FailureKind, retry: Retry) -> None:
    """With `attempts=1` nothing is ever sent again, whatever the service asks for."""
    assert Schedule(RetryPolicy(attempts=1), retry).next_attempt(failure, 1.0, 1e9, 0.0) is None


def test_patience_grows_without_a_hint_and_parts_those_rejected_together() -> None:
    """Without a hint the wait doubles; with one it is kept; dice make each a little longer, and none is a busy loop."""
    growing, hinted, hasty = (Schedule(RetryPolicy(), Retry.SAFE) for _ in range(3))

    assert [growing.next_attempt(THROTTLED, None, 1e9, 0.0) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert [hinted.next_attempt(THROTTLED, 4.0, 1e9, dice) for dice in (0.0, 0.5, 1.0)] == [4, 4.05, 4.1]
    assert [hasty.next_attempt(THROTTLED, 0.0, 1e9, 0.0) for _ in range(5)] == [0.4, 0.8, 1.0, 1.0, 1.0]
    assert Schedule(RetryPolicy(), Retry.SAFE).next_attempt(THROTTLED, 0.0, 1e9, 1.0) == 0.5


def test_the_place_is_given_back_after_another_kind_of_failure() -> None:
    """Only a rejected request waits in its place, and its patience starts over after any other failure."""
    schedule = Schedule(RetryPolicy(), Retry.SAFE)

    kept = [schedule.keeps_slot]
    for failure in (THROTTLED, THROTTLED, BROKEN):
        schedule.next_attempt(failure, None, 1e9, 0.0)
        kept.append(schedule.keeps_slot)

    assert kept == [False, True, True, False]
    assert schedule.next_attempt(THROTTLED, None, 1e9, 0.0) == 0.5


@pytest.mark.parametrize("failure", [THROTTLED, BUSY, BROKEN])
def test_hints_are_kept_or_refused(failure: FailureKind) -> None:
    """`Retry-After` is waited out in full; where it exceeds the policy or the time left, the error stands at once."""
    policy = RetryPolicy(max_retry_after=60)

    def ask(hint: float, time_left: float) -> float | None:
        return Schedule(policy, Retry.SAFE).next_attempt(failure, hint, time_left, 0.0)

    assert ask(60, 60) == 60
    assert ask(60.1, 1e9) is None
    assert ask(10, 9.9) is None


@pytest.mark.parametrize("failure", [THROTTLED, BUSY, BROKEN])
def test_dice_do_not_decide_whether_a_hint_fits(failure: FailureKind) -> None:
    """A hint within the time left is followed, whatever would be added to part those rejected together."""
    policy = RetryPolicy(first_delay=30)

    assert Schedule(policy, Retry.SAFE).next_attempt(failure, 10, 10.05, 0.99) == 10.05


def test_doubt_is_about_attempts_before_the_last() -> None:
    """What fails for good leaves no doubt behind by itself; what was resent does, until the end."""
    schedule = Schedule(RetryPolicy(), Retry.SAFE)

    doubts = []
    for failure in (REFUSED, UNANSWERED, THROTTLED):
        schedule.next_attempt(failure, None, 1e9, 0.0)
        doubts.append(schedule.in_doubt)

    assert doubts == [False, True, True]


_POLICIES = st.builds(
    lambda first, above, **fields: RetryPolicy(first_delay=first, max_delay=first + above, **fields),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    attempts=st.integers(1, 10**6),
    max_retry_after=st.floats(0, 1e6),
)
_FAILURES = st.lists(
    st.tuples(
        st.sampled_from(FailureKind),
        st.none() | st.floats(0, 1e9),
        st.floats(-1e3, 1e9),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=80,
)


@given(_POLICIES, st.sampled_from(Retry), _FAILURES)
def test_schedules_stay_within_their_bounds(policy: RetryPolicy, retry: Retry, failures: list[Any]) -> None:
    """Whatever happens, waits are never negative, never past a cap or the time left, and attempts are bounded."""
    schedule = Schedule(policy, retry)
    resent = 0
    for failure, hint, time_left, dice in failures:
        delay = schedule.next_attempt(failure, hint, time_left, dice)
        if delay is None:
            break
        resent += failure not in {THROTTLED, BUSY}

        assert 0 <= delay <= time_left
        assert delay <= 1.25 * max(policy.max_delay, policy.max_retry_after, 1.0)
        assert hint is None or hint <= delay
        assert hint is None or hint <= policy.max_retry_after
        assert resent < policy.attempts
        assert resent == schedule.spent


def test_delays_do_not_overflow() -> None:
    """After thousands of doublings the cap still holds."""
    schedule = Schedule(RetryPolicy(attempts=5000), Retry.SAFE)
    delays = [schedule.next_attempt(BROKEN, None, 1e9, random.random()) for _ in range(4999)]  # noqa: S311 - dice

    assert all(delay is not None and delay <= 30 for delay in delays)


def test_a_full_quota_is_a_hundred_retries() -> None:
    """Retries cost, and when the quota is empty there is none left to take."""
    quota = Quota(500)

    assert [quota.take() for _ in range(101)] == [True] * 100 + [False]
    assert quota.left == 0


def test_successes_bring_back_what_their_retries_cost() -> None:
    """A success returns the price of its retries, a first-time one a fifth of one, and never more than there was."""
    quota = Quota(500)
    for _ in range(10):
        quota.take()
    quota.give_back(2)
    quota.give_back(0)

    assert quota.left == 461

    quota.give_back(1000)
    assert quota.left == 500
    quota.give_back(0)
    assert quota.left == 500


@given(st.integers(1, 40), st.lists(st.none() | st.integers(0, 50)))
def test_quota_stays_within_its_bounds(most: int, steps: list[int | None]) -> None:
    """Between empty and full, whatever is taken and given back; a refusal takes nothing."""
    quota = Quota(most)
    for retries in steps:
        before = quota.left
        if retries is not None:
            quota.give_back(retries)
            assert quota.left >= before
        elif not quota.take():
            assert quota.left == before < 5

        assert 0 <= quota.left <= most
