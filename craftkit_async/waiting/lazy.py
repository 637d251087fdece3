"""Lazy: the waiting half of a client, made and imported when somebody first waits or receives."""

import threading
from typing import TYPE_CHECKING

import attrs

from craftkit_async._io.runtime import Runtime
from craftkit_async.observe.statistics import Statistics
from craftkit_async.waiting.options import WaitingOptions

if TYPE_CHECKING:
    from craftkit_async._sansio.webhooks.signing import Secrets
    from craftkit_async.waiting.completions import Completions
    from craftkit_async.waiting.deliveries import Deliveries
    from craftkit_async.waiting.inbox import WebhookInbox
    from craftkit_async.waiting.projects import Membership, Projects, SecretsProvider


class LazyWaiting:
    """One set of completions and deliveries for a client and its children, once somebody needs them.

    Two threads may ask at the same time, a receiver and the client's own; both must get the same.
    """

    def __init__(self, runtime: Runtime, options: WaitingOptions) -> None:
        self._runtime = runtime
        self._options = options
        self._lock = threading.RLock()
        self._projects: Projects | None = None
        self._completions: Completions | None = None
        self._deliveries: Deliveries | None = None

    def join(self, label: str | None, secrets: "Secrets | SecretsProvider | None") -> "Membership":
        """Make a client a member of its project."""
        return self._make_projects().join(label, secrets)

    @property
    def completions(self) -> "Completions":
        """What waits are registered with."""
        return self._completions or self._make_completions()

    def inbox(self, membership: "Membership | None") -> "WebhookInbox":
        """Return the inbox of a child's project, or that of all projects."""
        from craftkit_async.waiting.inbox import WebhookInbox  # noqa: PLC0415 - see the module

        return WebhookInbox(self.completions, self._deliveries or self._make_deliveries(), membership)

    async def open(self) -> None:
        """Listen to the other processes from the start."""
        link = self.completions.link if self._options.relay is not None else None
        if link is not None:
            await link.open()

    def fill_in(self, statistics: Statistics) -> Statistics:
        """Add what is going on here."""
        if self._completions is None:
            return statistics
        pending = self._completions.pending
        return attrs.evolve(statistics, pending=pending.waited, mailbox=len(pending.mailbox))

    async def aclose(self) -> None:
        """End every wait, let handlers finish, and end those waits that they began.

        Being cancelled in the middle skips the waiting and none of the rest.
        """
        completions = self._completions
        if completions is None:
            return
        completions.is_closing = True
        try:
            if self._runtime.is_open:
                self._runtime.check()
                await self._end_waits(completions)
            await completions.aclose()
        finally:
            completions.is_closing = False
            if self._deliveries is not None:
                self._deliveries.reopen()

    async def _end_waits(self, completions: "Completions") -> None:
        try:
            await completions.end_waits()
            if self._deliveries is not None:
                await self._deliveries.drain(self._runtime.settings.timeouts.close)
            await completions.end_waits()
        except BaseException:
            await completions.aclose()
            raise

    def _make_projects(self) -> "Projects":
        from craftkit_async.waiting.projects import Projects  # noqa: PLC0415 - see the module

        with self._lock:
            if self._projects is None:
                self._projects = Projects(self._options.webhooks, self._runtime.settings.limits.secrets_tried)
            return self._projects

    def _make_completions(self) -> "Completions":
        from craftkit_async.waiting.completions import Completions  # noqa: PLC0415 - see the module

        with self._lock:
            if self._completions is None:
                self._completions = Completions(self._runtime, self._options, self._make_projects())
            return self._completions

    def _make_deliveries(self) -> "Deliveries":
        from craftkit_async.waiting.deliveries import Deliveries  # noqa: PLC0415 - see the module

        with self._lock:
            if self._deliveries is None:
                self._deliveries = Deliveries(self.completions)
            return self._deliveries
