"""Polling: the documented pace, the learned one and that of the safety net; what ends a wait."""

import random
from collections.abc import Callable, Iterator
from math import inf, isfinite, nan
from sys import getsizeof
from typing import Any

import pytest
from hypothesis import given, strategies as st

from craftkit_async import (
    ApiError,
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    CraftkitError,
    DecodeError,
    ForbiddenError,
    NotFoundError,
    PaymentRequiredError,
    PollPolicy,
    RateLimitedError,
    ServerError,
    TransportError,
    TransportTimeoutError,
)
from craftkit_async._sansio.polling.durations import PRICE, Durations, Grid, charge, hold_against_polls
from craftkit_async._sansio.polling.pace import LearnedDurations, Pace, before_deadline

# The random number that neither lengthens nor shortens a gap.
EVEN = 0.5

ANY_NUMBER = st.floats() | st.integers() | st.sampled_from([0, -0.0, 5e-324, 1e308, 10**400, -(10**400)])
RANDOM = st.floats(0, 1, exclude_max=True)
POLICIES = st.builds(
    lambda first, steps, factor, jitter, adaptive: PollPolicy(
        first=first, max=min(first * steps, 86_400), factor=factor, jitter=jitter, adaptive=adaptive
    ),
    first=st.floats(0.001, 86_400),
    steps=st.floats(1, 1e6),
    factor=st.floats(1, 4) | st.sampled_from([1, 1e308]),
    jitter=st.floats(0, 1),
    adaptive=st.booleans(),
)


def _pace(*, most: int = 1000, **options: Any) -> Pace:
    return Pace(PollPolicy(**options), LearnedDurations(most))


def _learned(durations: list[float], **options: Any) -> Pace:
    pace = _pace(**options)
    for duration in durations:
        pace.learn("invoice", duration)
    return pace


def _log_normal(median: float, count: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)  # noqa: S311 - durations are no secrets
    return [median * rng.lognormvariate(0, 0.4) for _ in range(count)]


def _gaps(gap: Callable[[float], float]) -> Iterator[float]:
    age = 0.0
    while True:
        yield gap(age)
        age += gap(age)


def _take(count: int, pace: Pace, **arguments: Any) -> list[float]:
    gaps = _gaps(lambda age: pace.gap("invoice", age, random=EVEN, **arguments))
    return [next(gaps) for _ in range(count)]


def _mean_cost(pace: Pace, durations: list[float]) -> float:
    """Add up polls and delays as the plan does, without jitter."""
    costs = [charge(lambda age: pace.gap("invoice", age, random=EVEN), duration) for duration in durations]
    return sum(costs) / len(costs)


DOCUMENTED = [0.25, 0.5, 1, 2, 4, 5, 5, 5]


@pytest.mark.parametrize("adaptive", [True, False])
def test_documented_pace(adaptive: bool) -> None:  # noqa: FBT001 - a column of the table
    """0.25 s, doubling to 5 s: what is followed before anything is learned, and always where nothing may be."""
    assert _take(8, _pace(adaptive=adaptive)) == DOCUMENTED
    assert _take(8, _learned(_log_normal(3, 100), adaptive=False)) == DOCUMENTED


def test_constant_pace() -> None:
    """A factor of one is a fixed interval."""
    assert _take(4, _pace(first=0.5, factor=1)) == [0.5] * 4


@pytest.mark.parametrize("stepped_back", [False, True])
def test_every_gap_is_jittered(stepped_back: bool) -> None:  # noqa: FBT001 - a column of the table
    """The first one too: renders submitted together part at once, by a fifth to either side."""
    pace = _pace()
    first = 5.0 if stepped_back else 0.25

    def gap(random: float) -> float:
        return pace.gap(None, 0, random=random, stepped_back=stepped_back)

    assert [gap(0), gap(0.25), gap(0.5), gap(0.75)] == pytest.approx([first * share for share in (0.8, 0.9, 1, 1.1)])
    assert pace.gap(None, 1.75, random=0) == pytest.approx(1.6)
    assert _pace(jitter=0).gap(None, 0, random=0) == 0.25


def test_net_pace() -> None:
    """While webhooks bring the answers: 5 s, doubling to a minute, learned or not."""
    net = [5, 10, 20, 40, 60, 60]

    assert _take(6, _pace(), stepped_back=True) == net
    assert _take(6, _learned(_log_normal(3, 100)), stepped_back=True) == net
    assert _take(3, _pace(net_first=1, factor=3), stepped_back=True) == [1, 3, 9]


def test_a_render_changes_its_pace_in_the_midst() -> None:
    """Stepping back counts from the age that the render has, not from the polls it had."""
    pace = _pace()

    assert pace.gap(None, 7.75, random=EVEN, stepped_back=True) == 12.75
    assert pace.gap(None, 0.75, random=EVEN) == 1


