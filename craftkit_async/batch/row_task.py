"""Row task: one row, from its record in the journal to its document."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from math import inf
from pathlib import Path
from typing import NamedTuple, TypeVar

import attrs

from craftkit_async._io.files import on_disk
from craftkit_async._sansio.calls.render_request import RenderRequest
from craftkit_async.batch.figures.tally import Tally
from craftkit_async.batch.journal.file import FAILED, SAVED, SUBMITTED, SUCCEEDED, Record
from craftkit_async.batch.journal.row_errors import describe, is_settled, may_wait, restore, retry_delay
from craftkit_async.batch.journal.writer import Journal
from craftkit_async.batch.options import BatchOptions
from craftkit_async.batch.rows.keys import Row, derive
from craftkit_async.batch.rows.requests import Outcome
from craftkit_async.errors import CraftkitError, JournalError, RenderFailedError
from craftkit_async.models.renders import Render, RenderStatus
from craftkit_async.observe.statistics import Statistics
from craftkit_async.resources.renders import Renders
from craftkit_async.waiting.handle import RenderHandle
from craftkit_async.waiting.session import RenderSession

Result = TypeVar("Result")

# A row whose time is over submits no more; what takes no time at all is no limit of a submit.
_NO_TIME = 0.001


class Service(NamedTuple):
    """What a batch needs of its client."""

    session: RenderSession
    renders: Renders
    statistics: Callable[[], Statistics]
    attempts: int
    """How often one call is sent at most."""


@attrs.define(eq=False, repr=False)
class _State:
    """How far a row has come."""

    request: RenderRequest
    deadline: float
    record: Record
    render: Render | None = None
    handle: RenderHandle | None = None
    is_known: bool = False
    """Did the journal have the result?"""
    path: Path | None = None

    @property
    def source(self) -> str | None:
        """Who brought the result."""
        if self.is_known:
            return "journal"
        return None if self.handle is None else self.handle.source


class RowTask:
    """Runs rows until each has an outcome; an error is part of the outcome."""

    def __init__(
        self, service: Service, options: BatchOptions, namespace: str, journal: Journal | None, tally: Tally
    ) -> None:
        self._service = service
        self._options = options
        self._namespace = namespace
        self._journal = journal
        self._tally = tally
        self._now = asyncio.get_running_loop().time

    async def run(self, row: Row) -> Outcome:
        """Do all that a row needs, and say what came of it."""
        start = self._now()
        outcome = await self._run(row, start)
        self._tally.count(outcome, self._now() - start)
        return outcome

    async def _run(self, row: Row, start: float) -> Outcome:
        if row.snapshot is None:
            return Outcome(row.index, row.request, error=row.error)
        record = Record(row.key, row.digest, 1, SUBMITTED, row.snapshot.idempotency_key or row.idempotency_key)
        deadline = start + (inf if self._options.timeout is None else self._options.timeout)
        state = _State(row.snapshot, deadline, record)
        error: CraftkitError | None = None
        try:
            await self._bring(state, row)
        except CraftkitError as failure:
            error = failure
        return Outcome(row.index, row.request, state.render, error, state.record.attempt, state.source, state.path)

    async def _bring(self, state: _State, row: Row) -> None:
        if self._journal is not None:
            await self._recall(self._journal, state)
        if await self._is_there(state):
            return
        if state.record.state == SUBMITTED:
            render = await self._resolve(state)
        else:
            render = await self._fetch(state)
        state.render = render
        if self._options.download_to is not None:
            name = state.record.path or row.filename
            target = self._options.download_to / name
            state.path = await self._call_persistently(state, lambda _: self._service.renders.download(render, target))
            self._note(state, state.record._replace(state=SAVED, path=name))

    # ---- the journal

    async def _recall(self, journal: Journal, state: _State) -> None:
        """Go on where an earlier run stopped."""
        fresh = state.record
        known = await journal.begin(fresh)
        if known is None:
            return
        state.record = known
        if (known.hash != fresh.hash and not self._keeps(known)) or (
            known.state == FAILED and self._options.retry_failed
        ):
            await self._begin_attempt(journal, state, fresh)
        elif known.state == FAILED:
            state.is_known = True
            state.render = None if known.render_id is None else Render(known.render_id)
            raise restore(known.error, known.render_id)

    def _keeps(self, known: Record) -> bool:
        """Is the earlier result of a row kept although its data has changed?"""
        if self._options.on_changed == "error":
            raise JournalError(
                "the journal knows this row with other data; on_changed='render' renders the new data,"
                " and 'keep' keeps what was rendered"
            )
        return self._options.on_changed == "keep" and known.render_id is not None

    async def _begin_attempt(self, journal: Journal, state: _State, fresh: Record) -> None:
        """Begin another attempt under an unused key, written to the journal before anything is sent."""
        attempt = state.record.attempt + 1
        key = derive(self._namespace, state.request, fresh.key, attempt)
        state.record = fresh._replace(attempt=attempt, idempotency_key=key)
        await journal.write(state.record)

    def _note(self, state: _State, record: Record) -> None:
        state.record = record
        if self._journal is not None:
            self._journal.put(record)

    # ---- what an earlier run has done

    async def _is_there(self, state: _State) -> bool:
        """Is there nothing left to do?"""
        record, folder = state.record, self._options.download_to
        if record.state not in {SUCCEEDED, SAVED} or record.render_id is None:
            return False
        state.is_known = True
        state.render = Render(record.render_id, RenderStatus.SUCCEEDED)
        if folder is None:
            return True
        if record.path is None or not await on_disk((folder / record.path).is_file):
            return False
        state.path = folder / record.path
        return True

    async def _fetch(self, state: _State) -> Render:
        """Read a render that finished in an earlier run, for its address."""
        render_id = state.record.render_id or ""
        state.is_known = True
        return await self._call_persistently(state, lambda _: self._service.renders.get(render_id))

    # ---- the render

    async def _resolve(self, state: _State) -> Render:
        """Submit a row unless it was submitted before, and wait until its render has finished."""
        try:
            state.handle = await self._submit(state)
            begun = self._now()
            state.render = state.handle.snapshot or Render(state.handle.id)
            render = await state.handle.wait(timeout=self._time_left(state))
        except CraftkitError as error:
            if isinstance(error, RenderFailedError):
                state.render = error.render
            if is_settled(error):
                self._note(state, state.record._replace(state=FAILED, error=describe(error)))
            raise
        self._tally.count_render(render, self._now() - begun)
        self._note(state, state.record._replace(state=SUCCEEDED))
        return render

    async def _submit(self, state: _State) -> RenderHandle:
        record, request = state.record, state.request
        if record.render_id is not None:
            return self._service.session.attach(record.render_id)
        keyed = attrs.evolve(request, idempotency_key=record.idempotency_key)
        handle = await self._call_persistently(
            state,
            lambda timeout: self._service.session.submit(keyed, timeout if timeout is None else max(timeout, _NO_TIME)),
        )
        self._note(state, record._replace(render_id=handle.id))
        return handle

    async def _call_persistently(self, state: _State, call: Callable[[float | None], Awaitable[Result]]) -> Result:
        """Call until it works or the error is final: a row outlasts a rate limit or outage that ends a single call."""
        tries = 0
        while True:
            try:
                return await call(self._time_left(state))
            except CraftkitError as error:
                delay = retry_delay(error, tries, random.random())  # noqa: S311 - it spreads load, no more
                if not may_wait(error, self._service.attempts) or self._now() + delay > state.deadline:
                    raise
            tries += 1
            await asyncio.sleep(delay)

    def _time_left(self, state: _State) -> float | None:
        return None if state.deadline == inf else max(0.0, state.deadline - self._now())
