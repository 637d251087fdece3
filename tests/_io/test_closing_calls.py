"""Closing: what is under way is ended, on a transport of the caller's too."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from craftkit_async import ClientStateError, Craftkit, Limits, RetryPolicy, TransportTimeoutError
from craftkit_async.testing import FakeReply, FakeTransport
from tests.support.cancelling import other_tasks, settle

pytestmark = pytest.mark.virtual_time

HANGS = FakeReply(body=b"%PDF-1.7", after=1e6)
PDF = FakeReply(body=b"%PDF-1.7\n" + b"." * 5000)


async def stream(craftkit: Craftkit) -> None:
    async with craftkit.renders.stream("r1"):
        raise AssertionError


CALLS: dict[str, Callable[[Craftkit], Awaitable[Any]]] = {
    "own timeout": lambda craftkit: craftkit.renders.get("r1", timeout=1e5),
    "no timeout": lambda craftkit: craftkit.renders.get("r1", timeout=None),
    "read": lambda craftkit: craftkit.renders.read("r1"),
    "stream": stream,
}


@pytest.mark.parametrize("name", CALLS)
async def test_close_ends_calls_on_a_given_transport(name: str) -> None:
    """Calls with a timeout of their own, or none, and downloads end with `ClientStateError` when the client closes."""
    craftkit = Craftkit("ck_test_key", transport=FakeTransport(lambda _: HANGS))
    task = asyncio.ensure_future(CALLS[name](craftkit))
    await asyncio.sleep(1.0)

    await craftkit.aclose()
    await settle()

    assert task.done()
    assert isinstance(task.exception(), ClientStateError)
    assert not other_tasks() - {task}


class _Stalling:
    """A transport whose documents stall after their head."""

    status = 200
    headers = {"content-type": "application/pdf"}  # noqa: RUF012 - never changed

    async def send(self, _: object) -> Any:
        return self

    async def read(self) -> bytes:
        raise AssertionError

    async def chunks(self) -> Any:
        yield b"%PDF-1.7"
        await asyncio.Event().wait()


async def test_close_ends_a_stream_that_stalls() -> None:
    """A stream whose head came ends as well, while it waits for its next piece."""
    craftkit = Craftkit("ck_test_key", transport=_Stalling())

    async def read_all() -> None:
        async with craftkit.renders.stream("r1") as pieces:
            async for _ in pieces:
                pass

    task = asyncio.ensure_future(read_all())
    await asyncio.sleep(1.0)
    await craftkit.aclose()
    await settle()

    assert isinstance(task.exception(), ClientStateError)


async def test_streams_are_bounded() -> None:
    """However many streams are asked for, `Limits.downloads` of them are open at a time."""
    transport = FakeTransport(lambda _: PDF)
    most = 0

    async def hold(craftkit: Craftkit) -> None:
        nonlocal most
        async with craftkit.renders.stream("r1"):
            most = max(most, transport.in_flight)
            await asyncio.sleep(1.0)

    async with (
        Craftkit("ck_test_key", transport=transport, limits=Limits(requests=4, downloads=3)) as craftkit,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(20):
            group.create_task(hold(craftkit))

    assert most == 3
    assert craftkit._runtime.documents.in_flight == 0


async def test_open_stream_needs_no_slot_of_a_call() -> None:
    """A document that comes in slowly keeps no call from being sent."""
    found = FakeReply(json={"id": "r1", "status": "queued"})
    transport = FakeTransport(lambda request: PDF if request.url.endswith("download") else found)

    async with (
        Craftkit("ck_test_key", transport=transport, limits=Limits(requests=1)) as craftkit,
        craftkit.renders.stream("r1"),
    ):
        await craftkit.renders.get("r1", timeout=1.0)
        assert craftkit.statistics().in_flight == 0


async def test_waiting_for_a_stream_is_bounded() -> None:
    """A stream that gets none of `Limits.downloads` in time says which limit that was."""
    options: dict[str, Any] = {"limits": Limits(downloads=1), "retries": RetryPolicy(total=5.0)}
    async with (
        Craftkit("ck_test_key", transport=FakeTransport(lambda _: PDF), **options) as craftkit,
        craftkit.renders.stream("r1"),
    ):
        with pytest.raises(TransportTimeoutError, match=r"raise Limits\.downloads"):
            await stream(craftkit)


@pytest.mark.parametrize("total", [None, 5.0])
async def test_stream_waits_for_its_turn(total: float | None) -> None:
    """A stream that waits for a slot gets the one that comes free."""
    options: dict[str, Any] = {"limits": Limits(downloads=1), "retries": RetryPolicy(total=total)}
    async with Craftkit("ck_test_key", transport=FakeTransport(lambda _: PDF), **options) as craftkit:
        async with craftkit.renders.stream("r1"):
            waiting = asyncio.ensure_future(craftkit.renders.read("r1"))
            await asyncio.sleep(1.0)
        assert await waiting == PDF.body
