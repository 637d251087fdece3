"""Paces of polling, simulated: how many polls a render takes, and how soon its end is seen."""

import math
import random
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from craftkit_async import PollPolicy
from craftkit_async._sansio.polling.pace import LearnedDurations, Pace

Source = Callable[[random.Random, int], float]

POLL_PRICE = 0.2
# The median of 0.42 s and the 99th percentile of 3 s.
SIGMA = math.log(3 / 0.42) / 2.3263


class Contender(Protocol):
    """A pace that may learn."""

    def gap(self, template: str | None, age: float, *, random: float) -> float:
        """Return the time to the next poll."""
        ...

    def learn(self, template: str | None, duration: float) -> None:
        """Take in how long a render took."""
        ...


def documented() -> Contender:
    return Pace(PollPolicy(adaptive=False), LearnedDurations(1000))


def learned() -> Contender:
    return Pace(PollPolicy(), LearnedDurations(1000))


class Fitted:
    """The alternative: a log-normal by mean and deviation of the logarithms, and gaps of sqrt(2 x price / hazard)."""

    def __init__(self, price: float = POLL_PRICE) -> None:
        self.price, self.seen = price, dict[str | None, tuple[int, float, float]]()

    def learn(self, template: str | None, duration: float) -> None:
        """Move the mean and the variance a little."""
        count, mean, variance = self.seen.get(template, (0, 0.0, 0.0))
        share, off = max(1 / (count + 1), 1 / 128), math.log(max(duration, 1e-4)) - mean
        self.seen[template] = (count + 1, mean + share * off, (1 - share) * (variance + share * off * off))

    def gap(self, template: str | None, age: float, *, random: float) -> float:
        """Follow the hazard, after 30 durations."""
        count, mean, variance = self.seen.get(template, (0, 0.0, 0.0))
        gap = max(0.25, 0.25 * age)
        if count >= 30:
            deviation = max(math.sqrt(variance), 0.05)
            # The first poll comes half a gap after a sixth of the renders have ended.
            start = age or math.exp(mean - deviation)
            hazard = _hazard((math.log(start) - mean) / deviation) / (deviation * start)
            gap = math.sqrt(2 * self.price / max(hazard, 1e-9))
            gap = min(gap, max(age / 2, 0.1)) if age else start + gap / 2
        return min(max(gap * (0.8 + 0.4 * random), 0.125), 5.0)


def _hazard(z: float) -> float:
    left = 0.5 * math.erfc(z / math.sqrt(2))
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / left if left > 1e-12 else z


def log_normal(median: float, sigma: float = SIGMA) -> Source:
    return lambda rng, _index: median * rng.lognormvariate(0, sigma)


def pareto(shape: float) -> Source:
    return lambda rng, _index: 0.2 * rng.paretovariate(shape)


def bimodal(fast: float, slow: float, share: float) -> Source:
    return lambda rng, _index: (fast if rng.random() < share else slow) * rng.lognormvariate(0, 0.2)


def wave(rng: random.Random, index: int) -> float:
    return float(0.42 * 5 ** math.sin(index / 2000 * 2 * math.pi) * rng.lognormvariate(0, 0.5))


def jumps(fast: float, slow: float, every: int) -> Source:
    return lambda rng, index: (slow if index // every % 2 else fast) * rng.lognormvariate(0, 0.3)


class Scenario(NamedTuple):
    """Templates, by how long their renders take, and what the learned pace may cost against the documented one."""

    sources: list[Source]
    most_delay: float = math.inf
    aim: float = math.inf
    in_flight: int = 1
    """A duration is learned when this many further renders have begun."""


MEDIANS = (0.1, 0.2, 0.5, 2.0, 8.0)

SCENARIOS = {
    # Four times the same: each is learned for itself, and chance matters less.
    "log-normal": Scenario([log_normal(0.42)] * 4, 0.65, 0.60),
    "log-normal, 256 in flight": Scenario([log_normal(0.42)] * 4, 0.65, 0.60, in_flight=256),
    "five templates": Scenario([log_normal(median, 0.3) for median in MEDIANS], 0.40, 0.35),
    "five templates, spread wider": Scenario([log_normal(median, 0.6) for median in MEDIANS]),
    "20 times slower": Scenario([log_normal(8.4)]),
    "20 times faster": Scenario([log_normal(0.021)]),
    "bimodal 0.2 / 4 s": Scenario([bimodal(0.2, 4, 0.7)]),
    "bimodal 0.3 / 1.2 s": Scenario([bimodal(0.3, 1.2, 0.5)]),
    "bimodal 0.3 / 30 s": Scenario([bimodal(0.3, 30, 0.9)]),
    "heavy tail, shape 1.5": Scenario([pareto(1.5)]),
    "heavy tail, shape 1.1": Scenario([pareto(1.1)]),
    "drift in waves": Scenario([wave]),
    "drift in jumps of 20, each 40": Scenario([jumps(0.1, 2, 40)]),
    "drift in jumps of 80, each 400": Scenario([jumps(0.1, 8, 400)]),
    "just after documented polls": Scenario([lambda rng, _index: rng.choice([0.2, 0.6, 1.4])]),
    "always 3 s": Scenario([lambda _rng, _index: 3.0]),
}


class Figures(NamedTuple):
    """Per render."""

    polls: float
    delay: float

    @property
    def cost(self) -> float:
        """What delay and polls amount to together, in seconds."""
        return self.delay + POLL_PRICE * self.polls


def simulate(make: Callable[[], Contender], scenario: Scenario, renders: int) -> tuple[Figures, Figures]:
    """Return the figures of what comes after the first quarter, and of all."""
    contender = make()
    seen: list[tuple[int, Figures]] = []
    for number, source in enumerate(scenario.sources):
        durations, rng = random.Random(number), random.Random(-1 - number)
        ending: deque[float] = deque()
        for index in range(renders):
            ending.append(source(durations, index))
            seen.append((index, _watch(contender, str(number), ending[-1], rng)))
            if len(ending) >= scenario.in_flight:
                contender.learn(str(number), ending.popleft())
    return _mean([one for index, one in seen if index >= renders // 4]), _mean([one for _, one in seen])


def _watch(contender: Contender, template: str, duration: float, rng: random.Random) -> Figures:
    age, polls = 0.0, 0
    while age < duration or not polls:
        age += contender.gap(template, age, random=rng.random())
        polls += 1
    return Figures(polls, age - duration)


def _mean(seen: list[Figures]) -> Figures:
    return Figures(sum(one.polls for one in seen) / len(seen), sum(one.delay for one in seen) / len(seen))
