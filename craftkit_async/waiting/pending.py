"""Pending renders: one entry per render id, and whoever waits for it; the first answer wins."""

import asyncio
import weakref
from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from craftkit_async._sansio.calls.call import TimeoutOption
from craftkit_async._sansio.webhooks.mailbox import Mailbox
from craftkit_async.errors import RenderFailedError
from craftkit_async.models.renders import Render

if TYPE_CHECKING:
    from craftkit_async.options import Limits


class Looker(Protocol):
    """Somebody who can look at a render with the key that it belongs to."""

    credential: object
    """What tells one project from another."""

    async def look(self, id: str) -> Render:
        """Ask the service once."""
        ...

    async def refresh(self, entry: "Pending", timeout: TimeoutOption) -> Render:
        """Ask the service now, with all that a call of an operation does."""
        ...

    def begin_wait(self, entry: "Pending", timeout: TimeoutOption, key: str | None) -> Awaitable[Render]:
        """Return what to await for the end of a render."""
        ...

    def leave(self, waiter: "Waiter") -> None:
        """Note that a waiter gave up."""
        ...


class Pending:
    """All that is known here of one render. A hundred thousand of them may be open, so every field is counted.

    It belongs to its handles and its waiters, and is gone with the last of them.
    """

    __slots__ = (
        "__weakref__",
        "born",
        "due",
        "failures",
        "id",
        "looked",
        "looker",
        "place",
        "snapshot",
        "source",
        "template",
        "waiters",
    )

    def __init__(self, id: str, looker: Looker, template: str | None, born: int | None) -> None:
        self.id = id
        self.looker = looker
        self.template = template
        """None for an id from elsewhere."""
        self.born = born
        """The tick of its submit's answer, or of the first look; None before that look."""
        self.looked = born
        """The tick at which it was last seen; None for an id from elsewhere that was not looked at yet."""
        self.snapshot: Render | None = None
        self.source: str | None = None
        """How its end became known; None until then."""
        self.waiters: Waiter | list[Waiter] | None = None
        """One or none costs no list."""
        self.failures = 0
        """Looks that failed since the last good one."""
        self.due: int | None = None
        self.place = 0

    def everybody(self) -> "list[Waiter]":
        """List who waits."""
        if isinstance(self.waiters, list):
            return self.waiters.copy()
        return [] if self.waiters is None else [self.waiters]

    def join(self, waiter: "Waiter") -> None:
        """Let one more wait."""
        if self.waiters is None:
            self.waiters = waiter
        else:
            self.waiters = [*self.everybody(), waiter]

    def part(self, waiter: "Waiter") -> bool:
        """Let one wait no longer; is anybody left?"""
        rest = [other for other in self.everybody() if other is not waiter]
        self.waiters = rest[0] if len(rest) == 1 else rest or None
        return bool(rest)


class Waiter(asyncio.Future[Render]):
    """The future of one who waits. Each has its own, so that cancelling one never disturbs another.

    It is awaited as it is, without a coroutine of ours around it, and gives way by itself when it is cancelled.
    """

    __slots__ = ("deadline", "entry")

    key: str | None = None
    """The idempotency key of the submit, for whoever reads the error."""

    def __init__(self, entry: Pending, deadline: int | None, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.entry = entry
        self.deadline = deadline
        """The tick at which it gives up; None is never."""

    def cancel(self, msg: Any = None) -> bool:
        """Give up."""
        if not super().cancel(msg):
            return False
        self.entry.looker.leave(self)
        return True

    def finish(self, render: Render) -> None:
        """Hand over how the render ended."""
        if render.is_succeeded:
            self.set_result(render)
        else:
            self.fail(RenderFailedError(_describe(render), render))

    def fail(self, error: Exception) -> None:
        """Hand over an error."""
        if self.done():
            # An observer that was told of the end ended the wait itself.
            return
        self.set_exception(error)
        # Whoever is cancelled in this very moment never asks for it; asyncio would complain that nobody did.
        self.exception()


class KeyedWaiter(Waiter):
    """One who knows the key; the others do without the field."""

    __slots__ = ("key",)


class _Held(weakref.ref[Pending]):
    """What the registry holds of an entry that nobody waits for."""

    __slots__ = ("id",)

    id: str


class PendingRenders:
    """The entries by render id, and the mailbox for those that have none yet.

    An entry that somebody waits for is held as it is; one that only has a handle is held weakly.
    """

    def __init__(self, limits: "Limits") -> None:
        self.mailbox = Mailbox(limits.mailbox, limits.mailbox_age)
        self.waited = 0
        """Entries that somebody waits for."""
        self._entries: dict[str, Pending | _Held] = {}
        self.knows = self._entries.__contains__
        """May an id have an entry? Most that webhooks bring to one worker of several have none."""
        # Those that somebody waits for although their id leads to another entry.
        self._apart: set[Pending] = set()

    def find(self, id: str) -> Pending | None:
        """Return the entry of an id, if there is one."""
        found = self._entries.get(id)
        return found() if isinstance(found, _Held) else found

    def open(self, id: str, looker: Looker, template: str | None = None, born: int | None = None) -> Pending:
        """Return the entry of an id, made now if there is none.

        An id of another project is not shared: its entry is left out of the registry and hears only what its own
        key may see, unless the id is new and our own submit has just brought it.
        """
        entry = self.find(id)
        is_ours = entry is None or entry.looker.credential == looker.credential
        if entry is None or not is_ours:
            entry = Pending(id, looker, template, born)
            if is_ours or template is not None:
                self._displace(id)
                self._hold(entry)
        if entry.template is None and template is not None:
            entry.template, entry.born, entry.looked = template, born, born
        return entry

    def join(self, entry: Pending, waiter: Waiter) -> None:
        """Let somebody wait; the first one makes the registry hold the entry itself."""
        if entry.waiters is None:
            self.waited += 1
            # A handle may have outlived the registry that it was made in.
            if self.find(entry.id) in (entry, None):
                self._entries[entry.id] = entry
            else:
                self._apart.add(entry)
        entry.join(waiter)

    def part(self, waiter: Waiter) -> None:
        """Let somebody wait no longer; the last one makes the registry hold the entry weakly."""
        entry = waiter.entry
        if entry.waiters is not None and not entry.part(waiter):
            self._release(entry)

    def empty(self, entry: Pending) -> list[Waiter]:
        """Let nobody wait any more, and return who did."""
        waiters = entry.everybody()
        if waiters:
            entry.waiters = None
            self._release(entry)
        return waiters

    def __iter__(self) -> Iterator[Pending]:
        found = [self.find(key) for key in list(self._entries)]
        return (entry for entry in (*found, *self._apart) if entry is not None)

    def __len__(self) -> int:
        return len(self._entries)

    def _release(self, entry: Pending) -> None:
        self.waited -= 1
        self._apart.discard(entry)
        if self._entries.get(entry.id) is entry:
            self._hold(entry)

    def _displace(self, id: str) -> None:
        other = self.find(id)
        if other is not None and other.waiters is not None:
            self._apart.add(other)

    def _hold(self, entry: Pending) -> None:
        held = _Held(entry, self._forget)
        held.id = entry.id
        self._entries[entry.id] = held

    def _forget(self, held: _Held) -> None:
        """An entry is gone; another one may have come in its place."""
        if self._entries.get(held.id) is held:
            del self._entries[held.id]


def _describe(render: Render) -> str:
    reason = f": {render.error_message}" if render.error_message else ""
    return f"render {render.id} ended as {str(render.status) or 'nothing'}{reason}"
