"""Retrying: what a failed attempt means, and whether and when there is another."""

from enum import Enum, auto

import attrs

from craftkit_async._sansio.calls.call import Retry
from craftkit_async.errors import (
    ApiError,
    CraftkitError,
    DecodeError,
    DownloadError,
    RateLimitedError,
    ServerError,
    TransportError,
    TransportTimeoutError,
)
from craftkit_async.options import RetryPolicy


class FailureKind(Enum):
    """What a failed attempt means for the next one."""

    NOT_SENT = auto()
    """The request provably did not reach the service."""
    UNANSWERED = auto()
    """It may have reached the service: a timeout, a cut connection."""
    UNREADABLE = auto()
    """A 2xx that is not JSON: a proxy's page, a truncated body."""
    MISFIT = auto()
    """A 2xx that is JSON of another shape; only a submit gains by asking again, for the id it needs."""
    BROKEN = auto()
    """5xx."""
    THROTTLED = auto()
    """Rejected because of the rate: certainly without effect."""
    BUSY = auto()
    """503 with a time to come back."""
    REFUSED = auto()
    """Anything else: sending it again changes nothing."""


_ALWAYS = frozenset({FailureKind.NOT_SENT, FailureKind.THROTTLED})
_IF_HARMLESS = _ALWAYS | {FailureKind.UNANSWERED, FailureKind.UNREADABLE, FailureKind.BROKEN, FailureKind.BUSY}

# Which failures each class of operation may answer with another attempt.
_RESENT = {
    Retry.NEVER: _ALWAYS,
    Retry.SAFE: _IF_HARMLESS,
    Retry.WITH_KEY: _IF_HARMLESS | {FailureKind.MISFIT},
}

# These say "later", so they spend time and not attempts, and no quota: they are no outage.
_THROTTLING = frozenset({FailureKind.THROTTLED, FailureKind.BUSY})

# After these the request may have taken effect although it failed.
_IN_DOUBT = frozenset(
    {FailureKind.UNANSWERED, FailureKind.UNREADABLE, FailureKind.MISFIT, FailureKind.BROKEN, FailureKind.BUSY}
)

# A full quota of 500 is 100 retries in a row; each first-time success buys a fifth of one back.
_RETRY_COST = 5
_REFUND = 1

# A rejected request waits at least this long, and longer each time, up to a second: a service that frees its slots one
# by one asks for a hundredth of a second, and several callers who heed it compete for the same slot.
_SHORTEST_DELAY = 0.4
_MOST_SHORTEST_DELAY = 1.0

# And up to a quarter longer, so that those rejected together part; beyond what the service asks for by no more than
# a tenth of a second, since in a window of a second or a minute the rest would be unused time.
_SPREAD = 0.25
_MOST_SPREAD = 0.1

# Doubling beyond this is above any cap.
_MOST_DOUBLINGS = 60

# No mail sender is configured: waiting does not help.
_PERMANENT_CODES = frozenset({"email_not_configured"})

_UNAVAILABLE = 503
_TOO_MANY = 429

# A proxy that gave up waiting, and one that wants the request again: neither tells what became of it.
_UNANSWERED = frozenset({408, 425})


def classify_failure(error: CraftkitError) -> FailureKind:
    """Say what a failed attempt means."""
    if isinstance(error, TransportError):
        sent = FailureKind.UNANSWERED if error.maybe_sent else FailureKind.NOT_SENT
        return FailureKind.REFUSED if error.is_permanent else sent
    if isinstance(error, DecodeError):
        return FailureKind.MISFIT if error.path else FailureKind.UNREADABLE
    if isinstance(error, DownloadError):
        return FailureKind.UNANSWERED if error.is_transient else FailureKind.REFUSED
    return _classify_reply(error) if isinstance(error, ApiError) else FailureKind.REFUSED


def _classify_reply(error: ApiError) -> FailureKind:
    if isinstance(error, RateLimitedError):
        # Only the status says that nothing was done: with another one, a gateway may have given up on a request.
        return FailureKind.THROTTLED if error.status == _TOO_MANY else FailureKind.BUSY
    if error.status in _UNANSWERED:
        return FailureKind.UNANSWERED
    if not isinstance(error, ServerError) or error.code in _PERMANENT_CODES:
        return FailureKind.REFUSED
    return FailureKind.BUSY if error.status == _UNAVAILABLE and error.retry_after is not None else FailureKind.BROKEN