@pytest.mark.parametrize(("failures", "times"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 8), (10**6, 8)])
@pytest.mark.parametrize("stepped_back", [False, True])
def test_failed_polls_double_the_pace(failures: int, times: int, stepped_back: bool) -> None:  # noqa: FBT001 - a column
    """At most eightfold, also where the pace is at its longest, and never beyond the longest gap of the safety net."""
    pace = _pace()

    for age in (0.0, 1000.0):
        usual = pace.gap(None, age, random=EVEN, stepped_back=stepped_back)
        expected = min(usual * times, PollPolicy().net_max)
        assert pace.gap(None, age, random=EVEN, failures=failures, stepped_back=stepped_back) == expected


@pytest.mark.parametrize(
    ("hint", "expected"), [(None, 0.25), (-1.0, 0.25), (nan, 0.25), (0.0, 0.25), (3.0, 3), (61.0, 60), (inf, 60)]
)
def test_a_hint_is_waited_for(hint: float | None, expected: float) -> None:
    """A `Retry-After` lengthens the gap, up to the longest of the safety net."""
    assert _pace().gap(None, 0, random=EVEN, hint=hint) == expected


@given(POLICIES, st.lists(ANY_NUMBER | st.floats(0, 100), max_size=120), ANY_NUMBER | st.floats(0, 1000), RANDOM)
def test_gaps_are_bounded(policy: PollPolicy, durations: list[float], age: float, random: float) -> None:
    """Between half the first gap and the longest, whatever was learned and however old the render is."""
    pace = Pace(policy, LearnedDurations(2))
    for duration in durations:
        pace.learn("invoice", duration)

    assert policy.first / 2 <= pace.gap("invoice", age, random=random) <= policy.max
    assert policy.net_first / 2 <= pace.gap("invoice", age, random=random, stepped_back=True) <= policy.net_max
    assert isfinite(pace.gap("invoice", age, random=random, failures=9, hint=1e300))


@given(st.lists(st.floats(0, 1e4), min_size=30, max_size=120), st.floats(0, 1e4))
def test_planned_gaps_are_bounded(durations: list[float], age: float) -> None:
    """Where there is a plan, it stays within the bounds without help."""
    learned = Durations(Grid(0.125, 5))
    for duration in durations:
        learned.learn(duration, lambda _age: 5.0)

    assert 0.125 <= learned.gap(age) <= 5


@given(st.lists(st.floats(0.001, 100), max_size=100), st.lists(RANDOM, min_size=1, max_size=20))
def test_same_past_and_dice_give_the_same_gaps(durations: list[float], throws: list[float]) -> None:
    """Nothing but the arguments decides."""
    first, second = _learned(durations), _learned(durations)

    for throw in throws:
        assert first.gap("invoice", throw, random=throw) == second.gap("invoice", throw, random=throw)


def test_thirty_durations_are_enough_and_fewer_are_not() -> None:
    """The documented pace is kept until 30 durations of this very template are known."""
    pace = _learned(_log_normal(2, 29))
    assert _take(8, pace) == DOCUMENTED

    pace.learn("invoice", 2)

    assert _take(8, pace) != DOCUMENTED
    assert pace.gap("letter", 0, random=EVEN) == 0.25
    assert pace.gap(None, 0, random=EVEN) == 0.25


def test_the_first_poll_comes_where_the_first_ends_lie() -> None:
    """Exactly at an age of 0 as for any other: just after renders that all take as long, and not at once."""
    assert _learned([0.02] * 100).gap("invoice", 0, random=EVEN) == 0.125
    assert 1 < _learned([1.0] * 100).gap("invoice", 0, random=EVEN) < 1.2
    assert 3 < _learned([3.0] * 100).gap("invoice", 0, random=EVEN) < 3.6
    assert _learned([30.0] * 100).gap("invoice", 0, random=EVEN) > 4


@pytest.mark.parametrize("longest", [60.0, 600.0, 3600.0])
@pytest.mark.parametrize("median", [100.0, 250.0, 1000.0])
def test_a_plan_reaches_as_far_as_its_longest_gap_matters(median: float, longest: float) -> None:
    """Renders of minutes are polled where they end, with a large `PollPolicy.max` too, and not a whole gap later."""
    durations = _log_normal(median, 400)
    learned = _learned(durations[:200], max=longest)

    assert _mean_cost(learned, durations[200:]) < 1.05 * _mean_cost(_pace(max=longest), durations[200:])
    if median * 2 < longest:
        assert _mean_cost(learned, durations[200:]) < 0.3 * _mean_cost(_pace(max=longest), durations[200:])


