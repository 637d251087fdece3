"""Pending renders: one entry per project and render id, and the waits for it.

The state of one render in this process:

- An entry is made by a submit, a handle or a wait. It belongs to them: the registry refers to it weakly while nobody
  waits, and holds it while somebody does. So no code has to say that a handle is no longer needed.
- A wait is a future of its own. Cancelling one never disturbs another, and no task or timer stands behind it.
- An entry is complete as soon as `source` is set. That happens once, in `Completions.complete`; whatever comes later is
  counted and dropped.
- Ids are looked up by project: two projects that use the same id have two entries.
"""

import asyncio
import weakref
from collections.abc import Awaitable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from craftkit_async._sansio.calls.call import TimeoutOption
from craftkit_async._sansio.webhooks.mailbox import Mailbox
from craftkit_async.errors import RenderFailedError
from craftkit_async.models.renders import Render

if TYPE_CHECKING:
    from craftkit_async._sansio.polling.pace import Pace
    from craftkit_async.options import Limits
    from craftkit_async.waiting.projects import Project


class Poller(Protocol):
    """Polls renders with the key of their project."""

    project: "Project"
    pace: "Pace"

    async def poll(self, id: str, limit: float) -> Render:
        """Ask the service once, within a limit."""
        ...

    async def refresh(self, entry: "Pending", timeout: TimeoutOption) -> Render:
        """Ask the service now, with all that a call of an operation does."""
        ...

    def begin_wait(self, entry: "Pending", timeout: TimeoutOption, key: str | None) -> Awaitable[Render]:
        """Return what to await until the render has finished."""
        ...

    def leave(self, waiter: "Waiter") -> None:
        """Note that a waiter gave up."""
        ...


class Pending:
    """All that is known here of one render. A hundred thousand of them may be open, so every field is counted."""

    __slots__ = (
        "__weakref__",
        "born",
        "due",
        "failures",
        "id",
        "polled",
        "poller",
        "slot",
        "snapshot",
        "source",
        "template",
        "waiters",
    )

    def __init__(self, id: str, poller: Poller, template: str | None, born: int | None) -> None:
        self.id = id
        self.poller = poller
        self.template = template
        """None for an id from elsewhere."""
        self.born = born
        """The tick of its submit's answer, or of the first poll; None before that poll."""
        self.polled = born
        """The tick at which it was last seen; None for an id from elsewhere that was not polled yet."""
        self.snapshot: Render | None = None
        self.source: str | None = None
        """How the render was learned to have finished; None until then."""
        self.waiters: Waiter | dict[Waiter, None] | None = None
        """One or none costs no dictionary; of many, each joins and leaves at the same cost."""
        self.failures = 0
        """Polls that failed since the last good one."""
        self.due: int | None = None
        self.slot = 0

    def all_waiters(self) -> "list[Waiter]":
        """List who waits."""
        if isinstance(self.waiters, dict):
            return list(self.waiters)
        return [] if self.waiters is None else [self.waiters]

    def join(self, waiter: "Waiter") -> None:
        """Add a waiter."""
        if self.waiters is None:
            self.waiters = waiter
        elif isinstance(self.waiters, dict):
            self.waiters[waiter] = None
        else:
            self.waiters = {self.waiters: None, waiter: None}

    def part(self, waiter: "Waiter") -> bool:
        """Remove a waiter; is anybody left?"""
        if isinstance(self.waiters, dict):
            self.waiters.pop(waiter, None)
            if self.waiters:
                return True
            self.waiters = None
        elif self.waiters is waiter:
            self.waiters = None
        return self.waiters is not None


