"""Interleaved measuring: every contender once a round, so that a slow moment of the machine hits all alike."""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

Call = Callable[[], Awaitable[object]]


async def cpu_per_call(contenders: Mapping[str, Call], *, calls: int, in_flight: int, rounds: int) -> dict[str, float]:
    """Return the median CPU microseconds of one call for each contender."""
    seen: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(-1, rounds):
        for name, call in contenders.items():
            spent = await _spend(call, calls, in_flight)
            # The first round warms connections and caches up.
            if turn >= 0:
                seen[name].append(spent / calls * 1e6)
    return {name: statistics.median(figures) for name, figures in seen.items()}


async def _spend(call: Call, calls: int, in_flight: int) -> float:
    left = iter(range(calls))

    async def work() -> None:
        for _ in left:
            await call()

    gc.collect()
    start = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(work())
    return time.process_time() - start


def cpu_of_function(
    contenders: Mapping[str, Callable[[], object]],
    *,
    calls: int,
    rounds: int,
    before_round: Callable[[], None] = lambda: None,
    in_one_go: Mapping[str, Callable[[], object]] = MappingProxyType({}),
) -> dict[str, float]:
    """Return the median CPU microseconds of one call of each plain function.

    Those of `in_one_go` make all calls of a round themselves.
    """
    seen: dict[str, list[float]] = {name: [] for name in (*contenders, *in_one_go)}
    for _ in range(rounds):
        before_round()
        for name, function in contenders.items():
            start = time.process_time()
            for _ in range(calls):
                function()
            seen[name].append((time.process_time() - start) / calls * 1e6)
        for name, function in in_one_go.items():
            start = time.process_time()
            function()
            seen[name].append((time.process_time() - start) / calls * 1e6)
    return {name: statistics.median(figures) for name, figures in seen.items()}