def test_polls_skip_where_nothing_ends() -> None:
    """Of two kinds of renders, one far slower, each is polled in its own time."""
    durations = [0.3, 4.0] * 60
    pace = _learned(durations)
    polls = [0.0]
    while polls[-1] < 4:
        polls.append(polls[-1] + pace.gap("invoice", polls[-1], random=EVEN))

    assert not [age for age in polls if 0.5 < age < 3.9]
    assert _mean_cost(pace, durations) < 0.5 * _mean_cost(_pace(), durations)


@pytest.mark.parametrize("bad", [nan, -1.0, -inf, -0.001])
def test_durations_that_cannot_be_are_left_out(bad: float) -> None:
    """Clocks jump; a duration below zero or of no number at all teaches nothing."""
    pace = _learned([2.0] * 29)
    for _ in range(100):
        pace.learn("invoice", bad)

    assert _take(8, pace) == DOCUMENTED


def _play(median: float, skew: float, *, holds: bool, adaptive: bool = True) -> float:
    """Poll six hundred renders of a service whose clocks differ, and return the mean cost of the later half."""
    pace, rng = _pace(adaptive=adaptive), random.Random(3)  # noqa: S311 - durations are no secrets
    costs = []
    for duration in _log_normal(median, 600):
        age = seen = cost = 0.0
        while age < duration or not age:
            seen, cost = age, cost + PRICE
            age += pace.gap("invoice", age, random=rng.random())
        costs.append(cost + age - duration)
        pace.learn("invoice", duration + skew, (seen, age) if holds else None)
    return sum(costs[300:]) / 300


@pytest.mark.parametrize("skew", [-5.0, -2.0, -0.3, 0.3, 0.8, 2.0, 5.0, 1e6])
@pytest.mark.parametrize("median", [0.42, 1.5, 3.0])
def test_clocks_of_the_service_that_differ(median: float, skew: float) -> None:
    """Durations are held against what polls saw, so a plan never does worse than the documented pace."""
    assert _play(median, skew, holds=True) < _play(median, skew, holds=True, adaptive=False)


def test_clocks_that_differ_cost_little() -> None:
    """A plan from wrong durations is nearly as good as one from right ones; not held against polls it is far off."""
    right = _play(0.42, 0.0, holds=False)

    assert _play(0.42, 0.0, holds=True) == pytest.approx(right, rel=0.05)
    assert _play(0.42, 2.0, holds=True) < 1.2 * right
    assert _play(0.42, 2.0, holds=False) > 4 * right


@given(ANY_NUMBER, st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_duration_lies_where_the_end_was_seen(duration: float, one: float, other: float) -> None:
    """Whatever the service says, NaN and negative numbers included."""
    earliest, latest = sorted((one, other))

    assert earliest <= hold_against_polls(duration, earliest, latest) <= latest


@pytest.mark.parametrize("huge", [1e9, inf, 10**400])
def test_huge_durations_count_as_long(huge: float) -> None:
    """They are polled at the longest gap."""
    assert _learned([huge] * 100).gap("invoice", 100, random=EVEN) > 4


def test_a_duration_of_zero_counts() -> None:
    """The service's clock may be coarse."""
    assert _learned([0.0] * 100).gap("invoice", 0, random=EVEN) == 0.125


def test_a_template_nobody_knows_teaches_nothing() -> None:
    """An id from elsewhere comes without its template."""
    pace = _pace()
    for _ in range(100):
        pace.learn(None, 3.0)

    assert _take(8, pace) == DOCUMENTED


def test_a_plan_that_loses_gives_way_to_the_documented_pace() -> None:
    """It is compared on each duration; when renders suddenly are fast, nobody waits for the next plan."""
    pace = _learned([4.0] * 46)
    assert pace.gap("invoice", 0, random=EVEN) > 3

    for _ in range(12):
        pace.learn("invoice", 0.1)

    assert _take(8, pace) == DOCUMENTED


def test_a_plan_that_wins_again_is_taken_up_again() -> None:
    """Falling back is not for ever."""
    pace = _learned([4.0] * 46 + [0.1] * 12)
    assert pace.gap("invoice", 0, random=EVEN) == 0.25

    for _ in range(100):
        pace.learn("invoice", 0.1)

    assert pace.gap("invoice", 0, random=EVEN) == 0.125


@pytest.mark.parametrize(("before", "after"), [(0.2, 4), (4, 0.2), (0.05, 20), (20, 0.05)])
def test_drift_is_followed(before: float, after: float) -> None:
    """After 400 renders at another speed, the pace is nearly that of one who never knew the old speed."""
    then, now = _log_normal(before, 400), _log_normal(after, 400, seed=2)
    later = _log_normal(after, 400, seed=3)

    assert _mean_cost(_learned(then + now), later) < 1.2 * _mean_cost(_learned(now), later)
    assert _mean_cost(_learned(then + now), later) < _mean_cost(_pace(), later)


@pytest.mark.parametrize("median", [0.02, 0.42, 2, 8, 30])
def test_learned_pace_costs_less_than_the_documented_one(median: float) -> None:
    """Polls and delays together, on durations that were not learned."""
    held_out = _log_normal(median, 400, seed=2)

    assert _mean_cost(_learned(_log_normal(median, 200)), held_out) < 0.85 * _mean_cost(_pace(), held_out)


def test_templates_are_forgotten_when_there_are_too_many() -> None:
    """The one that learned the longest time ago goes first."""
    pace = _pace(most=2)
    for template in ["a", "b", "a", "c"]:
        for _ in range(40):
            pace.learn(template, 0.02)

    assert [pace.gap(template, 0, random=EVEN) for template in "abc"] == [0.125, 0.25, 0.125]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), ANY_NUMBER), max_size=60), st.integers(1, 4))
