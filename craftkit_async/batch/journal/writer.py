"""Journal: writes rows to its file, in one thread off the loop, many in one transaction."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any

import attrs

from craftkit_async.batch.journal.file import JournalFile, Record
from craftkit_async.errors import CraftkitError

# A transaction and two changes of threads cost as much as writing some ten rows, and a render takes a hundred times
# as long as this.
_MOMENT = 0.01


@attrs.define(eq=False, repr=False)
class _Group:
    """What goes into one transaction, and who waits for it."""

    wanted: dict[str, tuple[Record, "asyncio.Future[Record | None]"]] = attrs.field(factory=dict)
    records: dict[str, Record] = attrs.field(factory=dict)
    written: list["asyncio.Future[None]"] = attrs.field(factory=list)

    def __bool__(self) -> bool:
        return bool(self.wanted or self.records)


class Journal:
    """One open journal; belongs to the loop that it was opened on.

    A thread writes one group of rows while the next one gathers here, so no row costs a transaction of its own and
    the loop never waits for the disk.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.namespace = ""
        self.failure: CraftkitError | None = None
        """Why nothing more is written, if something went wrong."""
        self._loop = loop
        self._gathering = _Group()
        self._is_busy = True
        self._groups: queue.SimpleQueue[_Group | None] = queue.SimpleQueue()
        self._ended: asyncio.Future[None] = loop.create_future()

    @classmethod
    async def open(cls, path: Path, namespace: str | None, on_path: Callable[[str], object]) -> "Journal":
        """Open a journal or begin one; `on_path` is called in the journal's thread with every saved document."""
        journal = cls(asyncio.get_running_loop())
        is_open: asyncio.Future[str] = journal._loop.create_future()
        # A daemon: a program that ends without closing its batch must not hang, and what was committed is in the file.
        threading.Thread(
            target=journal._work, args=(path, namespace, on_path, is_open), name="craftkit-journal", daemon=True
        ).start()
        try:
            journal.namespace = await asyncio.shield(is_open)
        except asyncio.CancelledError:
            await journal.aclose()
            raise
        journal._is_busy = False
        return journal

    async def begin(self, record: Record) -> Record | None:
        """Return what is known of a row; if that is nothing, this record is in the file when the call returns."""
        future: asyncio.Future[Record | None] = self._loop.create_future()
        self._gathering.wanted[record.key] = record, future
        self._hand_over()
        return await future

    def put(self, record: Record) -> None:
        """Write a record soon; of several of one row in a group, the last is written."""
        self._gathering.records[record.key] = record
        self._hand_over()

    async def write(self, record: Record) -> None:
        """Write a record, and wait until it is in the file."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._gathering.written.append(future)
        self.put(record)
        await future

    async def aclose(self) -> None:
        """Write what has gathered and close the file; a cancellation comes through when that is done."""
        self._groups.put(self._gathering)
        self._groups.put(None)
        cancelled: asyncio.CancelledError | None = None
        while not self._ended.done():
            try:
                await asyncio.wait([self._ended])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    # ---- on the loop

    def _hand_over(self) -> None:
        """Hand the records gathered by then to the thread shortly, unless it is still writing."""
        if not self._is_busy:
            self._is_busy = True
            self._loop.call_later(_MOMENT, self._hand_over_now)

    def _hand_over_now(self) -> None:
        self._groups.put(self._gathering)
        self._gathering = _Group()

    def _tell(self, group: _Group, known: dict[str, Record], failure: CraftkitError | None) -> None:
        """Pass on what came of a group, and hand over the next."""
        self.failure = self.failure or failure
        for key, (_, future) in group.wanted.items():
            _resolve(future, known.get(key), failure)
        for written in group.written:
            _resolve(written, None, failure)
        self._is_busy = False
        if self._gathering:
            self._hand_over()

    def _end(self) -> None:
        self._ended.set_result(None)

    # ---- in the thread

    def _work(
        self, path: Path, namespace: str | None, on_path: Callable[[str], object], is_open: "asyncio.Future[str]"
    ) -> None:
        try:
            file = JournalFile(path, namespace)
        except CraftkitError as error:
            self._call(is_open.set_exception, error)
            self._call(self._end)
            return
        for saved in file.paths():
            on_path(saved)
        self._call(is_open.set_result, file.namespace)
        while (group := self._groups.get()) is not None:
            self._call(self._tell, group, *_write(file, group))
        file.close()
        self._call(self._end)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        # The loop may be closed, and then nothing waits.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)


def _write(file: JournalFile, group: _Group) -> tuple[dict[str, Record], CraftkitError | None]:
    try:
        return file.exchange([record for record, _ in group.wanted.values()], group.records), None
    except CraftkitError as error:
        return {}, error


def _resolve(future: "asyncio.Future[Any]", value: Record | None, failure: CraftkitError | None) -> None:
    """Resolve a future whose waiter may have given up."""
    if not future.done():
        if failure is None:
            future.set_result(value)
        else:
            # A copy each: raising an error adds to its traceback.
            future.set_exception(copy(failure))
