"""Durations: how long the renders of one template take, and the polls that follow from it."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise
from math import inf

# What one poll may cost, in seconds of delay: the lower, the more polls and the sooner the answers.
# At this price neither log-normal nor slow durations take more polls than at the documented pace.
PRICE = 0.16

# Steps of 8 % are finer than what jitter moves a poll by; from half the documented first gap they reach to 187 s. Where
# the longest gap is so long that the plan would end before it matters, the steps are wider, so that they reach further.
_STEPS = 96
_RATIO = 1.08
_LONGEST_GAPS = 4

# With fewer durations than this the documented pace knows more.
_ENOUGH = 30
# A plan takes a quarter of a millisecond, so it is made after this many further durations, and all that came before
# then counts an eighth less: a memory of about 128, long enough to plan with and short enough to follow a drift.
_REPLAN_AFTER = 16
_KEPT = 7 / 8
# The lead over the documented pace is a mean over about this many durations.
_LEAD_OVER = 32

# A duration stands for the ones near it, about as far as jitter moves a poll.
_BLUR = (1 / 9, 2 / 9, 3 / 9, 2 / 9, 1 / 9)
# One duration's worth of doubt, spread over all steps, keeps polls coming where nothing has been seen yet.
_DOUBT = 1 / _STEPS

# A duration counts from before the submit's answer, an age from after it; more than this between them is a wrong clock.
_TOLERANCE = 0.25

Gap = Callable[[float], float]


class Grid:
    """The ages at which a poll may be planned, evenly spaced on a logarithmic scale; one for all templates."""

    __slots__ = ("ages", "longest", "middles", "reachable", "shortest")

    def __init__(self, shortest: float, longest: float) -> None:
        self.shortest = shortest
        self.longest = longest
        ratio: float = max(_RATIO, (_LONGEST_GAPS * longest / shortest) ** (1 / (_STEPS - 1)))
        ages = [0.0, *(shortest * ratio**step for step in range(_STEPS))]
        # Half way from the age before; a render is taken to end there, and belongs to a step from there on.
        self.middles = [0.0, *((left + right) / 2 for left, right in pairwise(ages))]
        # Per step, the first and the last one that may come next.
        self.reachable = [self._reach(ages, age) for age in ages[:-1]]
        # A render older than the grid gets the longest gap.
        self.ages = [*ages, inf]

    def _reach(self, ages: list[float], age: float) -> tuple[int, int]:
        nearest = min(bisect_left(ages, age + self.shortest), _STEPS)
        return nearest, max(bisect_right(ages, age + self.longest) - 1, nearest)

    def step_of(self, duration: float) -> int:
        """Return the step in which a render of this duration ends."""
        return bisect_left(self.ages, duration, 1, _STEPS)

    def nearest(self, age: float) -> int:
        """Return the step that is nearest to an age."""
        return bisect_right(self.middles, age) - 1


class Durations:
    """A histogram that forgets, the plan made from it, and how that plan compares with the documented pace.

    Each duration is first held against the plan that did not know it, and then learned.
    """

    __slots__ = ("_counts", "_due", "_grid", "_lead", "_plan", "is_better")

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._counts = array("f", bytes(4 * (_STEPS + 1)))
        self._due = _ENOUGH
        self._plan = b""
        self._lead = 0.0
        self.is_better = False
        """Is there a plan, and has it of late been no worse than the documented pace?"""

    def gap(self, age: float) -> float:
        """Return the planned time until the next poll of a render that was still under way at `age`."""
        grid = self._grid
        planned = grid.ages[self._plan[grid.nearest(age)]] - age
        return min(max(planned, grid.shortest), grid.longest)

    def learn(self, duration: float, documented: Gap) -> None:
        """Take in how long a render took."""
        # The grid's last age stands for all that lies beyond.
        known = min(duration, self._grid.ages[_STEPS])
        if self._plan:
            lead = charge(documented, known) - charge(self.gap, known)
            self._lead += (lead - self._lead) / _LEAD_OVER
        self._counts[self._grid.step_of(known)] += 1
        self._due -= 1
        if not self._due:
            self._plan = make_plan(self._grid, self._counts)
            self._counts = array("f", [count * _KEPT for count in self._counts])
            self._due = _REPLAN_AFTER
        self.is_better = bool(self._plan) and self._lead >= 0


def hold_against_polls(duration: float, earliest: float, latest: float) -> float:
    """Return a duration that agrees with the ages between which the render finished, as seen here.

    The service takes a duration from two moments, perhaps by two clocks. One by which a render had finished before a
    poll saw it under way, or had not when it was seen finished, is worth nothing. The middle of both ages is worth a
    lot: it moves the polls of the next renders closer around their ends.
    """
    if not earliest - _TOLERANCE <= duration <= latest + _TOLERANCE:
        duration = (earliest + latest) / 2
    return min(max(duration, earliest), latest)


def charge(gap: Gap, duration: float) -> float:
    """Add up what a render of this duration costs under a pace: its polls and its delay."""
    age, price = 0.0, 0.0
    while age < duration or not price:
        age += gap(age)
        price += PRICE
    return price + age - duration


def make_plan(grid: Grid, counts: "array[float]") -> bytes:
    """Choose for each step the step to poll at next, so that polls and delays together cost the least.

    A rate of polls that follows the hazard (gap = sqrt(2 x price / hazard)) is the same thing where the hazard hardly
    changes within a gap; it cannot see the second mode of bimodal durations coming, and this does.

    From the last step backwards: the cost from here on is a poll for each render still under way, the delay of
    those who end before that poll, and the cost from there on. With `ended` the share up to a step and `moment`
    the sum of their durations, that delay is age x (ended there - ended here) - (moment there - moment here).
    """
    ages = grid.ages
    shares = [0.0, *_blurred(counts)]
    ended = list(accumulate(shares))
    moment = list(accumulate(share * middle for share, middle in zip(shares, grid.middles, strict=True)))
    plan = bytearray([_STEPS + 1]) * (_STEPS + 1)
    # Per step, the part of the cost of polling there that does not depend on where one comes from.
    costs = [age * share - sum_ for age, share, sum_ in zip(ages, ended, moment, strict=False)]
    choice = _STEPS
    for here in reversed(range(_STEPS)):
        gone = ended[here]
        nearest, farthest = grid.reachable[here]
        # The more have ended, the later the best next poll: none lies beyond the one found for the step after.
        stop = min(farthest, choice) + 1
        best, choice = min([(costs[there] - ages[there] * gone, there) for there in range(nearest, stop)])
        costs[here] += best + moment[here] + PRICE * (ended[-1] - gone)
        plan[here] = choice
    return bytes(plan)


def _blurred(counts: "array[float]") -> Iterator[float]:
    """Spread each count over its neighbours, and some doubt over all."""
    reach = len(_BLUR) // 2
    # No poll, however jittered, comes before the renders of the first step have ended.
    yield counts[1] + _DOUBT
    padded = [0.0] * reach + list(counts[2:]) + [0.0] * reach
    for step in range(_STEPS - 1):
        yield _DOUBT + sum(map(float.__mul__, _BLUR, padded[step : step + len(_BLUR)]))
