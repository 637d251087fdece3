"""What one submit costs: CPU of the client process per call, against what else people use.

`python -m benchmarks.submit` prints the figures of the plain installation at 1, 50 and 500 in flight;
`--speed` does the same with orjson and uvloop for everybody; `--quick` only shows that it runs.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

KEY = "ck_test_benchmark"
DATA = {"customer": {"name": "Halden Marine"}, "deliveredOn": "2026-06-05", "items": [{"sku": "RP-10", "qty": 4}]}

Call = Callable[[], Awaitable[object]]

# (name of the target, ours, the other, what ours may cost at most as a multiple of the other's)
_TARGETS = (("by hand", 1.1), ("stripe", 1 / 2.5), ("openai", 1 / 8), ("tuned session", 1.2))


async def _contenders(url: str, stack: AsyncExitStack) -> dict[str, Call]:
    import aiohttp

    from craftkit_async import Craftkit, Limits

    path = f"{url}/v1/templates/delivery-note/render"
    # Room for all in flight at once from the start: the window's growth is another benchmark's subject.
    limits = Limits(requests=1000, first_requests=1000)
    craftkit = await stack.enter_async_context(Craftkit(KEY, base_url=url, limits=limits))
    default = await stack.enter_async_context(aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}))
    tuned = await stack.enter_async_context(_tuned_session())

    async def ours() -> object:
        return await craftkit.templates.render("delivery-note", DATA)

    async def by_hand() -> object:
        async with default.post(path, json={"data": DATA}) as reply:
            return await reply.json()

    from yarl import URL

    address = URL(path, encoded=True)
    body = json.dumps({"data": DATA}).encode()

    async def tuned_session() -> object:
        async with tuned.post(address, data=body, allow_redirects=False) as reply:
            return await reply.read()

    found: dict[str, Call] = {"ours": ours, "by hand": by_hand, "tuned session": tuned_session}
    return {**found, **_other_sdks(url, stack)}


def _tuned_session() -> Any:
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        timeout=aiohttp.ClientTimeout(total=None),
        skip_auto_headers=("Accept-Encoding",),
        auto_decompress=False,
    )


def _other_sdks(url: str, stack: AsyncExitStack) -> dict[str, Call]:
    """Return the SDKs that are installed, each sending the same values to the same server in one POST."""
    found: dict[str, Call] = {}
    try:
        import stripe
    except ImportError:
        print("stripe is not installed: left out")
    else:
        http = stripe.AIOHTTPClient()
        stack.push_async_callback(http.close_async)
        client = stripe.StripeClient(KEY, base_addresses={"api": url}, http_client=http, max_network_retries=2)

        async def on_stripe() -> object:
            note: Any = {"deliveredOn": "2026-06-05", "sku": "RP-10", "qty": "4"}
            return await client.v1.customers.create_async({"name": "Halden Marine", "metadata": note})

        found["stripe"] = on_stripe
    try:
        import openai
    except ImportError:
        print("openai is not installed: left out")
    else:
        assistant = openai.AsyncOpenAI(api_key=KEY, base_url=url)
        stack.push_async_callback(assistant.close)

        async def on_openai() -> object:
            message: Any = {"role": "user", "content": json.dumps(DATA)}
            return await assistant.chat.completions.create(model="m", messages=[message])

        found["openai"] = on_openai
    return found


async def _measure(url: str, *, quick: bool) -> None:
    from benchmarks.interleaved import cpu_per_call

    for in_flight in (1, 50, 500):
        async with AsyncExitStack() as stack:
            calls, rounds = (max(1, in_flight), 1) if quick else (2000, 7)
            contenders = await _contenders(url, stack)
            figures = await cpu_per_call(contenders, calls=calls, in_flight=in_flight, rounds=rounds)
        print(f"\n{in_flight} in flight: CPU microseconds per call (median of {rounds} interleaved rounds)")
        for name, figure in figures.items():
            ratio = figures["ours"] / figure
            print(f"  {name:15} {figure:8.1f}   ours / it = {ratio:.2f}")
        if in_flight == 50:
            _judge(figures)


def _judge(figures: dict[str, float]) -> None:
    for name, most in _TARGETS:
        if name in figures:
            ratio = figures["ours"] / figures[name]
            print(f"  target: ours / {name} <= {most:.3f}: {ratio:.3f} {'met' if ratio <= most else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    if options.speed:
        import uvloop

        uvloop.install()
    else:
        # Hides the extra from this process, so that it measures the plain installation.
        sys.modules["orjson"] = None  # type: ignore[assignment]  # that is how an import is made to fail
    from benchmarks.raw_server import running_server

    with running_server() as url:
        asyncio.run(_measure(url, quick=options.quick))


if __name__ == "__main__":
    os.environ.setdefault("OPENAI_LOG", "")
    main()
