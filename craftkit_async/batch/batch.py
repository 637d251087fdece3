"""Batch: many renders as one asynchronous iterator of outcomes."""

import weakref
from types import TracebackType
from typing import Self

from craftkit_async.batch.figures.report import BatchReport
from craftkit_async.batch.rows.requests import Outcome
from craftkit_async.batch.run import Run


class Batch:
    """Iterates over the outcomes of a batch, one for each row of its input.

    Nothing is read before the first outcome is asked for, or before `async with` is entered. Leaving `async with`
    stops everything at once; so does leaving a bare `async for`, as soon as nothing refers to the batch any more.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._is_closed = False
        # The tasks refer to the run and not to the batch, so a batch that is dropped can stop them.
        weakref.finalize(self, run.abandon).atexit = False

    @property
    def report(self) -> BatchReport:
        """What was done so far."""
        return self._run.report()

    async def aclose(self) -> None:
        """Stop reading and cancel the rows in flight. Idempotent."""
        self._is_closed = True
        await self._run.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome:
        outcome = None if self._is_closed else await self._run.take()
        if outcome is None:
            raise StopAsyncIteration
        return outcome

    async def __aenter__(self) -> Self:
        self._run.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