def seconds_held(error: CraftkitError, policy: RetryPolicy) -> float:
    """Return how long a slot stays taken after a rejected request that has no next attempt of its own.

    Requests that are sent again wait in their own slot; the others must not make room for more than the service takes.
    """
    if not isinstance(error, ApiError) or classify_failure(error) not in _THROTTLING:
        return 0.0
    return min(max(error.retry_after or 0.0, _MOST_SHORTEST_DELAY), policy.max_retry_after)


def is_congestion(error: CraftkitError) -> bool:
    """Does this failure say that fewer requests should be in flight?"""
    if isinstance(error, ServerError):
        return error.status == _UNAVAILABLE and error.code not in _PERMANENT_CODES
    return isinstance(error, RateLimitedError | TransportTimeoutError)


@attrs.define(eq=False, repr=False)
class Schedule:
    """The attempts of one call so far; never shared between calls."""

    policy: RetryPolicy
    retry: Retry | None
    """None where the caller tries again itself."""
    sent: int = 0
    """Attempts in all."""
    spent: int = 0
    """Failures that count against `RetryPolicy.attempts`."""
    rejections: int = 0
    """Consecutive rejections because of the rate."""
    in_doubt: bool = False
    """May an earlier attempt have taken effect?"""
    asked_for_key: bool = False
    """Was a key that the service refused asked for once more?"""

    @property
    def keeps_slot(self) -> bool:
        """Does the call wait in its own slot, so that the window empties by itself?"""
        return self.rejections > 0

    def next_attempt(self, kind: FailureKind, hint: float | None, time_left: float, random: float) -> float | None:
        """Return after a failed attempt the seconds until the next one, or None if the error is final.

        `hint` is the server's `Retry-After`, `time_left` what the call may still take, `random` is uniform in [0, 1).
        """
        if self.retry is None or self.policy.attempts == 1 or kind not in _RESENT[self.retry]:
            return None
        if kind in _THROTTLING:
            self.rejections += 1
            delay = self._delay_after_rejection(hint, random)
        else:
            self.rejections = 0
            self.spent += 1
            delay = max(random * self._ceiling(self.spent), hint or 0.0)
        # What the server asks for decides whether there is time, not the jitter on top of it.
        needed = delay if hint is None else hint
        too_long = hint is not None and hint > self.policy.max_retry_after
        if too_long or needed > time_left or self.spent >= self.policy.attempts:
            return None
        self.in_doubt = self.in_doubt or kind in _IN_DOUBT
        return min(delay, time_left)

    def _ceiling(self, step: int) -> float:
        """The longest wait at this step; full jitter chooses below it."""
        return min(self.policy.max_delay, self.policy.first_delay * 2.0 ** min(step - 1, _MOST_DOUBLINGS))

    def _delay_after_rejection(self, hint: float | None, random: float) -> float:
        """As long as the server asks for, or, where it does not say, longer each time."""
        if hint is None:
            return max(self._ceiling(self.rejections), _SHORTEST_DELAY) * (1 + _SPREAD * random)
        least = min(_SHORTEST_DELAY * 2.0 ** min(self.rejections - 1, _MOST_DOUBLINGS), _MOST_SHORTEST_DELAY)
        delay = max(hint, least)
        return delay + min(_SPREAD * delay, _MOST_SPREAD) * random


@attrs.define(eq=False, repr=False)
class Quota:
    """Tokens that retries cost and successes bring back, for all calls of a client together."""

    most: int
    left: int = attrs.field(default=attrs.Factory(lambda quota: quota.most, takes_self=True))

    def take(self) -> bool:
        """Pay for one retry, if there is enough left."""
        if self.left < _RETRY_COST:
            return False
        self.left -= _RETRY_COST
        return True

    def give_back(self, retries: int) -> None:
        """Credit a success: what its retries cost, or a little where it needed none."""
        if self.left < self.most:
            self.left = min(self.most, self.left + (retries * _RETRY_COST or _REFUND))
