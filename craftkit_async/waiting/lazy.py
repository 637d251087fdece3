"""Waits: the waiting half of a client, made and imported when somebody first waits or receives."""

from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from craftkit_async._io.runtime import Runtime
from craftkit_async.observe.statistics import Statistics
from craftkit_async.waiting.options import WaitingTerms

if TYPE_CHECKING:
    from craftkit_async.waiting.completions import WaitingRoom
    from craftkit_async.waiting.inbox import WebhookInbox


class Waits:
    """One waiting room and one inbox for a client and its children, once somebody needs them."""

    def __init__(self, runtime: Runtime, terms: WaitingTerms) -> None:
        self._runtime = runtime
        self._terms = terms

    @cached_property
    def room(self) -> "WaitingRoom":
        """Where everybody waits."""
        from craftkit_async.waiting.completions import WaitingRoom  # noqa: PLC0415 - see the module

        return WaitingRoom(self._runtime, self._terms)

    @cached_property
    def inbox(self) -> "WebhookInbox":
        """Where webhooks come in."""
        from craftkit_async.waiting.inbox import WebhookInbox  # noqa: PLC0415 - see the module

        return WebhookInbox(self.room)

    async def open(self) -> None:
        """Listen to the other processes from the start."""
        if self._terms.relay is not None:
            await self.room.open()

    def fill_in(self, statistics: Statistics) -> Statistics:
        """Add what is going on here."""
        if "room" not in self.__dict__:
            return statistics
        pending = self.room.pending
        return attrs.evolve(statistics, pending=pending.waited, mailbox=len(pending.mailbox))

    async def end(self) -> None:
        """End every wait, let handlers finish, and end those waits that they began."""
        if "room" not in self.__dict__:
            return
        self.room.is_closing = True
        try:
            if self._runtime.is_open:
                self._runtime.check()
                await self.room.end_waits()
                if "inbox" in self.__dict__:
                    await self.inbox.drain()
                    await self.room.end_waits()
            await self.room.aclose()
        finally:
            self.room.is_closing = False