def test_memory_is_bounded_in_templates(learned: list[tuple[str, float]], most: int) -> None:
    """Never more templates than the limit says."""
    pace = _pace(most=most)
    for template, duration in learned:
        pace.learn(template, duration)

    assert len(pace._learned._durations) <= most


def test_a_template_takes_less_than_a_kibibyte() -> None:
    """However many durations it has learned."""
    pace = _learned(_log_normal(0.42, 5000))
    [durations] = pace._learned._durations.values()
    members = [getattr(durations, name) for name in Durations.__slots__ if name != "_grid"]

    assert getsizeof(durations) + sum(map(getsizeof, members)) < 1024


ENDINGS: list[tuple[CraftkitError, bool]] = [
    (AuthenticationError("", 401), True),
    (PaymentRequiredError("", 402), True),
    (ForbiddenError("", 403), True),
    (ConfigurationError("no key"), True),
    (ClientStateError("closed"), True),
    (RateLimitedError("", 429), False),
    (ServerError("", 500), False),
    (ServerError("", 503), False),
    (ApiError("", 302, "redirect"), False),
    (DecodeError("HTML"), False),
    (TransportError("cut"), False),
    (TransportTimeoutError("late"), False),
]


@pytest.mark.parametrize(("error", "expected"), ENDINGS, ids=repr)
def test_failed_polls_that_end_a_wait(error: CraftkitError, expected: bool) -> None:  # noqa: FBT001 - a column
    """What no later poll can mend; a failed poll is not a failed render."""
    assert _pace().ends_wait(error, 0.0) is expected
    assert _pace().ends_wait(error, None) is expected


@pytest.mark.parametrize(("age", "expected"), [(0.0, False), (5.0, False), (5.001, True), (None, True)])
def test_not_found_has_a_grace_after_our_own_submit(age: float | None, expected: bool) -> None:  # noqa: FBT001 - a column
    """A render may be seen late by whoever answers, but only one that is known to be there."""
    assert _pace().ends_wait(NotFoundError("", 404), age) is expected
    assert _pace(not_found_grace=0).ends_wait(NotFoundError("", 404), 0.001)


# -- the last poll before a deadline


@pytest.mark.parametrize(
    ("poll", "left", "is_first", "expected"),
    [
        (500, None, True, 500),
        (500, 10_000, False, 500),
        (9_744, 10_000, False, 9_744),
        (9_745, 10_000, False, 9_744),
        (20_000, 10_000, True, 9_744),
        (20_000, 1_000, False, 900),
        (20_000, 100, True, 90),
        (20_000, 33, False, 30),
        (20_000, 32, False, 32),
        (20_000, 32, True, 29),
        (20_000, 9, True, 0),
        (20_000, 9, False, 9),
        (20_000, 0, True, 0),
    ],
)
def test_last_poll(poll: int, left: int | None, is_first: bool, expected: int) -> None:  # noqa: FBT001 - a column
    """A second before the deadline, or after nine tenths of a short wait; the shortest begin with it."""
    assert before_deadline(poll, left, 0, is_first=is_first) == expected


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans())
def test_nothing_is_due_after_its_deadline(now: int, later: int, left: int, is_first: bool) -> None:  # noqa: FBT001 - drawn
    """And nothing before now; who has just come, or has time, is polled before it."""
    deadline = now + left
    due = before_deadline(now + later, deadline, now, is_first=is_first)

    assert now <= due <= deadline
    if left > 32 or (is_first and left > 0):
        assert due < deadline