class Waiter(asyncio.Future[Render]):
    """The future of one wait. Each has its own, so that cancelling one never disturbs another.

    It is awaited as it is, without a coroutine of ours around it, and leaves by itself when it is cancelled. It is its
    own iterator, where other futures make one: so it costs less, and learns when a coroutine that awaits it is closed.
    """

    __slots__ = ("deadline", "entry")

    key: str | None = None
    """The idempotency key of the submit, for the error."""

    def __init__(self, entry: Pending, deadline: int | None, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.entry = entry
        self.deadline = deadline
        """The tick at which it times out; None is never."""

    def cancel(self, msg: Any = None) -> bool:
        """Give up."""
        if not super().cancel(msg):
            return False
        self.entry.poller.leave(self)
        return True

    def __await__(self) -> Generator[Any, None, Render]:
        return self  # type: ignore[return-value]  # an iterator is all that `await` needs

    def __next__(self) -> "Waiter":
        if self.done():
            raise StopIteration(self.result())
        self._asyncio_future_blocking = True
        return self

    def close(self) -> None:
        """Leave: the coroutine that awaits this was closed instead of cancelled."""
        self.entry.poller.leave(self)

    def finish(self, render: Render) -> None:
        """Hand over how the render finished."""
        if render.is_succeeded:
            self.set_result(render)
        else:
            self.fail(RenderFailedError(_describe_failure(render), render))

    def fail(self, error: Exception) -> None:
        """Hand over an error."""
        if self.done():
            # An observer that was told of the completion ended the wait itself.
            return
        self.set_exception(error)
        # A task that is cancelled at this very moment never retrieves it; asyncio would complain about that.
        self.exception()


class KeyedWaiter(Waiter):
    """A waiter that knows the idempotency key; the others do without the field."""

    __slots__ = ("key",)


class _Held(weakref.ref[Pending]):
    """What the registry holds of an entry that nobody waits for."""

    __slots__ = ("id",)

    id: str


_Holder = Pending | _Held


class PendingRenders:
    """The entries by project and render id, and the mailbox for deliveries about ids that have none yet."""

    def __init__(self, limits: "Limits") -> None:
        self.mailbox = Mailbox(limits.mailbox, limits.mailbox_age)
        self.waited = 0
        """Entries that somebody waits for."""
        # Hardly ever have two projects the same id, so only then there is a list.
        self._entries: dict[str, _Holder | list[_Holder]] = {}
        self.knows = self._entries.__contains__
        """May an id have an entry? Most that webhooks bring to one worker of several have none."""

    def find(self, project: "Project", id: str) -> Pending | None:
        """Return the entry of an id in a project, if there is one."""
        return next((entry for entry in self.find_all(id) if entry.poller.project is project), None)

    def find_all(self, id: str) -> Sequence[Pending]:
        """Return the entries of an id in all projects."""
        found = self._entries.get(id)
        if type(found) is _Held:
            entry = found()
            return () if entry is None else (entry,)
        if isinstance(found, list):
            return [entry for holder in found if (entry := _entry_of(holder)) is not None]
        return () if found is None else (cast("Pending", found),)

    def open(self, id: str, poller: Poller, template: str | None = None, born: int | None = None) -> Pending:
        """Return the entry of an id in the project of a poller, made now if there is none."""
        entry = self.find(poller.project, id)
        if entry is None:
            entry = Pending(id, poller, template, born)
            self._hold_weakly(entry)
        if entry.template is None and template is not None:
            entry.template, entry.born, entry.polled = template, born, born
        return entry

    def join(self, entry: Pending, waiter: Waiter) -> None:
        """Add a waiter; from the first one on the registry holds the entry itself."""
        if entry.waiters is None:
            self.waited += 1
            self._set(entry, entry)
        entry.join(waiter)

    def part(self, waiter: Waiter) -> None:
        """Remove a waiter; after the last one the registry holds the entry weakly."""
        entry = waiter.entry
        if entry.waiters is not None and not entry.part(waiter):
            self._release(entry)

    def empty(self, entry: Pending) -> list[Waiter]:
        """Remove all waiters, and return them."""
        waiters = entry.all_waiters()
        if waiters:
            entry.waiters = None
            self._release(entry)
        return waiters

    def __iter__(self) -> Iterator[Pending]:
        return iter([entry for known in list(self._entries) for entry in self.find_all(known)])

    def __len__(self) -> int:
        return len(self._entries)

    def _holders(self, id: str) -> "list[_Holder]":
        found = self._entries.get(id)
        if found is None:
            return []
        return found if isinstance(found, list) else [found]

    def _release(self, entry: Pending) -> None:
        self.waited -= 1
        self._hold_weakly(entry)

    def _hold_weakly(self, entry: Pending) -> None:
        held = _Held(entry, self._forget)
        held.id = entry.id
        self._set(entry, held)

    def _set(self, entry: Pending, holder: _Holder) -> None:
        """Hold an entry in this way from now on, beside those of other projects."""
        others = [other for other in self._holders(entry.id) if _entry_of(other) not in (entry, None)]
        self._entries[entry.id] = [*others, holder] if others else holder

    def _forget(self, held: _Held) -> None:
        """An entry is gone; others of the same id stay."""
        others = [other for other in self._holders(held.id) if other is not held]
        if len(others) > 1:
            self._entries[held.id] = others
        elif others:
            self._entries[held.id] = others[0]
        else:
            self._entries.pop(held.id, None)


def _entry_of(holder: _Holder) -> Pending | None:
    return holder() if isinstance(holder, _Held) else holder


def _describe_failure(render: Render) -> str:
    reason = f": {render.error_message}" if render.error_message else ""
    return f"render {render.id} finished as {str(render.status) or 'nothing'}{reason}"
