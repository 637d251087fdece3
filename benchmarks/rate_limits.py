"""How much a client gets out of servers that limit it: simulated, on virtual time, with the real client.

`python -m benchmarks.rate_limits` lets 1,000 callers submit without a pause to each server for a minute. Goodput is
the share of what the server would have admitted in that time; rejects are counted per accepted request.
Two token buckets are then measured on the local Craftkit, in real time and in a process of its own, with a batch and
its polls; `--quick` only shows that it all runs.
"""

import argparse
import asyncio
import contextlib
import itertools
import math
import random
import statistics
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from benchmarks.batch import KEY, running_emulator
from craftkit_async import Craftkit, CraftkitError, Limits, RateLimitedError, RenderRequest, Request, RetryPolicy
from craftkit_async.observe.events import AttemptFailed, Event, Polled, Submitted
from craftkit_async.testing import VirtualTimeLoop

CALLERS = 1000
# Of one request that is admitted, in seconds; a rejection takes a fifth of it.
LATENCY = 0.05
REFUSAL = 0.01
BODY = b'{"id": "018f0000-0000-7000-8000-000000000000", "status": "queued"}'


class Verdict(NamedTuple):
    """What a server says to a request: the status, after so many seconds, and when to come back."""

    status: int
    after: float
    retry_after: str | None = None


class Server(Protocol):
    """A server with a limit."""

    def arrive(self, now: float) -> Verdict:
        """Answer a request that arrives now."""
        ...

    def admits(self, duration: float) -> float:
        """Say how many requests it would have admitted in this time."""
        ...


Hint = Callable[[float], str | None]


def integer(wait: float) -> str:
    return str(math.ceil(wait))


def exact(wait: float) -> str:
    return f"{wait:.3f}"


def silent(_: float) -> None:
    return None


class TokenBucket:
    """So many a second, a second's worth at once; a neighbour may take a share, every other two seconds."""

    def __init__(self, rate: float, hint: Hint, *, neighbour: float = 0.0) -> None:
        self.rate, self.hint, self.neighbour = rate, hint, neighbour
        self.tokens, self.seen = rate, 0.0
        self.dice = random.Random(1)

    def arrive(self, now: float) -> Verdict:
        """Take a token, or say when there is one."""
        rate = self.rate - self.neighbour * (now % 4 < 2)
        self.tokens = min(self.rate, self.tokens + (now - self.seen) * rate)
        self.seen = now
        if self.tokens >= 1:
            self.tokens -= 1
            return Verdict(202, LATENCY * self.dice.lognormvariate(0, 0.3))
        return Verdict(429, REFUSAL, self.hint((1 - self.tokens) / rate))

    def admits(self, duration: float) -> float:
        """The first second's worth and the rate, less what the neighbour takes."""
        return self.rate + (self.rate - self.neighbour / 2) * duration


class FixedWindow:
    """So many in each stretch of time, counted from its start."""

    def __init__(self, requests: int, seconds: float) -> None:
        self.requests, self.seconds = requests, seconds
        self.window, self.used = -1, 0
        self.dice = random.Random(1)

    def arrive(self, now: float) -> Verdict:
        """Count, or say when the next stretch begins."""
        window = int(now / self.seconds)
        if window != self.window:
            self.window, self.used = window, 0
        if self.used < self.requests:
            self.used += 1
            return Verdict(202, LATENCY * self.dice.lognormvariate(0, 0.3))
        return Verdict(429, REFUSAL, integer((window + 1) * self.seconds - now))

    def admits(self, duration: float) -> float:
        """Every stretch's share."""
        return self.requests * math.ceil(duration / self.seconds)


class Overloaded:
    """Works on so many at once, lets as many wait, and answers 503 beyond that."""

    def __init__(self, workers: int, hint: Hint) -> None:
        self.workers, self.hint = workers, hint
        self.free_at = [0.0] * workers
        self.dice = random.Random(1)

    def arrive(self, now: float) -> Verdict:
        """Give the request to the worker that is free first, unless the line is too long."""
        worker = min(range(self.workers), key=self.free_at.__getitem__)
        start = max(now, self.free_at[worker])
        if start - now > LATENCY:
            return Verdict(503, REFUSAL, self.hint(start - now))
        self.free_at[worker] = start + LATENCY * self.dice.lognormvariate(0, 0.3)
        return Verdict(202, self.free_at[worker] - now)

    def admits(self, duration: float) -> float:
        """What the workers can do."""
        return self.workers * duration / (LATENCY * math.exp(0.3**2 / 2))


class Unlimited:
    """Takes everything; what bounds is the client."""

    def __init__(self, in_flight: int) -> None:
        self.in_flight = in_flight
        self.dice = random.Random(1)

    def arrive(self, _: float) -> Verdict:
        """Take it."""
        return Verdict(202, LATENCY * self.dice.lognormvariate(0, 0.3))

    def admits(self, duration: float) -> float:
        """What so many requests in flight bring."""
        return self.in_flight * duration / (LATENCY * math.exp(0.3**2 / 2))


SERVERS: dict[str, Callable[[], Server]] = {
    **{
        f"{rate} per second, {hint.__name__} Retry-After": lambda rate=rate, hint=hint: TokenBucket(rate, hint)  # type: ignore[misc]  # mypy cannot infer the bound defaults
        for rate in (70, 200, 800)
        for hint in (integer, exact, silent)
    },
    "window of 100 per second": lambda: FixedWindow(100, 1.0),
    "window of 3,000 per minute": lambda: FixedWindow(3000, 60.0),
    "overload, 503 with Retry-After": lambda: Overloaded(20, integer),
    "overload, bare 503": lambda: Overloaded(20, silent),
    "noisy neighbour": lambda: TokenBucket(200, integer, neighbour=150),
}

