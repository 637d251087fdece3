"""Garbage: a failed call is freed at once, and leaves nothing for the garbage collector."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from craftkit_async import Craftkit, CraftkitError, RetryPolicy, Timeouts, TransportError
from craftkit_async.testing import FakeReply, FakeTransport
from tests.support.loopback import read_head, serve_raw


@pytest.fixture
def _saved_garbage() -> Iterator[None]:
    """Keep whatever only the collector could free."""
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.disable()
    yield
    gc.set_debug(0)
    gc.enable()
    gc.garbage.clear()


def left_behind() -> list[Any]:
    gc.collect()
    return [thing for thing in gc.garbage if isinstance(thing, CraftkitError) or type(thing).__name__ == "Call"]


SCRIPTED: dict[str, FakeReply | Exception] = {
    "refused": FakeReply(status=422, json={"error": "invalid"}),
    "broken": FakeReply(status=500),
    "lost": TransportError("lost"),
    "foreign": RuntimeError("foreign"),
    "no JSON": FakeReply(body=b"<html>"),
    "misfit": FakeReply(json={"status": 1}),
    "slow": FakeReply(after=1e5),
}


@pytest.mark.usefixtures("_saved_garbage")
@pytest.mark.virtual_time
@pytest.mark.parametrize("failure", SCRIPTED)
async def test_failed_submit_is_freed_at_once(failure: str) -> None:
    """An error leads to frames, and none of them leads back: the body of a failed submit is freed with its error."""
    transport = FakeTransport(lambda _: SCRIPTED[failure])
    async with Craftkit("ck_test_key", transport=transport, retries=RetryPolicy(attempts=2)) as craftkit:
        for _ in range(3):
            with suppress(CraftkitError):
                await craftkit.templates.render("t", {"text": "x" * 1000}, timeout=5.0)
        transport.requests.clear()

    assert not left_behind()


WIRES = {
    "dropped": b"",
    "nonsense": b"nonsense\r\n\r\n",
    "cut": b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
    "refused": b"HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n",
}


@pytest.mark.usefixtures("_saved_garbage")
@pytest.mark.parametrize("wire", WIRES)
async def test_failure_of_aiohttp_is_freed_at_once(wire: str) -> None:
    """The same holds for what a socket shows."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(WIRES[wire])

    options: dict[str, Any] = {"retries": RetryPolicy(attempts=1), "timeouts": Timeouts(request=5.0)}
    async with serve_raw(handler) as url, Craftkit("ck_test_key", base_url=url, **options) as craftkit:
        for _ in range(3):
            with suppress(CraftkitError):
                await craftkit.templates.render("t", {})

    assert not left_behind()


async def test_timeout_that_progress_raises_is_the_callers(tmp_path: Path) -> None:
    """What the caller's own code raises passes through, `TimeoutError` too; it is no failure of the service."""

    def progress(*_: object) -> None:
        raise TimeoutError("mine")

    transport = FakeTransport(lambda _: FakeReply(body=b"%PDF-1.7\n" + b"." * 5000))
    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        with pytest.raises(TimeoutError, match=r"^mine$") as caught:
            await craftkit.renders.download("r1", tmp_path / "a.pdf", progress=progress)

    assert type(caught.value) is TimeoutError
    assert len(transport.requests) == 1
