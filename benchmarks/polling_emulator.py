"""The learned pace against the documented one on the local Craftkit, where polls take time and clocks are real.

`python -m benchmarks.polling_emulator`; `--quick` only shows that it runs. Two clients render side by side, each with a
few renders in flight, on a server in a process of its own whose durations are log-normal: median 0.42 s, p99 3 s. The
delay is the time from `completedAt` to the moment in which the waiting task goes on.
"""

import argparse
import asyncio
import re
import statistics
import sys
import time

from craftkit_async import Craftkit, PollPolicy

LATENCY = "lognormal(0.42,3)"

# What the learned pace may cost of the documented one's polls and delay.
_MOST_POLLS, _MOST_DELAY = 1.0, 0.65

_INVOICE = {"issuedOn": "2026-06-05", "customer": {"name": "Acme"}, "total": 1}

Figures = tuple[float, float]


async def _serve() -> tuple[asyncio.subprocess.Process, str]:
    program = "from craftkit_async.cli.main import main; main()"
    arguments = ["emulate", "--port", "0", "--no-pdf", "--latency", LATENCY]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *arguments), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    async for line in server.stdout:
        if found := re.search(rb"CRAFTKIT_BASE_URL=['\"]?(http[^\s'\"]+)", line):
            return server, found[1].decode()
    raise RuntimeError("the local Craftkit did not start")


async def _render_all(client: Craftkit, renders: int, in_flight: int) -> Figures:
    """Return polls per render and the mean delay, after as many renders again that were only learned from."""
    delays: list[float] = []
    left = iter(range(2 * renders))
    polls_before = 0

    async def work() -> None:
        nonlocal polls_before
        for number in left:
            if number == renders:
                polls_before = client.statistics().polls
            render = await client.render("invoice", {**_INVOICE, "number": str(number)})
            if number >= renders and render.completed_at is not None:
                # The wall clock, which is the server's too: it runs on this machine.
                delays.append(time.time() - render.completed_at.timestamp())  # noqa: TID251 - see above

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(work())
    return (client.statistics().polls - polls_before) / renders, statistics.mean(delays)


async def _measure(renders: int, in_flight: int) -> tuple[Figures, Figures]:
    server, url = await _serve()
    try:
        async with (
            Craftkit("ck_test_local", base_url=url, polling=PollPolicy(adaptive=False)) as documented,
            Craftkit("ck_test_local", base_url=url) as learned,
            asyncio.TaskGroup() as group,
        ):
            first = group.create_task(_render_all(documented, renders, in_flight))
            second = group.create_task(_render_all(learned, renders, in_flight))
        return first.result(), second.result()
    finally:
        server.terminate()
        await server.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--renders", type=int, default=1500)
    options = parser.parse_args()
    renders, in_flight = (5, 5) if options.quick else (options.renders, 15)
    documented, learned = asyncio.run(_measure(renders, in_flight))
    print(f"{renders} renders with each pace, {in_flight} in flight each; polls per render and mean delay")
    for name, (polls, delay) in (("documented", documented), ("learned", learned)):
        print(f"  {name:12} {polls:6.2f}   {delay * 1000:7.0f} ms")
    if options.quick:
        return
    for what, ratio, most in (
        ("polls", learned[0] / documented[0], _MOST_POLLS),
        ("delay", learned[1] / documented[1], _MOST_DELAY),
    ):
        print(f"target: {what}, learned / documented <= {most}: {ratio:.3f} {'met' if ratio <= most else 'MISSED'}")


if __name__ == "__main__":
    main()
