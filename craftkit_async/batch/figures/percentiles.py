"""PercentileSketch: percentiles of any number of durations in a few hundred counters."""

import math
from collections.abc import Iterator

# Each step is 5 % wider than the one before, so a percentile is right to 2.5 %.
_GROWTH = 1.05
_LOG_GROWTH = math.log(_GROWTH)

# What is faster counts as this, and what is slower as a day: about 400 steps in all.
_LEAST = 0.001
_MOST = 86_400.0

# A histogram for people has coarser steps: each twice as wide as the one before.
_COARSE_GROWTH = 2.0


class PercentileSketch:
    """Counts durations by their logarithm."""

    __slots__ = ("_steps", "count", "most")

    def __init__(self) -> None:
        self.count = 0
        self.most = 0.0
        self._steps: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """Count one duration."""
        step = math.ceil(math.log(min(max(seconds, _LEAST), _MOST) / _LEAST) / _LOG_GROWTH)
        self._steps[step] = self._steps.get(step, 0) + 1
        self.count += 1
        self.most = max(self.most, seconds)

    def percentile(self, share: float) -> float:
        """Return a duration that this share of all does not exceed; 0 where there are none."""
        left = share * self.count
        for step in sorted(self._steps):
            left -= self._steps[step]
            if left <= 0:
                middle: float = _LEAST * _GROWTH ** (step - 0.5)
                return min(middle, self.most)
        return self.most

    def histogram(self) -> tuple[tuple[float, int], ...]:
        """Return the upper bounds of doubling steps, with how many durations are in each."""
        bars: dict[int, int] = {}
        for step, count in self._steps.items():
            bar = max(0, math.ceil(step * _LOG_GROWTH / math.log(_COARSE_GROWTH)))
            bars[bar] = bars.get(bar, 0) + count
        return tuple((_LEAST * _COARSE_GROWTH**bar, bars.get(bar, 0)) for bar in _span(bars))


def _span(bars: dict[int, int]) -> Iterator[int]:
    """Go over the bars from the first to the last, the empty ones between them too."""
    yield from range(min(bars), max(bars) + 1) if bars else ()
