"""One seeded history: actors do anything in any order, and what must hold is checked after each step and at the end."""

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random
from typing import Any

import attrs

from craftkit_async import (
    ClientStateError,
    Craftkit,
    CraftkitError,
    Limits,
    PollPolicy,
    Render,
    RenderFailedError,
    RenderHandle,
    RetryPolicy,
    Timeouts,
    WaitTimeoutError,
)
from craftkit_async.relays.memory import MemoryRelay
from craftkit_async.testing import VirtualTimeLoop
from tests.explorer.world import Truth, WildRelay

SECRETS = {"a": "secret-a", "b": "secret-b", "c": None}
STEPS = 60

# A wait ends with the tick of its deadline, and a poll that is under way then is not waited for.
_TOLERANCE = 0.1


class BrokenRuleError(AssertionError):
    """What must hold did not, in the history of this seed."""


@attrs.define(eq=False)
class Wait:
    """One wait that was begun: who waits, for what, and until when."""

    task: "asyncio.Task[Render]"
    render_id: str
    begun: float
    timeout: float
    client: Craftkit
    ended: float | None = None
    was_cancelled: bool = False


class History:
    """A client of three projects in one process, another process, and all that happens to them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - histories must be repeatable, not secret
        self.truth = Truth(self.random, self.random.choice([0.0, 0.1, 0.4]))
        self.waits: list[Wait] = []
        self.submits: list[asyncio.Task[Any]] = []
        self.others: set[asyncio.Task[Any]] = set()
        self.handles: list[RenderHandle] = []
        self.closings: list[tuple[float, float]] = []
        self.timeouts_seen = 0
        store = MemoryRelay()
        relay_trouble = self.random.choice([None, 0.0, 0.3])
        self.root = self._make_client(None if relay_trouble is None else WildRelay(store, self.random, relay_trouble))
        self.there = self._make_client(
            None if relay_trouble is None else WildRelay(store.peer(), self.random, relay_trouble)
        )
        self.clients = {name: self._child(self.root, name) for name in SECRETS}
        self.clients_there = {name: self._child(self.there, name) for name in SECRETS}
        self._add_handlers()

    def _make_client(self, relay: WildRelay | None) -> Craftkit:
        return Craftkit(
            "ck_test_root",
            transport=self.truth.transport,
            webhooks=self.random.choice(["auto", "expect", "off"]),
            relay=relay,
            polling=PollPolicy(net_first=2.0, net_max=5.0),
            retries=RetryPolicy(total=20.0),
            timeouts=Timeouts(request=4.0, wait=30.0, close=2.0, handler=5.0),
            limits=Limits(requests=4, first_requests=2),
        )

    @staticmethod
    def _child(root: Craftkit, name: str) -> Craftkit:
        return root.with_api_key(f"ck_test_{name}", project=name, webhook_secret=SECRETS[name])

    def _add_handlers(self) -> None:
        if self.random.random() < 0.5:
            before = self.random.choice([True, False, None])

            @self.root.inbox.on("*", before_answer=before)
            async def handle(_: object) -> None:
                kind = self.random.choice(["works", "works", "fails", "hangs", "is cancelled"])
                if kind == "fails":
                    raise ValueError
                if kind == "is cancelled":
                    raise asyncio.CancelledError
                await asyncio.sleep(1e6 if kind == "hangs" else self.random.random())

    # ---- what actors do

    async def run(self) -> None:
        """Play the history, and check it."""
        await self.root.__aenter__()
        await self.there.__aenter__()
        for _ in range(STEPS):
            step: Callable[[], Awaitable[None]] = self.random.choice(
                [
                    *[self.submit] * 3,
                    *[self.wait] * 4,
                    *[self.deliver] * 4,
                    self.cancel,
                    self.refresh,
                    self.drop_handles,
                    self.wait_elsewhere,
                    *[self.sleep] * 4,
                    *[self.close] * (self.random.random() < 0.3),
                ]
            )
            await step()
            self.check()
        await self.finish()

    async def submit(self) -> None:
        client = self.clients[self.random.choice("abc")]

        async def work() -> None:
            with suppress(CraftkitError):
                self.handles.append(await client.submit("t", {}, timeout=self.random.choice([1.0, 10.0])))

        self._start(work(), self.submits)

    async def wait(self) -> None:
        if self.handles:
            handle = self.random.choice(self.handles)
            self._begin_wait(handle.wait, handle.id, self.root)

    async def wait_elsewhere(self) -> None:
        """Wait in the other process, or by id."""
        if self.truth.renders:
            render = self.random.choice(list(self.truth.renders.values()))
            clients, root = self.random.choice([(self.clients, self.root), (self.clients_there, self.there)])
            client = clients[render.project]
            self._begin_wait(lambda timeout: client.wait(render.id, timeout=timeout), render.id, root)

    def _begin_wait(
        self,
        begin: Callable[..., Coroutine[Any, Any, Render]],
        render_id: str,
        root: Craftkit,
        timeout: float | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        timeout = timeout or self.random.choice([0.5, 3.0, 20.0, 60.0])
        task: asyncio.Task[Render] = loop.create_task(begin(timeout=timeout))
        wait = Wait(task, render_id, loop.time(), timeout, root)

        def note_end(_: object) -> None:
            wait.ended = loop.time()
            # Looked at, so that asyncio does not complain about waits that only closing ended.
            _ = task.cancelled() or task.exception()

        task.add_done_callback(note_end)
        self.waits.append(wait)

    async def deliver(self) -> None:
        """A webhook: in time, late, doubled, forged, or signed by another tenant; here or in the other process."""
        now = asyncio.get_running_loop().time()
        finished = self.truth.finished(now)
        if not finished:
            return
        render = self.random.choice(finished)
        secret = SECRETS[render.project] or "nobody's"
        secret = self.random.choice([secret, secret, secret, "forged", "secret-a", "secret-b"])
        inbox = self.random.choice([self.root, self.root, self.there]).inbox
        delivery = self.truth.delivery(render, secret)
        if secret != SECRETS[render.project]:
            # Nobody but the owner may be believed, so let it say the opposite.
            other = attrs.evolve(render, outcome="failed" if render.outcome == "succeeded" else "succeeded")
            delivery = self.truth.delivery(other, secret)

        async def receive() -> None:
            receipt = await inbox.receive(*delivery)
            _hold(receipt.status in (200, 401, 503), f"a delivery was answered {receipt.status}")

        for _ in range(self.random.choice([1, 1, 2])):
            self._start(receive(), self.others)

    async def cancel(self) -> None:
        """Cancel a caller, or the task around several waits."""
        pending = [wait for wait in self.waits if not wait.task.done()]
        if pending:
            for wait in self.random.sample(pending, min(len(pending), self.random.choice([1, 1, 3]))):
                wait.was_cancelled = True
                wait.task.cancel()
        running = [task for task in self.submits if not task.done()]
        if running and self.random.random() < 0.5:
            self.random.choice(running).cancel()

    async def refresh(self) -> None:
        if not self.handles:
            return
        handle = self.random.choice(self.handles)

        async def work() -> None:
            with suppress(CraftkitError):
                await handle.refresh(timeout=2.0)

        self._start(work(), self.others)

    async def drop_handles(self) -> None:
        self.handles = self.random.sample(self.handles, len(self.handles) // 2)

    async def sleep(self) -> None:
        await asyncio.sleep(self.random.choice([0.0, 0.05, 0.5, 3.0]))

    async def close(self) -> None:
        """Close the client, perhaps cancelled on the way, and open it again."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        closing = loop.create_task(self.root.aclose())
        if self.random.random() < 0.5:
            await asyncio.sleep(self.random.choice([0.0, 0.5, 1.5]))
            # Handlers that are drained may begin to wait themselves.
            await self.wait()
            await asyncio.sleep(0)
            closing.cancel()
        before = [wait for wait in self.waits if wait.client is self.root]
        await asyncio.wait([closing])
        await asyncio.sleep(0)
        self.closings.append((begun, loop.time()))
        stuck = [wait.render_id for wait in before if not wait.task.done()]
        _hold(not stuck, f"waits go on after closing: {stuck}")
        await self.root.aclose()
        await self.root.__aenter__()

    def _start(self, work: Coroutine[Any, Any, None], kept: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        kept.append(task) if isinstance(kept, list) else kept.add(task)

    # ---- what must hold

    def check(self) -> None:
        """After each step."""
        for wait in self.waits:
            if wait.task.done():
                self._check_end(wait)
        for handle in self.handles:
            truth = self.truth.renders[handle.id]
            status = str(handle.snapshot.status) if handle.snapshot is not None else None
            _hold(handle.source is None or status == truth.outcome, f"{handle!r} is complete, the truth is {truth}")
        for task in (*self.others, *self.submits):
            error = task.exception() if task.done() and not task.cancelled() else None
            _hold(error is None, f"{error!r} came out")
        strays = [(id, project) for id, project in self.truth.polls if self.truth.renders[id].project != project]  # noqa: A001 - the API's own word
        _hold(not strays, f"renders are asked for under the key of another project: {strays}")
        for client in (self.root, self.there):
            _hold(client.statistics().in_flight <= 4, "more requests are in flight than may be")

    def _check_end(self, wait: Wait) -> None:
        truth = self.truth.renders[wait.render_id]
        ended = wait.ended if wait.ended is not None else asyncio.get_running_loop().time()
        late = ended - wait.begun - wait.timeout
        _hold(late <= _TOLERANCE, f"a wait for {truth} ended {late:.3f} s late")
        if wait.task.cancelled():
            _hold(wait.was_cancelled, f"a wait for {truth} was cancelled, and nobody did it")
            return
        error = wait.task.exception()
        if isinstance(error, ClientStateError):
            closed = any(wait.begun <= end and ended >= begun for begun, end in self.closings)
            _hold(closed, f"a wait for {truth} failed with {error!r} on an open client")
        elif isinstance(error, WaitTimeoutError):
            _hold(late >= -_TOLERANCE, f"a wait for {truth} timed out early")
        else:
            _hold(error is None or isinstance(error, RenderFailedError), f"a wait for {truth} failed with {error!r}")
            said = "succeeded" if error is None else "failed"
            _hold(said == truth.outcome, f"a wait for {truth} ended as {said}")
            _hold(ended >= truth.finishes - 1e-9, f"a wait for {truth} ended before it, at {ended}")

    async def finish(self) -> None:
        """Let everything end on a network that works: nothing is left, and the counts add up."""
        self.truth.trouble = 0.0
        await asyncio.sleep(30.0)
        known = [handle for handle in self.handles if handle.source is None]
        for handle in known:
            self._begin_wait(handle.wait, handle.id, self.root, timeout=60.0)
        await asyncio.sleep(170.0)
        self.check()
        forgotten = [handle.id for handle in known if handle.source is None]
        _hold(not forgotten, f"waits found nothing on a network that works: {forgotten}")
        pending = [wait.render_id for wait in self.waits if not wait.task.done()]
        _hold(not pending, f"waits that never end: {pending}")
        self._check_counts()
        self.handles.clear()
        for client in (self.root, self.there):
            await client.aclose()
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        _hold(not left, f"tasks are left: {left}")
        gc.collect()
        for client in (self.root, self.there):
            entries, counts = len(client._waiting.completions.pending), client.statistics()
            is_empty = not (entries or counts.mailbox or counts.pending or counts.in_flight)
            _hold(is_empty, f"something is left: {entries} entries, {counts}")
        _hold(not self.truth.transport.in_flight, "replies are left unread")

    def _check_counts(self) -> None:
        ends = Counter(type(wait.task.exception()) for wait in self.waits if not wait.task.cancelled())
        counts = [client.statistics() for client in (self.root, self.there)]
        timed_out = sum(count.timed_out for count in counts)
        _hold(
            timed_out >= ends[WaitTimeoutError], f"{ends[WaitTimeoutError]} waits timed out, {timed_out} were counted"
        )
        _hold(
            sum(self.truth.polls.values()) >= sum(count.completed_by_poll for count in counts), "more ends than polls"
        )
        _hold(not any(count.pending or count.in_flight for count in counts), f"something goes on for nobody: {counts}")


def _hold(rule: bool, broken: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not rule:
        raise BrokenRuleError(broken)


def play(seed: int) -> None:
    """Play one history on virtual time; raises `BrokenRuleError` with the seed."""
    gc.freeze()
    try:
        # In a thread: what is thrown into a coroutine makes the tracing of Python 3.11 lose the frames below.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(_play_here, seed).result()
    except (Exception, asyncio.CancelledError) as error:
        raise BrokenRuleError(f"seed {seed}: {error!r}") from error
    finally:
        gc.unfreeze()


def _play_here(seed: int) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(History(seed).run())
