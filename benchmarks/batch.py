"""Two thousand renders on a local Craftkit: a batch, with and without a journal, against a script written by hand.

`python -m benchmarks.batch` prints renders per second and requests per render at equal concurrency, in interleaved
rounds; `--quick` only shows that it runs. The local Craftkit runs in a process of its own, without PDFs.
"""

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from craftkit_async import Craftkit, RenderRequest

KEY = "ck_test_local"
TEMPLATE = "charter-handover"
SERVE = "from craftkit_async.cli.main import main; main()"

_AT_LEAST_BY_HAND, _JOURNAL_COSTS = 1.0, 0.10


class Figures(NamedTuple):
    """What one round came to."""

    per_second: float
    requests: float
    cpu: float
    """Milliseconds of the client's process for each render; says what a busy machine hides."""


def data(number: int) -> dict[str, object]:
    return {"booking": {"code": f"BK-{number}", "activityName": "Harbour tour"}, "areas": [{"name": "Hull"}]}


@contextmanager
def running_emulator(latency: str, *options: str) -> Iterator[str]:
    words = ["emulate", "--port", "0", "--no-pdf", "--latency", latency, *options]
    process = subprocess.Popen([sys.executable, "-c", SERVE, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    found = re.search(r"http://[^\s'\"]+", process.stdout.readline())
    assert found
    try:
        yield found[0]
    finally:
        process.terminate()
        process.communicate()


async def by_hand(url: str, renders: int, concurrency: int) -> int:
    """What a person writes: one session, one task per render, a semaphore, and the documented pace of polls."""
    done = 0
    places = asyncio.Semaphore(concurrency)
    headers = {"Authorization": f"Bearer {KEY}"}

    async def render(session: aiohttp.ClientSession, number: int) -> None:
        nonlocal done
        async with places:
            path = f"{url}/v1/templates/{TEMPLATE}/render"
            async with session.post(path, json={"data": data(number)}) as reply:
                reply.raise_for_status()
                answer = await reply.json()
            delay = 0.25
            while answer["status"] not in {"succeeded", "failed"}:
                await asyncio.sleep(delay)
                delay = min(2 * delay, 5.0)
                async with session.get(f"{url}/v1/renders/{answer['id']}") as reply:
                    reply.raise_for_status()
                    answer = await reply.json()
            done += answer["status"] == "succeeded"

    async with aiohttp.ClientSession(headers=headers) as session, asyncio.TaskGroup() as group:
        for number in range(renders):
            group.create_task(render(session, number))
    return done


async def by_batch(url: str, renders: int, concurrency: int, journal: Path | None) -> int:
    rows = (RenderRequest(TEMPLATE, data(number), key=str(number)) for number in range(renders))
    done = 0
    async with Craftkit(KEY, base_url=url) as craftkit:
        batch = craftkit.render_many(rows, concurrency=concurrency, journal=journal)
        async for outcome in batch:
            done += outcome.ok
    return done


def _control(url: str, method: str, path: str) -> Any:
    request = urllib.request.Request(f"{url}/_emulator/{path}", method=method)  # noqa: S310 - our own server
    with urllib.request.urlopen(request) as reply:  # noqa: S310 - the same
        return json.load(reply)


def _spend(url: str, renders: int, work: Callable[[], Awaitable[int]]) -> Figures:
    _control(url, "POST", "reset")
    start, cpu = time.perf_counter(), time.process_time()
    done = asyncio.run(_only(work))
    elapsed, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert done == renders
    requests = _control(url, "GET", "state")["counts"]["requests"]
    return Figures(renders / elapsed, requests / renders, 1000 * cpu / renders)


async def _only(work: Callable[[], Awaitable[int]]) -> int:
    return await work()


def measure(url: str, renders: int, concurrency: int, rounds: int) -> dict[str, list[Figures]]:
    seen: dict[str, list[Figures]] = {"by hand": [], "batch": [], "with journal": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            journal = Path(folder) / "run.db"
            seen["by hand"].append(_spend(url, renders, lambda: by_hand(url, renders, concurrency)))
            seen["batch"].append(_spend(url, renders, lambda: by_batch(url, renders, concurrency, None)))
            seen["with journal"].append(
                _spend(url, renders, lambda: by_batch(url, renders, concurrency, journal))  # noqa: B023 - called at once
            )
    return seen


def _judge(latency: str, concurrency: int, seen: dict[str, list[Figures]]) -> None:
    speed = {name: statistics.median(one.per_second for one in figures) for name, figures in seen.items()}
    requests = {name: statistics.median(one.requests for one in figures) for name, figures in seen.items()}
    cpu = {name: statistics.median(one.cpu for one in figures) for name, figures in seen.items()}
    print(f"\n{concurrency} open at once, renders take {latency} s: renders per second, requests and CPU ms per render")
    for name, figure in speed.items():
        print(f"  {name:14} {figure:8.0f} {requests[name]:8.2f} {cpu[name]:8.2f}")
    ratio, cost = speed["batch"] / speed["by hand"], 1 - speed["with journal"] / speed["batch"]
    print(f"  batch / by hand = {ratio:.2f}: {_met(ratio >= _AT_LEAST_BY_HAND)}")
    print(f"  fewer requests: {_met(requests['batch'] < requests['by hand'])}")
    more = cpu["with journal"] / cpu["batch"] - 1
    print(f"  the journal costs {cost:.1%} of the speed, {more:.1%} more CPU: {_met(cost <= _JOURNAL_COSTS)}")


def _met(is_met: bool) -> str:  # noqa: FBT001 - it is the one thing it says
    return "met" if is_met else "MISSED"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    renders, rounds = (20, 1) if quick else (2000, 5)
    for latency, concurrency in (("0.4", 200), ("0.4", 500), ("0.2..1.5", 500)):
        with running_emulator(latency) as url:
            _judge(latency, concurrency, measure(url, renders, concurrency, rounds))


if __name__ == "__main__":
    main()
