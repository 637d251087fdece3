"""How long things take: a constant, a range, or a log-normal by its median and 99th percentile."""

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
    """A distribution of seconds."""

    def draw(self, random: Random) -> float:
        """Draw one duration."""
        ...


@frozen
class Constant:
    """Always the same."""

    seconds: float

    def draw(self, random: Random) -> float:  # noqa: ARG002 - the protocol has it, a constant needs none
        """Give the one duration there is."""
        return self.seconds


@frozen
class Uniform:
    """Anything between two bounds, all equally likely."""

    low: float
    high: float

    def draw(self, random: Random) -> float:
        """Draw one duration."""
        return random.uniform(self.low, self.high)


@frozen
class LogNormal:
    """A typical service: most are near the median, a few take far longer."""

    median: float
    p99: float

    def draw(self, random: Random) -> float:
        """Draw one duration."""
        return self.median * math.exp(random.gauss(0.0, 1.0) * math.log(self.p99 / self.median) / _P99)


def parse_latency(text: str) -> Latency:
    """Read `0.4`, `0.2..1.5` or `lognormal(0.42,3)`; raises ValueError with the forms that are known."""
    if found := _CONSTANT.fullmatch(text):
        return Constant(float(found[1]))
    if (found := _UNIFORM.fullmatch(text)) and float(found[1]) <= float(found[2]):
        return Uniform(float(found[1]), float(found[2]))
    if (found := _LOGNORMAL.fullmatch(text)) and 0 < float(found[1]) <= float(found[2]):
        return LogNormal(float(found[1]), float(found[2]))
    raise ValueError(f"{text!r} is no latency; write seconds as 0.4, a range as 0.2..1.5, or lognormal(MEDIAN,P99)")
