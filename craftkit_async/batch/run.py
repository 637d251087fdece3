"""Run: reads rows, begins as many as may be open, and hands their outcomes on."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any

from craftkit_async._io.files import on_disk
from craftkit_async._sansio.calls.render_request import RenderRequest
from craftkit_async.batch.backpressure import Slots
from craftkit_async.batch.figures.report import BatchReport
from craftkit_async.batch.figures.tally import Tally
from craftkit_async.batch.journal.writer import Journal
from craftkit_async.batch.options import BatchOptions
from craftkit_async.batch.row_task import RowTask, Service
from craftkit_async.batch.rows.keys import KeyedRows, Row, random_namespace
from craftkit_async.batch.rows.requests import BadRow, Outcome

Requests = Iterable[RenderRequest | BadRow] | AsyncIterable[RenderRequest | BadRow]

# After so many rows the loop gets its turn, even if neither the input nor the consumer ever waits.
_ROWS_AT_ONCE = 32

_OVER = object()


class Run:
    """One run of a batch: a task that reads, one for each open row, and the outcomes that were not taken yet."""

    def __init__(self, requests: Requests, service: Service, options: BatchOptions) -> None:
        self._requests = requests
        self._service = service
        self._options = options
        self._slots = Slots(options.concurrency)
        self._tally = Tally()
        self._outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue()
        # Outcomes that came before their turn.
        self._early: dict[int, Outcome] = {}
        self._next = self._begun = 0
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._before = service.statistics()
        self._start = self._end = 0.0

    # ---- for the batch

    async def take(self) -> Outcome | None:
        """Return the next outcome, or None after the last; what the input raised comes after all outcomes."""
        self.begin()
        outcome = await self._outcomes.get()
        if outcome is not None:
            self._slots.hand_on()
            return outcome
        self._outcomes.put_nowait(None)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return None

    def begin(self) -> None:
        """Begin to read, once."""
        if self._task is None:
            self._loop = asyncio.get_running_loop()
            self._before, self._start = self._service.statistics(), self._loop.time()
            self._task = self._loop.create_task(self._run())
            self._task.add_done_callback(self._finish)

    async def aclose(self) -> None:
        """Stop at once; a row that was submitted stays with the journal, and with the service."""
        self.abandon()
        if self._task is not None:
            await asyncio.wait([self._task])

    def abandon(self) -> None:
        """Stop soon; may be called from anywhere."""
        if self._task is not None and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    def report(self) -> BatchReport:
        """Return the figures of this moment."""
        now = self._end or (self._loop.time() if self._loop is not None else 0.0)
        return self._tally.report(now - self._start, self._begun, self._before, self._service.statistics())

    # ---- the tasks

    async def _run(self) -> None:
        """Run from the first row to the last."""
        options = self._options
        intake = KeyedRows(is_journaled=options.journal is not None, is_saved=options.download_to is not None)
        journal: Journal | None = None
        try:
            if options.download_to is not None:
                await on_disk(options.download_to.mkdir, 0o777, True, True)  # noqa: FBT003 - parents and exist_ok
            if options.journal is not None:
                journal = await Journal.open(options.journal, options.namespace, intake.reserve)
            intake.namespace = journal.namespace if journal else options.namespace or random_namespace()
            row_task = RowTask(self._service, options, intake.namespace, journal, self._tally)
            async with asyncio.TaskGroup() as group:
                self._failure = await self._read(intake, row_task, group)
        finally:
            intake.close()
            if journal is not None:
                await journal.aclose()
                self._failure = self._failure or journal.failure

    def _finish(self, task: "asyncio.Task[None]") -> None:
        """Pass the end of the run to the iterator; one that was asked for is no failure."""
        self._end = task.get_loop().time()
        error = None if task.cancelled() else task.exception()
        # Only the caller's own code can break a row; of several broken rows, the first error is raised.
        first = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
        self._failure = first or self._failure
        self._outcomes.put_nowait(None)

    async def _read(self, intake: KeyedRows, row_task: RowTask, group: asyncio.TaskGroup) -> BaseException | None:
        """Read the whole input; what it raises is raised after the rows in flight are finished."""
        advance = _reader(self._requests)
        while True:
            await self._slots.take()
            try:
                item = await advance()
            except (Exception, asyncio.CancelledError) as error:
                if _is_cancelled():
                    raise
                self._slots.finish()
                return error
            if item is _OVER:
                self._slots.finish()
                return None
            group.create_task(self._bring(row_task, intake.admit(self._begun, item)))
            self._begun += 1
            if self._begun % _ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _bring(self, row_task: RowTask, row: Row) -> None:
        outcome = await row_task.run(row)
        self._slots.finish()
        if not self._options.ordered:
            self._outcomes.put_nowait(outcome)
            return
        self._early[row.index] = outcome
        while (ready := self._early.pop(self._next, None)) is not None:
            self._outcomes.put_nowait(ready)
            self._next += 1


def _is_cancelled() -> bool:
    """Is the running task itself cancelled, and not only something that it awaits?"""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _reader(requests: Requests) -> Callable[[], Awaitable[Any]]:
    """Return what gives the next item, and `_OVER` after the last."""
    if isinstance(requests, AsyncIterable):
        items = aiter(requests)

        async def advance() -> Any:
            return await anext(items, _OVER)

        return advance
    rows = iter(requests)

    async def advance_now() -> Any:
        return next(rows, _OVER)

    return advance_now
