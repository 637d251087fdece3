"""Pace: when to poll a pending render next, and which failed poll ends the wait for it."""

from collections import OrderedDict
from collections.abc import Hashable

from craftkit_async._sansio.polling.durations import Durations, Grid, hold_against_polls
from craftkit_async._sansio.polling.timer_wheel import TICKS
from craftkit_async.errors import (
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    CraftkitError,
    ForbiddenError,
    NotFoundError,
    PaymentRequiredError,
)
from craftkit_async.options import PollPolicy

# A failed poll doubles the pace, three times at most: eightfold.
_MOST_DOUBLINGS = 3

# Beyond every cap, and finite, so that no arithmetic on it can give NaN.
_OLDEST = 1e9

# Polling again cannot change these.
_HOPELESS = (AuthenticationError, PaymentRequiredError, ForbiddenError, ConfigurationError, ClientStateError)

# The last poll before a deadline is made a second before it, time enough for its answer, and in short waits after nine
# tenths of the time that is left. What is nearer than an eighth of a second is near enough.
_LAST_POLL = TICKS
_SHORT_WAIT = 10
_NEAR_ENOUGH = TICKS // 8


class LearnedDurations:
    """Durations by project, template and grid; what learned least recently makes room."""

    __slots__ = ("_durations", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._durations: OrderedDict[Hashable, Durations] = OrderedDict()

    def find(self, template: Hashable, grid: Grid) -> Durations | None:
        """Return what was learned of a template; clients with other options have another grid."""
        return self._durations.get((template, grid.shortest, grid.longest))

    def find_or_begin(self, template: Hashable, grid: Grid) -> Durations:
        """Return the same to learn more, begun now if there is nothing."""
        key = template, grid.shortest, grid.longest
        durations = self._durations.setdefault(key, Durations(grid))
        self._durations.move_to_end(key)
        if len(self._durations) > self._most:
            self._durations.popitem(last=False)
        return durations


class Pace:
    """The gaps between polls: as documented, as learned from each template, or those of the safety net.

    All depend on the age of a render when it was last polled, and not on how often: a gap that grows by
    (factor - 1) of the age is the documented doubling, and holds after a poll that was late, or failed, or was
    made at another pace.
    """

    __slots__ = ("_grid", "_learned", "_policy")

    def __init__(self, policy: PollPolicy, learned: "LearnedDurations") -> None:
        self._policy = policy
        self._learned = learned
        self._grid = Grid(policy.first / 2, policy.max)

    def gap(
        self,
        template: Hashable,
        age: float,
        *,
        random: float,
        failures: int = 0,
        hint: float | None = None,
        stepped_back: bool = False,
    ) -> float:
        """Return the seconds from the last poll of a render to the next.

        `template` is what its durations are learned by, None where there are none. `age` is how old the render was at
        that poll: 0 when its submit was answered, and at the first poll of an id from elsewhere. `failures` counts the
        polls that failed since the last good one, `hint` is the `Retry-After` of the latest, `stepped_back` says that
        webhooks bring the answers, and `random` is uniform in [0, 1).
        """
        policy = self._policy
        age = min(age, _OLDEST) if age > 0 else 0.0
        if stepped_back:
            first, longest = policy.net_first, policy.net_max
            gap = self._net(age)
        else:
            first, longest = policy.first, policy.max
            durations = None if template is None else self._learned.find(template, self._grid)
            gap = durations.gap(age) if durations is not None and durations.is_better else self._documented(age)
        gap = min(max(gap * (1 + policy.jitter * (2 * random - 1)), first / 2), longest)
        if failures:
            # Never beyond the net's longest gap: a lost webhook and one failed poll must not cost minutes.
            gap = min(gap * 2 ** min(failures, _MOST_DOUBLINGS), max(gap, policy.net_max))
        # A server that asks for more than the net's longest gap is polled all the same.
        return gap if hint is None else max(gap, min(hint, policy.net_max))

    def learn(self, template: Hashable, duration: float, seen: tuple[float, float] | None = None) -> None:
        """Learn how long a render took; an impossible duration is left out.

        `seen` are the ages between which the render finished, as far as it was seen here.
        """
        if seen is not None:
            duration = hold_against_polls(duration, *seen)
        if self._policy.adaptive and template is not None and duration >= 0:
            self._learned.find_or_begin(template, self._grid).learn(duration, self._documented)

    def ends_wait(self, error: CraftkitError, age: float | None) -> bool:
        """Does this failed poll end the wait at once?

        `age` counts from our own submit: so soon after it a 404 may be early. It is None for an id from elsewhere.
        """
        if isinstance(error, NotFoundError):
            return age is None or age > self._policy.not_found_grace
        return isinstance(error, _HOPELESS)

    def _documented(self, age: float) -> float:
        policy = self._policy
        return min(policy.first + (policy.factor - 1) * age, policy.max)

    def _net(self, age: float) -> float:
        policy = self._policy
        return min(policy.net_first + (policy.factor - 1) * age, policy.net_max)


def before_deadline(poll: int, deadline: int | None, now: int, *, is_first: bool) -> int:
    """Return the tick of the next poll, or of the deadline where no poll fits in before it.

    No wait times out without a poll shortly before. `is_first` says that the wait has just begun: however short it is,
    it has one poll, at once if need be.
    """
    if deadline is None:
        return poll
    left = deadline - now
    last = deadline - min(_LAST_POLL, left // _SHORT_WAIT) if left >= _SHORT_WAIT else now
    if poll <= last:
        return poll
    return last if is_first or left > _NEAR_ENOUGH else deadline
