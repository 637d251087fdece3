"""RenderHandle: a submitted render, to be awaited now, later, or by several tasks."""

from collections.abc import Generator
from typing import Any

from craftkit_async._sansio.calls.call import OMITTED, TimeoutOption
from craftkit_async.models.renders import Render
from craftkit_async.waiting.pending import Pending


class RenderHandle:
    """A render by its id: `await handle` returns the finished render, however many tasks do so.

    Polls run only while somebody waits; a webhook fills the snapshot at any time.
    """

    __slots__ = ("_entry", "idempotency_key", "replayed", "template")

    def __init__(
        self,
        entry: Pending,
        template: str | None = None,
        idempotency_key: str | None = None,
        *,
        replayed: bool = False,
    ) -> None:
        self._entry = entry
        self.template = template
        """None for a handle that was made from an id."""
        self.idempotency_key = idempotency_key
        self.replayed = replayed
        """Did the service have this render already under the key? A failed one then fails for ever."""

    @property
    def id(self) -> str:
        """The id of the render."""
        return self._entry.id

    @property
    def snapshot(self) -> Render | None:
        """The render as it was last seen; None for an id that was not polled yet."""
        return self._entry.snapshot

    @property
    def source(self) -> str | None:
        """How the render was learned to have finished: webhook, poll, replay or relay; None until then."""
        return self._entry.source

    def __await__(self) -> Generator[Any, None, Render]:
        return self._entry.poller.begin_wait(self._entry, OMITTED, self.idempotency_key).__await__()

    async def wait(self, *, timeout: TimeoutOption = OMITTED) -> Render:
        """Wait until the render has finished; `timeout` omitted is `Timeouts.wait`, None is no limit, 0 polls once."""
        return await self._entry.poller.begin_wait(self._entry, timeout, self.idempotency_key)

    async def refresh(self, *, timeout: TimeoutOption = OMITTED) -> Render:
        """Ask the service now and return the snapshot; `timeout` bounds one attempt."""
        return await self._entry.poller.refresh(self._entry, timeout)

    def __repr__(self) -> str:
        status = None if self.snapshot is None else str(self.snapshot.status)
        return f"RenderHandle(id={self.id!r}, template={self.template!r}, status={status!r}, source={self.source!r})"
