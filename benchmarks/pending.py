"""What a pending render costs, in bytes and in idle CPU: ours, and the designs that it could have been.

`python -m benchmarks.pending`; `--quick` only shows that it runs. Each design runs in a process of its own. Bytes are
those that Python allocated for one pending render, without its id; idle CPU is that of the whole process while nothing
ends, with polls so far away that none is due. The designs with a timer each poll their render every five seconds,
which costs them nothing but waking up.
"""

import argparse
import asyncio
import gc
import heapq
import json
import os
import subprocess
import sys
import time
import tracemalloc
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

IDS: list[str] = []

Keep = object
Design = Callable[[], Awaitable[Keep]]

# (design, bytes at most)
_TARGETS = (("ours, a handle", 500), ("ours, awaited by id", 1.1 * 1024))
_IDLE_TARGET = 0.5

_POLLS_EVERY = 5.0


class _Record:
    __slots__ = ("born", "future", "template")

    def __init__(self, future: object = None) -> None:
        self.template = "invoice"
        self.born = 0.0
        self.future = future


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def _tasks(make: Callable[[str], Any]) -> list[asyncio.Task[Any]]:
    loop = asyncio.get_running_loop()
    return [loop.create_task(make(id)) for id in IDS]  # noqa: A001


async def _record_in_a_dict() -> Keep:
    return {id: _Record() for id in IDS}  # noqa: A001


async def _record_future_heap() -> Keep:
    records = {id: _Record(_future()) for id in IDS}  # noqa: A001
    heap: list[tuple[float, int, _Record]] = []
    for number, record in enumerate(records.values()):
        heapq.heappush(heap, (time.monotonic() + _POLLS_EVERY, number, record))
    return records, heap


async def _wait_for(future: asyncio.Future[Any]) -> None:
    await future


async def _future_and_task() -> Keep:
    records = {id: _Record(_future()) for id in IDS}  # noqa: A001
    tasks = _tasks(lambda id: _wait_for(records[id].future))  # type: ignore[arg-type]  # noqa: A006
    return records, tasks


async def _poll_task_each() -> Keep:
    async def poll(record: _Record) -> None:
        while record.future is None:  # noqa: ASYNC110 - the design that is measured
            await asyncio.sleep(_POLLS_EVERY)

    records = {id: _Record() for id in IDS}  # noqa: A001
    return records, _tasks(lambda id: poll(records[id]))  # noqa: A006


async def _group_each() -> Keep:
    async def render(event: anyio.Event) -> None:
        async def poll() -> None:
            while not event.is_set():  # noqa: ASYNC110 - the design that is measured
                await anyio.sleep(_POLLS_EVERY)

        with anyio.fail_after(300):
            async with anyio.create_task_group() as group:
                group.start_soon(poll)
                await event.wait()

    events = {id: anyio.Event() for id in IDS}  # noqa: A001
    return events, _tasks(lambda id: render(events[id]))  # noqa: A006


def _client() -> Any:
    from craftkit_async import Craftkit, PollPolicy
    from craftkit_async.testing import FakeReply, FakeTransport

    def answer(_: object) -> FakeReply:
        return FakeReply(json={"id": "warm", "status": "queued"})

    far = PollPolicy(net_first=3600.0, net_max=3600.0, jitter=0.0)
    # Polls step back only in a project that can hear webhooks.
    secrets = {"one": "whsec_benchmark"}
    return Craftkit(
        "ck_test_x", webhook_secret=secrets, webhooks="expect", polling=far, transport=FakeTransport(answer)
    )


_CLIENT: Any = None


async def _ours_handles() -> Keep:
    return [_submitted(id) for id in IDS]  # noqa: A001


def _submitted(render_id: str) -> Any:
    """Make the handle that a submit would, without the values that the service sends."""
    from craftkit_async.waiting.handle import RenderHandle

    session = _CLIENT._session  # noqa: SLF001 - to leave the request out
    completions = session._completions  # noqa: SLF001
    entry = completions.pending.open(render_id, session, "invoice", completions.scheduler.now())
    return RenderHandle(entry, "invoice", "key-of-the-submit")


async def _ours_by_id() -> Keep:
    handles = [_submitted(id) for id in IDS]  # noqa: A001
    tasks = _tasks(_CLIENT.wait)
    await asyncio.sleep(0)
    # The waits hold their entries themselves.
    del handles
    return tasks


async def _ours_by_handle() -> Keep:
    async def wait(handle: Any) -> None:
        await handle

    return _tasks(lambda id: wait(_submitted(id)))  # noqa: A006


_DESIGNS: dict[str, Design] = {
    "record in a dict": _record_in_a_dict,
    "record, future, heap": _record_future_heap,
    "future, caller's task": _future_and_task,
    "a sleeping poll task": _poll_task_each,
    "anyio group, timeout": _group_each,
    "ours, a handle": _ours_handles,
    "ours, awaited by id": _ours_by_id,
    "ours, awaited handle": _ours_by_handle,
}


async def _measure(design: str, seconds: float) -> dict[str, float]:
    global _CLIENT  # noqa: PLW0603 - one process, one client
    _CLIENT = _client()
    await _CLIENT.attach("warm").refresh()
    gc.collect()
    tracemalloc.start(1)
    before = tracemalloc.get_traced_memory()[0]
    keep = await _DESIGNS[design]()
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    # The list that holds them is the benchmark's own.
    size = (tracemalloc.get_traced_memory()[0] - before) / len(IDS) - 8
    tracemalloc.stop()
    spent, start = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    idle = (time.process_time() - spent) / (time.monotonic() - start) * 100
    await _CLIENT.aclose()
    del keep
    return {"bytes": size, "idle": idle}


def _run_one(design: str, renders: int, seconds: float) -> None:
    IDS.extend(str(uuid.uuid4()) for _ in range(renders))

    async def measure() -> None:
        print(json.dumps(await _measure(design, seconds)), flush=True)
        # Tens of thousands of tasks are left as they are.
        os._exit(0)

    asyncio.run(measure())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--design", choices=_DESIGNS)
    parser.add_argument("--renders", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    if options.quick:
        options.renders, options.seconds = 100, 0.01
    if options.design:
        _run_one(options.design, options.renders, options.seconds)
        return
    print(f"{options.renders:,} pending renders           bytes each   idle CPU")
    figures: dict[str, dict[str, float]] = {}
    for design in _DESIGNS:
        command = [sys.executable, "-m", "benchmarks.pending", "--design", design]
        command += ["--renders", str(options.renders), "--seconds", str(options.seconds)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        figures[design] = json.loads(said)
        print(f"  {design:28} {figures[design]['bytes']:10,.0f} {figures[design]['idle']:9.2f} %")
    for design, most in () if options.quick else _TARGETS:
        size = figures[design]["bytes"]
        print(f"target: {design}: {size:,.0f} <= {most:,.0f} bytes {'met' if size <= most else 'MISSED'}")
        idle = figures[design]["idle"]
        print(f"target: {design}: {idle:.2f} <= {_IDLE_TARGET} % idle {'met' if idle < _IDLE_TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()
