"""WaitingRoom: what a client and its children wait with, and the one place where a render comes to its end."""

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from craftkit_async._io.runtime import Runtime
from craftkit_async._sansio.polling.pace import Pace
from craftkit_async._sansio.polling.webhook_share import Evidence
from craftkit_async.errors import ClientStateError, RelayError
from craftkit_async.models.renders import Render
from craftkit_async.observe.reports import report_end
from craftkit_async.waiting.options import WaitingTerms
from craftkit_async.waiting.pending import Pending, PendingRenders
from craftkit_async.waiting.scheduler import PollScheduler, Sight

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from craftkit_async.waiting.relay import Relay

Result = TypeVar("Result")

_logger = logging.getLogger(__name__)

# The service waits about 15 s for an answer, and a look has other ways: a relay that hangs must not hold them up.
_RELAY_PATIENCE = 3.0


class WaitingRoom:
    """One registry, one scheduler, one inbox."""

    def __init__(self, runtime: Runtime, terms: WaitingTerms) -> None:
        self.runtime = runtime
        self.terms = terms
        self._pace = Pace(terms.polling, runtime.settings.limits.templates_learned)
        self._evidence = Evidence(terms.webhooks)
        self.is_closing = False
        self._has_warned = False
        self._has_complained = False
        self._begin()

    def _begin(self) -> None:
        self.pending = PendingRenders(self.runtime.settings.limits)
        self.scheduler = PollScheduler(self.runtime, self.pending, self._pace, self._look, self.settle)
        self.scheduler.stepped_back = self._evidence.stepped_back
        # What is open, and who opens it, so that nobody uses it before.
        self._relay: Relay | None = None
        self._opening = asyncio.Lock()

    def deliver(self, render: Render, source: str) -> None:
        """Take in how a render ended, whoever it belongs to."""
        pending = self.pending
        entry = pending.find(render.id)
        if entry is not None:
            self.settle(entry, render, source)
        elif pending.mailbox.is_open:
            pending.mailbox.put(render, source, self.runtime.check().time())

    def settle(self, entry: Pending, render: Render, source: str) -> None:
        """End a render, once; whatever comes later is counted and dropped."""
        if entry.source is not None:
            self.runtime.statistics.duplicates += 1
            return
        entry.snapshot, entry.source = render, source
        statistics = self.runtime.statistics
        if source == "webhook":
            statistics.completed_by_webhook += 1
        elif source == "poll":
            statistics.completed_by_poll += 1
        elif source == "relay":
            statistics.completed_by_relay += 1
        if not render.is_succeeded:
            statistics.failed += 1
        if entry.template is not None:
            self._learn(entry.template, render)
        # Who is not waited for stands nowhere else.
        if entry.waiters is not None:
            self._tell(entry, render, source)

    def _tell(self, entry: Pending, render: Render, source: str) -> None:
        self.scheduler.drop(entry)
        for waiter in self.pending.empty(entry):
            waiter.finish(render)
        self._weigh(source)
        if observers := self.runtime.settings.observers:
            report_end(observers, render, source, self.scheduler.age(entry))

    async def open(self) -> None:
        """Listen to the other processes; where that fails, it is tried again at the next look."""
        try:
            await self._reach_others(_be_content)
        except RelayError as error:
            self._complain(error)

    async def publish(self, render: Render, dedupe_key: str) -> None:
        """Hand an end to the other processes, or raise a `RelayError`."""
        await self._reach_others(lambda relay: relay.publish(render, dedupe_key))

    async def end_waits(self) -> None:
        """Look at nothing any more, and tell everybody who waits."""
        looks = self._turn_away()
        if looks:
            await asyncio.wait(looks)

    async def aclose(self) -> None:
        """Give up the relay, and begin anew should the client be opened again."""
        if self._relay is not None:
            await self._close_relay(self._relay)
        # No turn of the loop from here until the client is closed: nobody can begin to wait in between. What waited on
        # a loop that is closed waits no more.
        if self.runtime.is_open:
            self._turn_away()
        self._begin()

    def _turn_away(self) -> "list[asyncio.Task[None]]":
        looks = self.scheduler.close()
        for entry in self.pending:
            for waiter in self.pending.empty(entry):
                waiter.fail(ClientStateError("the client was closed during this wait"))
        return looks

    async def _look(self, entry: Pending) -> Sight:
        """Ask the other processes, then the service."""
        if self.terms.relay is not None:
            for render in await self._ask_relay(entry.id):
                if render.id == entry.id and render.is_final:
                    return render, "relay"
        return await entry.looker.look(entry.id), "poll"

    async def _ask_relay(self, id: str) -> list[Render]:
        async def look_up(relay: "Relay") -> list[Render]:
            return list(await relay.lookup([id]))

        try:
            return await self._reach_others(look_up) or []
        except RelayError as error:
            self._complain(error)
            return []

    async def _reach_others(self, use: "Callable[[Relay], Awaitable[Result]]") -> "Result | None":
        """Use the relay, opened if need be, in good time; only a `RelayError` comes out."""
        relay = self.terms.relay
        if relay is None:
            return None
        if self.is_closing:
            raise RelayError("the client is closing")
        try:
            async with asyncio.timeout(_RELAY_PATIENCE):
                async with self._opening:
                    await self._open_once(relay)
                result = await use(relay)
        except RelayError:
            raise
        except Exception as error:
            # The text of a foreign error may hold anything, an address with a password included.
            raise RelayError(f"the relay failed: {type(error).__name__}") from error
        self._has_complained = False
        return result

    async def _open_once(self, relay: "Relay") -> None:
        if self._relay is None:
            await relay.open(self._hear)
            self._relay = relay

    async def _close_relay(self, relay: "Relay") -> None:
        try:
            async with asyncio.timeout(_RELAY_PATIENCE):
                await relay.aclose()
        except Exception as error:  # noqa: BLE001 - it is given up in any case
            _logger.warning("the relay could not be closed: %s", type(error).__name__)

    def _hear(self, render: Render) -> None:
        """Take in what another process says."""
        if render.is_final:
            self.deliver(render, "relay")

    def _complain(self, error: RelayError) -> None:
        """Say once that the relay is gone, and again only after it was back."""
        if not self._has_complained:
            self._has_complained = True
            _logger.warning("the relay does not answer, the service is asked instead: %s", error)

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


async def _be_content(_: "Relay") -> None:
    """Want nothing but that it is open."""
