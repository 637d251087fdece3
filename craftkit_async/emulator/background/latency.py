"""Latency distributions: a constant, a uniform range, or a log-normal by its median and 99th percentile."""

import math
import re
from random import Random
from typing import Protocol

from attrs import frozen

_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
_CONSTANT = re.compile(rf"\s*{_NUMBER}\s*")
_UNIFORM = re.compile(rf"\s*{_NUMBER}\s*\.\.\s*{_NUMBER}\s*")
_LOGNORMAL = re.compile(rf"\s*lognormal\(\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\)\s*")
_P99 = 2.3263478740408408  # the standard normal's 99th percentile


class Latency(Protocol):
    """A distribution of durations in seconds."""

    def draw(self, random: Random) -> float:
        """Draw one duration."""
        ...


@frozen
class Constant:
    """The same duration every time."""

    seconds: float

    def draw(self, random: Random) -> float:  # noqa: ARG002 - the protocol's signature
        """Return the constant duration."""
        return self.seconds


@frozen
class Uniform:
    """Uniformly distributed between two bounds."""

    low: float
    high: float

    def draw(self, random: Random) -> float:
        """Draw one duration."""
        return random.uniform(self.low, self.high)


@frozen
class LogNormal:
    """Log-normally distributed, as in a typical service: most near the median, a few far longer."""

    median: float
    p99: float

    def draw(self, random: Random) -> float:
        """Draw one duration."""
        return self.median * math.exp(random.gauss(0.0, 1.0) * math.log(self.p99 / self.median) / _P99)


def parse_latency(text: str) -> Latency:
    """Parse `0.4`, `0.2..1.5` or `lognormal(0.42,3)`; raises ValueError naming the accepted forms."""
    if found := _CONSTANT.fullmatch(text):
        return Constant(float(found[1]))
    if (found := _UNIFORM.fullmatch(text)) and float(found[1]) <= float(found[2]):
        return Uniform(float(found[1]), float(found[2]))
    if (found := _LOGNORMAL.fullmatch(text)) and 0 < float(found[1]) <= float(found[2]):
        return LogNormal(float(found[1]), float(found[2]))
    raise ValueError(f"invalid latency {text!r}; expected seconds (0.4), a range (0.2..1.5) or lognormal(MEDIAN,P99)")
