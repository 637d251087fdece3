"""The registry: whatever happens in any order, each render ends once and nothing outlives whoever wants it."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from craftkit_async import ClientStateError, Limits, RenderFailedError, WaitTimeoutError
from craftkit_async.testing import FakeReply, VirtualTimeLoop
from craftkit_async.waiting.pending import Pending, PendingRenders
from tests.support.cancelling import other_tasks, settle
from tests.support.service import Service, delivery_of, ended, now

IDS = ("r1", "r2", "x1")
ENDINGS = ("succeeded", "failed")

STEPS = st.one_of(
    st.tuples(st.just("submit"), st.sampled_from(["new", "old"])),
    st.tuples(st.just("wait"), st.sampled_from(IDS), st.sampled_from([None, 0, 0.3, 2.0, 30.0]), st.booleans()),
    st.tuples(st.just("hold"), st.sampled_from(IDS), st.booleans()),
    st.tuples(st.just("deliver"), st.sampled_from(IDS), st.sampled_from(ENDINGS)),
    st.tuples(st.just("end"), st.sampled_from(IDS), st.sampled_from(ENDINGS)),
    st.tuples(st.sampled_from(["drop", "cancel", "tick", "break_polls", "cancel_polls"]), st.integers(0, 9)),
    st.tuples(st.sampled_from(["pass_time", "block"]), st.integers(0, 40)),
    st.tuples(st.just("reopen"), st.sampled_from([None, 0, 1, 2, 5])),
)


class _Model:
    """Drives a client, and knows who holds and who waits for what, and how it ended."""

    def __init__(self) -> None:
        self.ends: dict[str, str] = {}
        self.broken = 0
        self.service = Service(latency=0.1, on_poll=self.poll, on_submit=self.answer)
        self.craftkit = self.service.make_client(limits=Limits(requests=2))
        self.child = self.craftkit.with_api_key("ck_test_other")
        self.handles: list[Any] = []
        self.waits: list[tuple[str, asyncio.Task[Any]]] = []
        self.submits: list[asyncio.Task[Any]] = []

    def poll(self, render_id: str, _: int) -> FakeReply:
        if self.broken:
            self.broken -= 1
            return self.fail(render_id)
        ending = self.ends.get(render_id)
        return FakeReply(json=ended(render_id, ending) if ending else {"id": render_id, "status": "queued"}, after=0.1)

    def fail(self, render_id: str) -> FakeReply:
        if self.broken % 4 == 0:
            raise asyncio.CancelledError
        about_another = ended("r2" if render_id == "r1" else "r1", "failed")
        fits_not = {"id": 7, "status": "failed"}
        return [FakeReply(status=500, after=0.1), FakeReply(json=about_another), FakeReply(json=fits_not)][
            self.broken % 3
        ]

    def answer(self, nth: int) -> FakeReply:
        return FakeReply(status=202, json={"id": f"r{min(nth, 2)}", "status": "queued"}, after=0.1)

    # -- steps

    async def submit(self, key: str) -> None:
        self.submits.append(asyncio.ensure_future(self._submit(key)))

    async def _submit(self, key: str) -> None:
        self.handles.append(await self.craftkit.submit("t", {}, idempotency_key=key))

    async def wait(self, render_id: str, limit: float | None, foreign: bool) -> None:  # noqa: FBT001 - drawn
        client = self.child if foreign else self.craftkit
        self.waits.append((render_id, asyncio.ensure_future(client.wait(render_id, timeout=limit))))

    async def hold(self, render_id: str, foreign: bool) -> None:  # noqa: FBT001 - drawn
        self.handles.append((self.child if foreign else self.craftkit).attach(render_id))

    async def deliver(self, render_id: str, ending: str) -> None:
        self.ends.setdefault(render_id, ending)
        receipt = await self.craftkit.inbox.receive(*delivery_of(render_id, self.ends[render_id]))
        assert receipt.status == 200

    async def end(self, render_id: str, ending: str) -> None:
        self.ends.setdefault(render_id, ending)

    async def drop(self, number: int) -> None:
        if self.handles:
            del self.handles[number % len(self.handles)]

    async def cancel(self, number: int) -> None:
        under_way = [task for _, task in self.waits if not task.done()] + self.submits
        if under_way:
            under_way[number % len(under_way)].cancel()

    async def tick(self, _: int) -> None:
        await asyncio.sleep(0)

    async def pass_time(self, number: int) -> None:
        await asyncio.sleep(number / 4)

    async def block(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.jump(number / 4)

    async def break_polls(self, number: int) -> None:
        self.broken = number

    async def cancel_polls(self, _: int) -> None:
        for task in other_tasks() - {task for _, task in self.waits} - set(self.submits):
            task.cancel()

    async def reopen(self, turns: int | None) -> None:
        if turns is not None:
            closing = asyncio.ensure_future(self.craftkit.aclose())
            for _ in range(turns):
                await asyncio.sleep(0)
            closing.cancel()
            await asyncio.wait([closing])
        await self.craftkit.aclose()
        await settle()
        assert all(task.done() for _, task in self.waits)
        await self.craftkit.__aenter__()

    # -- what must hold

    def check(self) -> None:
        completions = self.craftkit._waiting.completions
        waited = [entry for entry in completions.pending if entry.waiters is not None]
        assert completions.pending.waited == len(waited) == self.craftkit.statistics().pending
        assert len(completions.scheduler._polls) <= 2
        assert all(entry.source is None for entry in waited)
        waiters = [waiter for entry in waited for waiter in entry.all_waiters()]
        assert len(waiters) == len(set(waiters))
        assert not any(waiter.done() for waiter in waiters)
        # An entry with waiters is polled, or will be.
        for entry in waited:
            assert (
                entry.due is not None or entry in completions.scheduler._polls or entry in completions.scheduler._queue
            )

    def check_ends(self) -> None:
        for render_id, task in self.waits:
            assert task.done()
            error = None if task.cancelled() else task.exception()
            assert error is None or isinstance(error, RenderFailedError | WaitTimeoutError | ClientStateError)
            if isinstance(error, RenderFailedError):
                assert self.ends[render_id] == "failed"
            elif error is None and not task.cancelled():
                assert self.ends[render_id] == "succeeded"
        for handle in self.handles:
            assert handle.source is None or handle.snapshot.status == self.ends[handle.id]

    async def finish(self) -> None:
        """Let everything end: nobody waits for ever, and with the last handle the registry is empty."""
        for render_id in IDS:
            self.ends.setdefault(render_id, "succeeded")
        await asyncio.wait([*(task for _, task in self.waits), *self.submits, asyncio.ensure_future(asyncio.sleep(0))])
        await settle()
        self.check()
        self.check_ends()
        completions, statistics = self.craftkit._waiting.completions, self.craftkit.statistics()
        assert statistics.pending == statistics.mailbox == 0
        endings = Counter(type(task.exception()) for _, task in self.waits if not task.cancelled())
        assert statistics.timed_out == endings[WaitTimeoutError]
        self.handles.clear()
        self.waits.clear()
        self.submits.clear()
        # The last poll of those that nobody waits for any more.
        await asyncio.sleep(1.0)
        gc.collect()
        assert len(completions.pending) == 0
        assert completions.scheduler._wheel.next() is None
        await self.craftkit.aclose()


@pytest.fixture(autouse=True)
def _only_what_is_new_is_searched() -> Iterator[None]:
    """The garbage collector would go through all that other tests left, once for each example."""
    gc.freeze()
    yield
    gc.unfreeze()


# Every step at least once, whichever are drawn.
ALL_STEPS: list[Any] = [
    ("drop", 0),
    ("cancel", 0),
    ("wait", "x1", None, False),
    ("tick", 0),
    ("tick", 0),
    ("cancel_polls", 0),
    ("break_polls", 9),
    ("hold", "x1", True),
    ("submit", "new"),
    ("pass_time", 40),
    ("block", 40),
    ("cancel", 0),
    ("drop", 0),
    ("deliver", "r1", "failed"),
    ("end", "x1", "succeeded"),
    ("reopen", 2),
]


@example(ALL_STEPS)
@given(st.lists(STEPS, min_size=10, max_size=40))
def test_whatever_happens_in_any_order(steps: list[Any]) -> None:
    """Submitting, waiting, delivering, polling, dropping, cancelling, expiring and closing lose nobody and nothing."""

    async def play() -> None:
        model = _Model()
        for name, *how in steps:
            await getattr(model, name)(*how)
            model.check()
        await model.finish()
        assert now() < 1000.0

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(play())


async def test_an_entry_that_is_gone_does_not_take_its_successor_along() -> None:
    """The garbage collector may tell of an entry only after another has come in its place."""
    pending = PendingRenders(Limits())
    poller = Service().make_client()._session
    handle = pending.open("r1", poller)
    told: Any = pending._entries["r1"]
    again = Pending("r1", poller, "t", None)
    pending._entries["r1"] = again
    pending._forget(told)

    assert pending.find(poller.project, "r1") is again
    assert handle is not again


async def test_one_id_in_many_projects() -> None:
    """Each has its entry, and whichever goes, the others stay."""
    pending = PendingRenders(Limits())
    pollers = [Service().make_client()._session for _ in range(4)]
    handles = [pending.open("r1", poller) for poller in pollers]
    while handles:
        assert [pending.find(poller.project, "r1") for poller in pollers[-len(handles) :]] == handles
        del handles[0]
        gc.collect()

    assert len(pending) == 0
