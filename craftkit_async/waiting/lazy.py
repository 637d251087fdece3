"""Waits: the waiting half of a client, imported and made at the first wait or delivery."""

from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from craftkit_async._io.runtime import Runtime
from craftkit_async.observe.statistics import Statistics
from craftkit_async.waiting.options import WaitingOptions

if TYPE_CHECKING:
    from craftkit_async.waiting.completions import Completions
    from craftkit_async.waiting.inbox import WebhookInbox


class Waits:
    """One registry of completions and one inbox for a client and its children, made when first needed."""

    def __init__(self, runtime: Runtime, options: WaitingOptions) -> None:
        self._runtime = runtime
        self._options = options

    @cached_property
    def completions(self) -> "Completions":
        """Where every wait of the client and its children is completed."""
        from craftkit_async.waiting.completions import Completions  # noqa: PLC0415 - see the module

        return Completions(self._runtime, self._options)

    @cached_property
    def inbox(self) -> "WebhookInbox":
        """Where webhooks come in."""
        from craftkit_async.waiting.inbox import WebhookInbox  # noqa: PLC0415 - see the module

        return WebhookInbox(self.completions)

    async def open(self) -> None:
        """Listen to the other processes from the start."""
        if self._options.relay is not None:
            await self.completions.open()

    def fill_in(self, statistics: Statistics) -> Statistics:
        """Add the gauges of this part."""
        if "completions" not in self.__dict__:
            return statistics
        pending = self.completions.pending
        return attrs.evolve(statistics, pending=pending.waited, mailbox=len(pending.mailbox))

    async def end(self) -> None:
        """Fail every wait, let handlers finish, and fail the waits that those began."""
        if "completions" not in self.__dict__:
            return
        self.completions.is_closing = True
        try:
            if self._runtime.is_open:
                self._runtime.check()
                await self.completions.end_waits()
                if "inbox" in self.__dict__:
                    await self.inbox.drain()
                    await self.completions.end_waits()
            await self.completions.aclose()
        finally:
            self.completions.is_closing = False
