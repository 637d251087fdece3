"""What a delivery costs a server: our receivers against handlers that do less, or the same by hand.

`python -m benchmarks.receivers`; `--quick` only shows that it runs, `--http h11` takes uvicorn's slower parser. Each
contender is three server processes, and what counts is the CPU time that they spent on the requests of a round.
"""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from benchmarks.webhook import BODY, EVENT, SECRET

# (ours, the other, how many times its requests per second ours must answer)
_TARGETS = (
    ("asgi", "raw asgi", 0.85),
    ("aiohttp", "bare aiohttp", 0.85),
    ("fastapi", "fastapi by hand", 2.0),
)

_PATH = "/webhooks/craftkit"
_SIGNATURE = "x-craftkit-signature"


# ---- the contenders, each imported in its own process


def _client() -> Any:
    from craftkit_async import Craftkit

    return Craftkit("ck_test_benchmark", webhook_secret=SECRET)


def _is_genuine(body: bytes, signature: str) -> bool:
    return hmac.compare_digest(hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(), signature)


def _asgi() -> Any:
    from craftkit_async.receivers.asgi import webhook_app

    return webhook_app(_client())


def _raw_asgi() -> Any:
    async def app(scope: Mapping[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        if scope["type"] != "http":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, is_more = b"", True
        while is_more:
            message = await receive()
            body += message.get("body", b"")
            is_more = message.get("more_body", False)
        signature = dict(scope["headers"]).get(_SIGNATURE.encode(), b"").decode()
        status = 200 if _is_genuine(body, signature) else 401
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    return app


def _fastapi() -> Any:
    from fastapi import FastAPI

    from craftkit_async.receivers.fastapi import lifespan
    from craftkit_async.receivers.middleware import WebhookMiddleware

    craftkit = _client()
    app = FastAPI(lifespan=lifespan(craftkit))
    app.add_middleware(WebhookMiddleware, craftkit=craftkit)
    return app


def _fastapi_router() -> Any:
    from fastapi import FastAPI

    from craftkit_async.receivers.fastapi import lifespan, webhook_router

    craftkit = _client()
    app = FastAPI(lifespan=lifespan(craftkit))
    app.include_router(webhook_router(craftkit))
    return app


def _fastapi_by_hand() -> Any:
    from fastapi import FastAPI, Request, Response

    from craftkit_async.receivers.fastapi import lifespan

    craftkit = _client()
    app = FastAPI(lifespan=lifespan(craftkit))

    @app.post(_PATH)
    async def take(request: Request) -> Response:
        receipt = await craftkit.inbox.receive(await request.body(), request.headers.raw)
        return Response(status_code=receipt.status)

    return app


def _aiohttp() -> Any:
    from aiohttp import web

    from craftkit_async.receivers.aiohttp import add_webhook_route

    app = web.Application()
    add_webhook_route(app, _client())
    return app


def _bare_aiohttp() -> Any:
    from aiohttp import web

    async def take(request: web.Request) -> web.Response:
        is_genuine = _is_genuine(await request.read(), request.headers.get(_SIGNATURE, ""))
        return web.Response(status=200 if is_genuine else 401)

    app = web.Application()
    app.router.add_post(_PATH, take)
    return app


_CONTENDERS: Mapping[str, Callable[[], Any]] = {
    "asgi": _asgi,
    "raw asgi": _raw_asgi,
    "aiohttp": _aiohttp,
    "bare aiohttp": _bare_aiohttp,
    "fastapi": _fastapi,
    "fastapi router": _fastapi_router,
    "fastapi by hand": _fastapi_by_hand,
}


# ---- one server process


async def _serve(name: str, http: Any) -> None:
    """Serve on a free port that is printed first; then print the CPU time spent so far for each line that comes in."""
    app = _CONTENDERS[name]()
    async with contextlib.AsyncExitStack() as stack:
        port = await (_serve_aiohttp(app, stack) if "aiohttp" in name else _serve_asgi(app, stack, http))
        print(port, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(time.process_time(), flush=True)


async def _serve_aiohttp(app: Any, stack: contextlib.AsyncExitStack) -> int:
    from aiohttp import web

    runner = web.AppRunner(app, access_log=None)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return int(runner.addresses[0][1])


async def _serve_asgi(app: Any, stack: contextlib.AsyncExitStack, http: Any) -> int:
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=http, access_log=False, log_level="warning", lifespan="on"))
    group = await stack.enter_async_context(asyncio.TaskGroup())
    group.create_task(server.serve([listening]))

    def stop() -> None:
        server.should_exit = True

    stack.callback(stop)
    return int(listening.getsockname()[1])


class _Server:
    """A server process, and how much CPU time it has spent."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._pipes = _pipes_of(process)
        self.port = int(self._pipes[1].readline())

    def cpu_time(self) -> float:
        self._pipes[0].write("\n")
        self._pipes[0].flush()
        return float(self._pipes[1].readline())


def _pipes_of(process: "subprocess.Popen[str]") -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


@contextlib.contextmanager
def _running(name: str, http: str) -> Iterator[_Server]:
    command = [sys.executable, "-m", "benchmarks.receivers", "--serve", name, "--http", http]
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root, env=environment
    ) as process:
        yield _Server(process)
        # The end of its input ends the server.
        _pipes_of(process)[0].close()


# ---- the load: as little as can speak HTTP


def _make_requests(count: int) -> list[bytes]:
    """Sign as many different deliveries, so that none is taken for a repeat of another."""
    return [_make_request(number) for number in range(count)]


def _make_request(number: int) -> bytes:
    unique = EVENT["renderId"][:-12] + f"{number:012x}" if isinstance(EVENT["renderId"], str) else ""
    body = json.dumps({**EVENT, "renderId": unique}, separators=(",", ":")).encode()
    head = (
        f"POST {_PATH} HTTP/1.1\r\nHost: hooks.example.com\r\nUser-Agent: Craftkit-Webhook/1.0\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nAccept: */*\r\n"
        f"X-Craftkit-Event: render.succeeded\r\nX-Craftkit-Timestamp: 1780653601\r\n"
        f"X-Craftkit-Delivery-Id: 0194a0b7-55c1-7f0e-9d44-{number:012x}\r\n"
        f"X-Craftkit-Signature: {hmac.digest(SECRET.encode(), body, 'sha256').hex()}\r\n\r\n"
    )
    return head.encode() + body


async def _load(port: int, requests: list[bytes], connections: int) -> None:
    """Send the requests, on each connection one after the other, and look at each status."""
    left = iter(requests)

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in left:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
        writer.close()
        await writer.wait_closed()

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(work())


def _measure(servers: Mapping[str, list[_Server]], *, calls: int, rounds: int) -> dict[str, list[float]]:
    """Return the CPU microseconds of one request for each contender and round, on average of its processes."""
    seen: dict[str, list[float]] = {name: [] for name in servers}
    requests = _make_requests(calls * (rounds + 1))
    for turn in range(rounds + 1):
        batch = requests[turn * calls : (turn + 1) * calls]
        for name, processes in servers.items():
            spent = statistics.mean(_spend(server, batch) for server in processes)
            # The first round warms everything up.
            if turn:
                seen[name].append(spent / calls * 1e6)
    return seen


def _spend(server: _Server, requests: list[bytes]) -> float:
    start = server.cpu_time()
    asyncio.run(_load(server.port, requests, min(32, len(requests))))
    return server.cpu_time() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--serve", metavar="NAME", help="be one of the servers")
    parser.add_argument("--http", default="auto", choices=("auto", "httptools", "h11"), help="uvicorn's parser")
    options = parser.parse_args()
    if options.serve:
        with contextlib.suppress(ImportError):
            import uvloop

            uvloop.install()
        asyncio.run(_serve(options.serve, options.http))
        return
    calls, rounds, processes = (20, 1, 1) if options.quick else (1000, 25, 3)
    with contextlib.ExitStack() as stack:
        servers = {
            # Where its code and its objects happen to lie makes a process some percent faster or slower.
            name: [stack.enter_context(_running(name, options.http)) for _ in range(processes)]
            for name in _CONTENDERS
        }
        seen = _measure(servers, calls=calls, rounds=rounds)
    _report(seen, rounds, options.http)


def _report(seen: Mapping[str, list[float]], rounds: int, http: str) -> None:
    parser = ("httptools" if importlib.util.find_spec("httptools") else "h11") if http == "auto" else http
    loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    print(f"one delivery of {len(BODY)} bytes, CPU microseconds of the server (median of {rounds} interleaved rounds)")
    print(f"on uvicorn with {parser}, and on aiohttp.web, both with {loop}")
    for name, figures in seen.items():
        median = statistics.median(figures)
        print(f"  {name:16} {median:7.1f}   {1e6 / median:9,.0f} a second of CPU time")
    for ours, other, least in _TARGETS:
        # Round by round, since a slow moment of the machine hits neighbours alike.
        ratio = statistics.median(theirs / own for own, theirs in zip(seen[ours], seen[other], strict=True))
        print(f"target: {ours} / {other} >= {least:.2f} times: {ratio:.3f} {'met' if ratio >= least else 'MISSED'}")


if __name__ == "__main__":
    main()