_GOODPUT_MEDIAN, _GOODPUT_WORST, _AIM_WORST, _REJECTS, _UNLIMITED = 0.95, 0.75, 0.85, 0.2, 0.85


class _Reply:
    def __init__(self, verdict: Verdict) -> None:
        self.status = verdict.status
        self.headers: Mapping[str, str] = {} if verdict.retry_after is None else {"Retry-After": verdict.retry_after}

    async def read(self) -> bytes:
        return BODY if self.status == 202 else b""

    def chunks(self) -> Any:
        raise NotImplementedError  # a submit is read whole


class _Line:
    """The way to a server: counts what it answers."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.accepted = self.rejected = 0

    async def send(self, _: Request) -> _Reply:
        """Let the server decide, and wait as long as it takes."""
        verdict = self.server.arrive(asyncio.get_running_loop().time())
        if verdict.status == 202:
            self.accepted += 1
        else:
            self.rejected += 1
        await asyncio.sleep(verdict.after)
        return _Reply(verdict)


class Figures(NamedTuple):
    """What came of a minute."""

    goodput: float
    rejects: float
    failed: int


async def measure(server: Server, seconds: float) -> Figures:
    """Let everybody submit until the time is over."""
    line = _Line(server)
    failed = 0
    loop = asyncio.get_running_loop()

    async def call(craftkit: Craftkit) -> None:
        nonlocal failed
        while loop.time() < seconds:
            try:
                await craftkit.templates.render("invoice", {})
            except CraftkitError:
                failed += loop.time() < seconds

    async with Craftkit("ck_test_benchmark", transport=line, retries=RetryPolicy(total=600.0)) as craftkit:
        callers = [asyncio.ensure_future(call(craftkit)) for _ in range(CALLERS)]
        await asyncio.sleep(seconds)
        accepted, rejected = line.accepted, line.rejected
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
    return Figures(accepted / server.admits(seconds), rejected / max(accepted, 1), failed)


def simulate(server: Server, seconds: float) -> Figures:
    """Run a minute without waiting for it."""
    random.seed(1)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(measure(server, seconds))


class _Counter:
    """Counts what a batch is answered; the local Craftkit itself remembers no more than the latest ten thousand."""

    def __init__(self) -> None:
        self.accepted = self.rejected = 0

    def on_event(self, event: Event) -> None:
        """Count a submit, a look, or a rejection of either."""
        if isinstance(event, AttemptFailed):
            self.rejected += isinstance(event.error, RateLimitedError)
        else:
            self.accepted += isinstance(event, Submitted) or (isinstance(event, Polled) and event.error is None)


async def measure_batch(url: str, rate: int, seconds: float) -> Figures:
    """Let a batch run against the local Craftkit, whose rate counts polls as well."""
    failed, counter = 0, _Counter()
    rows = (RenderRequest("charter-handover", {"booking": {"code": str(number)}}) for number in itertools.count())
    async with (
        Craftkit(KEY, base_url=url, observers=[counter]) as craftkit,
        craftkit.render_many(rows, concurrency=500) as batch,
    ):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for outcome in batch:
                    failed += not outcome.ok
        accepted, rejected = counter.accepted, counter.rejected
    return Figures(accepted / (rate * (1 + seconds)), rejected / max(accepted, 1), failed)


def _report(name: str, figures: Figures) -> None:
    print(f"  {name:42}{figures.goodput:8.1%}{figures.rejects:10.3f}{figures.failed:8}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    seconds = 2.0 if options.quick else 60.0
    print(f"{CALLERS} callers, {seconds:.0f} s of virtual time\n{'':44}goodput   rejects  failed")
    seen = []
    for name, make in SERVERS.items():
        # Long enough for three of its stretches.
        seen.append(simulate(make(), 3 * seconds if "minute" in name else seconds))
        _report(name, seen[-1])
    unlimited = simulate(Unlimited(Limits().requests), seconds / 2 if options.quick else seconds)
    _report("unlimited", unlimited)
    _judge(seen, unlimited)
    # As long as those that are simulated: it begins with a burst into a full window.
    seconds = 1.0 if options.quick else 60.0
    print(f"\na batch on the local Craftkit, {seconds:.0f} s")
    for rate in (70, 200):
        with running_emulator("0.4", "--rate", f"{rate}/s") as url:
            _report(f"{rate} per second", asyncio.run(measure_batch(url, rate, seconds)))


def _judge(seen: list[Figures], unlimited: Figures) -> None:
    goodputs = [one.goodput for one in seen]
    median, worst = statistics.median(goodputs), min(goodputs)
    rejects, failed = max(one.rejects for one in seen), sum(one.failed for one in seen)
    print(f"\ngoodput in the median {median:.1%}: {_met(median >= _GOODPUT_MEDIAN)} (at least {_GOODPUT_MEDIAN:.0%})")
    wanted = f"at least {_GOODPUT_WORST:.0%}, aim {_AIM_WORST:.0%}"
    print(f"goodput in the worst {worst:.1%}: {_met(worst >= _GOODPUT_WORST)} ({wanted})")
    print(f"rejects per accepted in the worst {rejects:.3f}: {_met(rejects <= _REJECTS)} (at most {_REJECTS})")
    print(f"failed: {failed}: {_met(failed == 0)}")
    print(f"unlimited {unlimited.goodput:.1%}: {_met(unlimited.goodput >= _UNLIMITED)} (at least {_UNLIMITED:.0%})")


def _met(is_met: bool) -> str:  # noqa: FBT001 - it is the one thing it says
    return "met" if is_met else "MISSED"


if __name__ == "__main__":
    main()
