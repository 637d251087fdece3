"""WaitingRoom: what a client and its children wait with, and the one place where a render comes to its end."""

import asyncio
import logging
from typing import TYPE_CHECKING

from craftkit_async._io.runtime import Runtime
from craftkit_async._sansio.evidence import Evidence
from craftkit_async._sansio.polling import Pace
from craftkit_async.errors import ClientStateError, RelayError
from craftkit_async.models.renders import Render
from craftkit_async.observe._reports import report_end
from craftkit_async.waiting.pending import Pending, PendingRenders
from craftkit_async.waiting.scheduler import PollScheduler, Sight
from craftkit_async.waiting.terms import WaitingTerms

if TYPE_CHECKING:
    from craftkit_async.waiting.relay import Relay

_logger = logging.getLogger(__name__)


class WaitingRoom:
    """One registry, one scheduler, one inbox."""

    def __init__(self, runtime: Runtime, terms: WaitingTerms) -> None:
        self.runtime = runtime
        self.terms = terms
        self._pace = Pace(terms.polling, runtime.settings.limits.templates_learned)
        self._evidence = Evidence(terms.webhooks)
        self._relay: Relay | None = None
        self._has_warned = False
        self._begin()

    def _begin(self) -> None:
        self.pending = PendingRenders(self.runtime.settings.limits)
        self.scheduler = PollScheduler(self.runtime, self.pending, self._pace, self._look, self.settle)
        self.scheduler.stepped_back = self._evidence.stepped_back

    def deliver(self, render: Render, source: str, now: float) -> None:
        """Take in how a render ended, whoever it belongs to."""
        entry = self.pending.find(render.id)
        if entry is not None:
            self.settle(entry, render, source)
        else:
            self.pending.mailbox.put(render, now)

    def settle(self, entry: Pending, render: Render, source: str) -> None:
        """End a render, once; whatever comes later is counted and dropped."""
        if entry.source is not None:
            self.runtime.statistics.duplicates += 1
            return
        entry.snapshot, entry.source = render, source
        self._count(source, render)
        if entry.template is not None:
            self._learn(entry.template, render)
        # Who is not waited for stands nowhere else.
        if entry.waiters is not None:
            self.scheduler.drop(entry)
            for waiter in self.pending.empty(entry):
                waiter.finish(render)
            self._weigh(source)
            if observers := self.runtime.settings.observers:
                report_end(observers, render, source, self.scheduler.age(entry))

    async def open(self) -> None:
        """Open what other processes are reached by, if it is not open yet."""
        if self.terms.relay is not None and self._relay is None:
            self._relay = self.terms.relay
            await self._relay.open(lambda render: self.deliver(render, "relay", self.runtime.check().time()))

    async def publish(self, render: Render, dedupe_key: str) -> None:
        """Hand an end to the other processes."""
        await self.open()
        if self._relay is not None:
            await self._relay.publish(render, dedupe_key)

    async def end_waits(self) -> None:
        """Look at nothing any more, and tell everybody who waits."""
        looks = self.scheduler.close()
        for entry in self.pending:
            for waiter in self.pending.empty(entry):
                waiter.fail(ClientStateError("the client was closed during this wait"))
        if looks:
            await asyncio.wait(looks)

    async def aclose(self) -> None:
        """Give up the relay, and begin anew should the client be opened again."""
        relay, self._relay = self._relay, None
        self._begin()
        if relay is not None:
            await relay.aclose()

    async def _look(self, entry: Pending) -> Sight:
        """Ask the other processes, then the service."""
        if self.terms.relay is not None:
            for render in await self._ask_relay(entry.id):
                if render.id == entry.id and render.is_final:
                    return render, "relay"
        return await entry.looker.look(entry.id), "poll"

    async def _ask_relay(self, id: str) -> list[Render]:
        try:
            await self.open()
            return [] if self._relay is None else list(await self._relay.lookup([id]))
        except RelayError as error:
            _logger.warning("the relay does not answer, the service is asked instead: %s", error)
            return []

    def _count(self, source: str, render: Render) -> None:
        statistics = self.runtime.statistics
        if source == "webhook":
            statistics.completed_by_webhook += 1
        elif source == "poll":
            statistics.completed_by_poll += 1
        elif source == "relay":
            statistics.completed_by_relay += 1
        if not render.is_succeeded:
            statistics.failed += 1

    def _learn(self, template: str, render: Render) -> None:
        if render.created_at is not None and render.completed_at is not None:
            self._pace.learn(template, (render.completed_at - render.created_at).total_seconds())

    def _weigh(self, source: str) -> None:
        """Change the pace when the latest completions say so."""
        if not self._evidence.note(by_webhook=source != "poll"):
            return
        self.scheduler.stepped_back = self._evidence.stepped_back
        if self._evidence.stepped_back:
            return
        if not self._has_warned:
            self._has_warned = True
            _logger.warning("webhooks bring less than half of the latest renders; polls are back to full pace")
        self.scheduler.repace()
