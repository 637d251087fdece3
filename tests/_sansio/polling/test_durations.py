"""Durations: the plan is the cheapest there is, and a charge is what it says."""

from array import array
from collections.abc import Callable
from itertools import repeat

import pytest
from hypothesis import given, strategies as st

from craftkit_async._sansio.polling.durations import _BLUR, _DOUBT, _STEPS, PRICE, Grid, charge, make_plan

GRIDS = [Grid(0.125, 5), Grid(0.125, 0.25), Grid(0.0005, 86_400), Grid(0.5, 1)]
COUNTS = st.lists(st.tuples(st.integers(1, _STEPS), st.floats(0, 1000)), max_size=30)


def _shares(counts: "array[float]") -> list[float]:
    """Blur the plain way."""
    shares = [0.0, *repeat(_DOUBT, _STEPS)]
    shares[1] += counts[1]
    for step in range(2, _STEPS + 1):
        for offset, weight in zip(range(-2, 3), _BLUR, strict=True):
            if 2 <= step + offset <= _STEPS:
                shares[step + offset] += counts[step] * weight
    return shares


def _costs(grid: Grid, counts: "array[float]", choose: Callable[[int, Callable[[int], float]], int]) -> list[float]:
    """Add up, from each step on, what polling at the chosen steps costs: one delay and one poll after the other."""
    shares = _shares(counts)
    costs = [0.0] * (_STEPS + 1)
    for here in reversed(range(_STEPS)):

        def cost(there: int, here: int = here) -> float:
            ending = range(here + 1, there + 1)
            delays = sum(shares[step] * (grid.ages[there] - grid.middles[step]) for step in ending)
            return PRICE * sum(shares[here + 1 :]) + delays + costs[there]

        costs[here] = cost(choose(here, cost))
    return costs


@pytest.mark.parametrize("grid", GRIDS)
@given(COUNTS)
def test_no_other_plan_costs_less(grid: Grid, counted: list[tuple[int, float]]) -> None:
    """The plan is compared with the best of all allowed choices at each step, found without any shortcut."""
    counts = array("f", bytes(4 * (_STEPS + 1)))
    for step, count in counted:
        counts[step] += count
    plan = make_plan(grid, counts)

    def choose_best(here: int, cost: Callable[[int], float]) -> int:
        nearest, farthest = grid.reachable[here]
        return min(range(nearest, farthest + 1), key=cost)

    best = _costs(grid, counts, choose_best)

    assert _costs(grid, counts, lambda here, _cost: plan[here]) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("grid", GRIDS)
def test_every_step_leads_on(grid: Grid) -> None:
    """From each step there is a later one, not nearer than the shortest gap unless it is the last."""
    for here, (nearest, farthest) in enumerate(grid.reachable):
        assert here < nearest <= farthest <= _STEPS
        assert grid.ages[nearest] - grid.ages[here] >= grid.shortest or nearest == _STEPS
        assert grid.ages[farthest] - grid.ages[here] <= grid.longest or farthest == nearest


@given(st.floats(0, 200))
def test_steps_hold_what_lies_in_them(number: float) -> None:
    """A duration belongs to the step that is over when it ends, an age to the step that is nearest."""
    grid = GRIDS[0]
    step, nearest = grid.step_of(number), grid.nearest(number)
    known = min(number, grid.ages[_STEPS])

    assert grid.ages[step - 1] <= known <= grid.ages[step]
    assert abs(known - grid.ages[nearest]) <= min(abs(known - age) for age in grid.ages) + 1e-9


@pytest.mark.parametrize(
    ("duration", "polls", "delay"), [(0, 1, 1), (0.5, 1, 0.5), (1, 1, 0), (1.5, 2, 0.5), (9, 9, 0)]
)
def test_charge_adds_polls_and_delay(duration: float, polls: int, delay: float) -> None:
    """With a poll each second; a poll at the very end sees it."""
    assert charge(lambda _age: 1.0, duration) == pytest.approx(polls * PRICE + delay)
