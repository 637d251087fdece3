"""RenderSession: submit a render, wait for it, or both, with the key of one project."""

from collections.abc import Awaitable
from math import inf
from typing import Any

from craftkit_async._io.sender import Sender, check_timeout
from craftkit_async._sansio.calls.call import OMITTED, TimeoutOption
from craftkit_async._sansio.calls.render_request import RenderRequest
from craftkit_async.errors import CraftkitError, TransportTimeoutError, WaitTimeoutError
from craftkit_async.models.renders import Render
from craftkit_async.observe.reports import report_timeout
from craftkit_async.resources.renders import GET_RENDER, Renders
from craftkit_async.resources.templates import Submission, submit_render
from craftkit_async.waiting.completions import Completions
from craftkit_async.waiting.handle import RenderHandle
from craftkit_async.waiting.pending import KeyedWaiter, Pending, Waiter
from craftkit_async.waiting.projects import Membership


class RenderSession:
    """Submits and waits with one key; what is pending is shared with the client's children."""

    __slots__ = ("_completions", "_membership", "_renders", "_sender", "pace", "project")

    def __init__(self, completions: Completions, sender: Sender, membership: Membership) -> None:
        self.project = membership.project
        self.pace = completions.pace
        # Keeps the secrets that the client brought along for as long as somebody waits.
        self._membership = membership
        self._completions = completions
        self._sender = sender
        self._renders = Renders(sender)

    async def submit(self, request: RenderRequest, timeout: TimeoutOption = OMITTED) -> RenderHandle:
        """Submit a render and return as soon as it has an id."""
        limit = OMITTED if timeout is OMITTED else check_timeout(timeout)
        entry, submission = await self._submit(request, limit)
        return RenderHandle(entry, request.template, submission.idempotency_key, replayed=submission.replayed)

    async def render(self, request: RenderRequest, timeout: TimeoutOption = OMITTED) -> Render:
        """Submit a render and wait until it has finished; `timeout` bounds both together."""
        limit = self._completions.runtime.settings.timeouts.wait if timeout is OMITTED else check_timeout(timeout)
        loop = self._completions.runtime.check()
        start = loop.time()
        entry, submission = await self._submit(request, limit)
        # However late the submit was answered, every wait has one poll.
        left = None if limit is None else max(limit - (loop.time() - start), 0.0)
        return await self.begin_wait(entry, left, submission.idempotency_key)

    async def wait(self, render_id: str, *, timeout: TimeoutOption = OMITTED) -> Render:
        """Wait for a render by its id, wherever it was submitted."""
        return await self._begin_wait_by_id(render_id, timeout)

    def attach(self, render_id: str) -> RenderHandle:
        """Make a handle from an id; no request is sent until somebody waits."""
        return RenderHandle(self._enter(render_id))

    # ---- for handles, waiters and the scheduler

    def begin_wait(self, entry: Pending, timeout: TimeoutOption, key: str | None) -> Awaitable[Render]:
        """Return what to await until the render has finished."""
        loop = self._completions.runtime.check()
        limit = self._read_limit(timeout)
        if limit == 0:
            return self._poll_once(entry, key)
        deadline = self._completions.scheduler.deadline_after(limit)
        waiter = (Waiter if key is None else KeyedWaiter)(entry, deadline, loop)
        if key is not None:
            waiter.key = key
        if entry.source is not None and entry.snapshot is not None:
            waiter.finish(entry.snapshot)
        else:
            self._completions.pending.join(entry, waiter)
            self._completions.scheduler.watch(entry, waiter)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Remove a waiter; after the last one the polls stop."""
        self._completions.pending.part(waiter)
        if waiter.entry.waiters is None:
            self._completions.scheduler.drop(waiter.entry)

    async def poll(self, id: str, limit: float) -> Render:
        """Ask the service once, within a limit; other calls take slots first."""
        answer: Any = await self._sender.send(GET_RENDER.call(id=id), resend=False, yields=True, time_left=limit)
        render: Render = answer.value
        return render

    async def refresh(self, entry: Pending, timeout: TimeoutOption) -> Render:
        """Ask the service now; a final state is never downgraded."""
        render = await self._renders.get(entry.id, timeout=timeout)
        known = entry.snapshot
        if entry.source is None or known is None:
            self._completions.scheduler.apply(entry, render)
        elif render.is_final and render.status == known.status:
            # The same end again, perhaps with a new address of its document.
            entry.snapshot = render
        return entry.snapshot or render

    async def _poll_once(self, entry: Pending, key: str | None) -> Render:
        scheduler = self._completions.scheduler
        if entry.source is None:
            try:
                scheduler.apply(entry, await scheduler.poll_now(entry))
            except CraftkitError as error:
                if scheduler.note_failure(entry, error):
                    raise
        if entry.source is None or entry.snapshot is None:
            raise scheduler.give_up(entry, key)
        waiter = Waiter(entry, None, self._completions.runtime.check())
        waiter.finish(entry.snapshot)
        return await waiter

    def _begin_wait_by_id(self, render_id: str, timeout: TimeoutOption) -> Awaitable[Render]:
        # Apart, so that the frame of each waiting task is as small as can be.
        return self.begin_wait(self._enter(render_id), timeout, None)

    # ---- submitting

    async def _submit(self, request: RenderRequest, limit: TimeoutOption) -> tuple[Pending, Submission]:
        """Submit within a limit for all attempts together; what overtakes the answer is kept meanwhile."""
        loop = self._completions.runtime.check()
        start = loop.time()
        mailbox = self._completions.pending.mailbox
        number = mailbox.begin(self.project.key)
        try:
            submission = await submit_render(self._sender, request, time_left=self._time_left(limit))
            return self._take_in(submission, request.template), submission
        except TransportTimeoutError as error:
            if not error.ended_call:
                raise
            raise self._never_answered(error, loop.time() - start) from error
        finally:
            mailbox.end(self.project.key, number)

    def _take_in(self, submission: Submission, template: str) -> Pending:
        """Open the entry of a submit that was just answered."""
        completions, render = self._completions, submission.render
        entry = completions.pending.open(render.id, self, template, completions.scheduler.now())
        overtaking = completions.pending.mailbox.take(self.project.key, render.id)
        if overtaking is not None:
            completions.complete(entry, *overtaking)
        elif entry.source is None:
            completions.scheduler.apply(entry, render, "replay" if submission.replayed else "poll")
        if entry.source is None:
            completions.ask_relay(entry)
        return entry

    def _time_left(self, limit: TimeoutOption) -> float:
        """Bound a submit where its retries are not bounded more tightly anyway, which costs nothing."""
        settings = self._completions.runtime.settings
        if limit is OMITTED or limit is None:
            return inf
        own = (settings.retries.total, settings.timeouts.request)
        return limit if None in own or limit < sum(part for part in own if part is not None) else inf

    def _never_answered(self, error: TransportTimeoutError, elapsed: float) -> WaitTimeoutError:
        runtime = self._completions.runtime
        runtime.statistics.timed_out += 1
        if observers := runtime.settings.observers:
            report_timeout(observers, None, error.idempotency_key, elapsed)
        return WaitTimeoutError(
            "the submit was not answered in time; submit again with the same idempotency key to find its render",
            None,
            error.idempotency_key,
        )

    def _enter(self, render_id: str) -> Pending:
        # Refuses an invalid id.
        GET_RENDER.call(id=render_id)
        return self._completions.pending.open(render_id, self)

    def _read_limit(self, timeout: TimeoutOption) -> float | None:
        return self._completions.runtime.settings.timeouts.wait if timeout is OMITTED else check_wait(timeout)


def check_wait(timeout: object) -> float | None:
    """Return the limit of a wait, or refuse an invalid one; 0 polls once."""
    return 0.0 if timeout == 0 and not isinstance(timeout, bool) else check_timeout(timeout)
