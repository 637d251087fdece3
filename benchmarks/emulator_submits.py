"""Submits per second that an emulator without PDFs answers while 20,000 renders are in flight."""

import argparse
import asyncio
import multiprocessing
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from craftkit_async.emulator import Emulator

DATA = {"booking": {"code": "BK-12345"}, "areas": [{"areaKey": "Hull", "condition": "OK"}] * 5}


def serve(pipe: Connection, db: str | None) -> None:
    asyncio.run(_serve(pipe, db))


async def _serve(pipe: Connection, db: str | None) -> None:
    async with Emulator(pdf=False, latency="3600", db=db) as emulator:
        pipe.send((emulator.url, emulator.api_key))
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send((usage.ru_utime + usage.ru_stime, len(emulator.renders)))


async def submit(url: str, key: str, count: int, at_once: int) -> float:
    left = iter(range(count))
    address = f"{url}/v1/templates/charter-handover/render"

    async def work(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(address, json={"data": DATA}) as reply:
                assert reply.status == 202
                await reply.read()

    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}, connector=connector) as session:
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work(session))
        return time.perf_counter() - started


def measure(label: str, count: int, in_flight: int, db: str | None) -> None:
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there, db))
    server.start()
    url, key = here.recv()
    asyncio.run(submit(url, key, in_flight, 64))
    elapsed = asyncio.run(submit(url, key, count, 64))
    here.send("stop")
    cpu, renders = here.recv()
    server.join()
    assert renders == count + in_flight
    print(f"{label}: {count / elapsed:,.0f} submits/s with {in_flight:,} in flight", end="; ")
    print(f"the server spent {cpu / renders * 1e6:,.0f} us of CPU on each, starting up included")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=10_000, help="submits to measure")
    parser.add_argument("--in-flight", type=int, default=20_000, help="submits made before measuring")
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.n, arguments.in_flight = 100, 100
    measure("in memory", arguments.n, arguments.in_flight, None)
    with TemporaryDirectory() as folder:
        measure("with a file", arguments.n, arguments.in_flight, str(Path(folder) / "emulator.db"))


if __name__ == "__main__":
    main()
