"""Polls against delay for log-normal durations: the best that is possible, and where each pace stands."""

import math
from collections.abc import Callable, Iterator

from benchmarks.polling_simulation import SCENARIOS, SIGMA, Contender, Figures, Fitted, documented, learned, simulate
from craftkit_async._sansio.polling import durations

_MEDIAN = math.log(0.42)
# Polls may come at any of these ages, 2 % apart: from 10 ms, before all but a few in a million, to 200 s.
_AGES = [0.0, *(0.01 * 1.02**step for step in range(501))]
_PRICES = [0.05, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0, 1.4]


def _ended(age: float, shift: float = 0.0) -> float:
    return 0.5 * math.erfc((_MEDIAN + shift - math.log(age)) / SIGMA / math.sqrt(2)) if age else 0.0


def best_at(price: float) -> Figures:
    """Return the figures of the cheapest plan of one who knows the distribution, and polls without jitter."""
    ended = [_ended(age) for age in _AGES]
    # The sum of the durations of those who ended up to an age.
    mean = math.exp(_MEDIAN + SIGMA * SIGMA / 2)
    moment = [mean * _ended(age, SIGMA * SIGMA) for age in _AGES]
    costs, found = [0.0] * len(_AGES), [Figures(0, 0)] * len(_AGES)
    to = len(_AGES) - 1
    for here in reversed(range(len(_AGES) - 1)):
        left, gone, sum_ = 1 - ended[here], ended[here], moment[here]
        # The best next poll is never later than the one found for the age after.
        delays = {
            there: _AGES[there] * (ended[there] - gone) - (moment[there] - sum_) for there in range(here + 1, to + 1)
        }
        to = min(delays, key=lambda there, delays=delays: delays[there] + costs[there])  # type: ignore[misc]  # bound now
        costs[here] = left * price + delays[to] + costs[to]
        found[here] = Figures(left + found[to].polls, delays[to] + found[to].delay)
    return found[0]


def print_optimum(base: Figures) -> None:
    """Say what is possible at all, with no more polls than the documented pace."""
    best = min((best for best in map(best_at, _PRICES) if best.polls <= base.polls), key=lambda best: best.delay)
    print(
        f"\nLog-normal, at best: {best.polls:.2f} polls and {1000 * best.delay:.0f} ms, {best.delay / base.delay:.2f}"
    )


class _Fixed:
    """A poll each half second."""

    def gap(self, template: str | None, age: float, *, random: float) -> float:  # noqa: ARG002 - it depends on neither
        return 0.4 + 0.2 * random

    def learn(self, template: str | None, duration: float) -> None:
        """Ignore it."""


def _points(renders: int) -> Iterator[tuple[str, Figures]]:
    scenario = SCENARIOS["log-normal"]
    paces: dict[str, Callable[[], Contender]] = {
        "documented": documented,
        "learned": learned,
        "every 500 ms": _Fixed,
        "log-normal fitted": Fitted,
    }
    for name, make in paces.items():
        yield name, simulate(make, scenario, renders)[0]


def _learned_by_price(renders: int) -> list[Figures]:
    usual, found = durations.PRICE, []
    for price in _PRICES:
        durations.PRICE = price
        found.append(simulate(learned, SCENARIOS["log-normal"], renders)[0])
    durations.PRICE = usual
    return found


def draw(renders: int) -> str:
    """Return the picture as SVG: the curve of the optimum, that of the learned pace, and a dot for each pace."""
    lines = {
        "optimum, knowing the distribution": [*map(best_at, _PRICES)],
        "learned, by price": _learned_by_price(renders),
    }
    parts = [*_axes()]
    for (name, figures), colour in zip(lines.items(), ("#999", "#06c"), strict=True):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(_place, figures))
        x, y = _place(figures[-1])
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{x + 8:.1f}" y="{y:.1f}" fill="{colour}">{name}</text>')
    for name, one in _points(renders):
        x, y = _place(one)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/><text x="{x + 8:.1f}" y="{y + 4:.1f}">{name}</text>')
    body = "\n".join(parts)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 460" font-family="sans-serif" font-size="13">\n'
        f'<rect width="720" height="460" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _place(figures: Figures) -> tuple[float, float]:
    """Polls from 1 to 4 go from left to right, delays from 0 to 600 ms upwards."""
    return 60 + (figures.polls - 1) * 210, 410 - 1000 * figures.delay / 1.5


def _axes() -> Iterator[str]:
    yield '<path d="M60 10V410H700" fill="none" stroke="#000"/>'
    for polls in (1, 2, 3, 4):
        x, _ = _place(Figures(polls, 0))
        yield f'<text x="{x:.1f}" y="428" text-anchor="middle">{polls}</text>'
    for delay in range(0, 601, 100):
        _, y = _place(Figures(1, delay / 1000))
        yield f'<text x="52" y="{y + 4:.1f}" text-anchor="end">{delay}</text>'
    yield '<text x="380" y="450" text-anchor="middle">polls per render</text>'
    yield '<text x="16" y="210" text-anchor="middle" transform="rotate(-90 16 210)">mean delay, ms</text>'
