"""Cancellation: wherever a call is cancelled, no connection, no task and no place stays behind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from craftkit_async import Craftkit, Limits, Render, RetryPolicy, TransportError
from craftkit_async._sansio.calls.request import Request
from craftkit_async.observe.events import Abandoned
from craftkit_async.testing import FakeReply, FakeTransport
from tests.support.cancelling import cancel_everywhere, other_tasks, settle
from tests.support.observing import Recorder

pytestmark = pytest.mark.virtual_time

PDF = b"%PDF-1.7\n" + b"." * 3000 + b"%%EOF"
FOUND = FakeReply(json={"id": "r1", "status": "queued"}, after=0.1)
OUTSIDE = Render("r1", "succeeded", "https://files.example/a.pdf")

Call = Callable[[Craftkit], Coroutine[Any, Any, Any]]


class Cycle(FakeTransport):
    """Begins its script anew at the end, and wherever `position` is set back."""

    def __init__(self, *replies: FakeReply | Exception) -> None:
        super().__init__(self._next)
        self._replies = replies
        self.position = 0

    def _next(self, _: Request) -> FakeReply | Exception:
        reply = self._replies[self.position % len(self._replies)]
        self.position += 1
        return reply


@asynccontextmanager
async def watched(transport: FakeTransport, **options: Any) -> AsyncIterator[tuple[Craftkit, Callable[[], None]]]:
    """Open a client, and hand out a check that nothing of a call is left."""
    async with Craftkit("ck_test_key", transport=transport, **options) as craftkit:

        def check() -> None:
            if isinstance(transport, Cycle):
                transport.position = 0
            seen = craftkit.statistics()
            assert (seen.in_flight, seen.waiting_for_slot) == (0, 0)
            assert craftkit._runtime.elsewhere.governor.in_flight == 0
            assert transport.in_flight == 0
            assert not other_tasks()

        yield craftkit, check


async def stream(craftkit: Craftkit) -> None:
    async with craftkit.renders.stream("r1") as pieces:
        async for _ in pieces:
            pass


@pytest.mark.parametrize(
    ("replies", "call", "least"),
    [
        pytest.param([FOUND], lambda craftkit: craftkit.renders.get("r1"), 4, id="plain"),
        pytest.param(
            [FakeReply(status=500, body=b"x", after=0.1), FOUND],
            lambda craftkit: craftkit.renders.get("r1"),
            8,
            id="retry",
        ),
        pytest.param(
            [TransportError("lost"), FOUND], lambda craftkit: craftkit.renders.get("r1"), 5, id="retry after no reply"
        ),
        pytest.param(
            [FakeReply(status=429, headers={"retry-after": "3"}), FOUND],
            lambda craftkit: craftkit.renders.get("r1"),
            8,
            id="patience",
        ),
        pytest.param(
            [FakeReply(json={"id": "r1"}, after=31.0), FOUND],
            lambda craftkit: craftkit.renders.get("r1"),
            5,
            id="timeout",
        ),
        pytest.param([FakeReply(body=PDF, after=0.1)], lambda craftkit: craftkit.renders.read("r1"), 5, id="read"),
        pytest.param([FakeReply(body=PDF, after=0.1)], stream, 5, id="stream"),
        pytest.param(
            [
                FakeReply(status=302, headers={"location": "/b"}, after=0.1),
                FakeReply(body=PDF, cut_at=2000),
                FakeReply(body=PDF),
            ],
            lambda craftkit: craftkit.renders.read(OUTSIDE),
            8,
            id="redirect, cut, again",
        ),
        pytest.param(
            [FakeReply(status=404, after=0.1), FakeReply(body=PDF, after=0.1)],
            lambda craftkit: craftkit.renders.read("r1"),
            8,
            id="second route",
        ),
    ],
)
async def test_cancelled_call_leaves_nothing(replies: list[FakeReply | Exception], call: Call, least: int) -> None:
    """A call that is cancelled at any wait gives up its reply and its place."""
    async with watched(Cycle(*replies), limits=Limits(requests=1)) as (craftkit, check):
        assert await cancel_everywhere(lambda: call(craftkit), check) >= least


async def test_call_cancelled_in_line_leaves_nothing() -> None:
    """A call that waits for its place, or is just being given it, keeps neither the place nor the next from it."""
    async with watched(FakeTransport(lambda _: FOUND), limits=Limits(requests=1)) as (craftkit, check):

        async def call() -> None:
            for _ in range(2):
                others.append(asyncio.ensure_future(craftkit.renders.get("r1")))
                await asyncio.sleep(0)
            await craftkit.renders.get("r1")

        async def check_when_the_others_are_done() -> None:
            await asyncio.wait(others)
            assert {task.result() for task in others} == {Render("r1", "queued")}
            others.clear()
            check()

        others: list[asyncio.Task[Render]] = []
        assert await cancel_everywhere(call, check_when_the_others_are_done) >= 8


async def test_submit_cancelled_under_its_own_key_is_told() -> None:
    """The key of an abandoned submit leads to the render that it may have made; a caller's key is known already."""
    recorder = Recorder()
    transport = FakeTransport(lambda _: FakeReply(status=202, json={"id": "r1"}, after=9.0))

    async with Craftkit("ck_test_key", transport=transport, observers=[recorder]) as craftkit:
        for key in (None, "mine"):
            task = asyncio.ensure_future(craftkit.templates.render("invoice", {}, idempotency_key=key))
            await settle()
            task.cancel()
            await settle()
            assert task.cancelled()

    (told,) = recorder.events
    assert isinstance(told, Abandoned)
    assert (told.template, told.idempotency_key) == ("invoice", transport.requests[0].headers["idempotency-key"])


async def test_quota_and_window_survive_cancellations() -> None:
    """After any number of cancelled calls the client works as before."""
    transport = FakeTransport(lambda _: FOUND)

    async with Craftkit("ck_test_key", transport=transport, retries=RetryPolicy(quota=5)) as craftkit:
        for _ in range(100):
            task = asyncio.ensure_future(craftkit.renders.get("r1"))
            await asyncio.sleep(0)
            task.cancel()
        await settle()

        assert await craftkit.renders.get("r1") == Render("r1", "queued")
        assert craftkit.statistics().window == Limits().first_requests
