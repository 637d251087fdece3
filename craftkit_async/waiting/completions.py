"""Completions: the one place where a render becomes complete, for a client and its children.

A render id becomes a result through whichever comes first: a poll, a webhook, an idempotent replay, or another process
through the relay. They race, and `complete` settles the race:

- The first answer wins. It sets the entry's snapshot and source once; later ones are counted and dropped, so that a
  success can never turn into a failure.
- A delivery about an id that nobody knows yet goes to the mailbox, while a submit is unanswered that may bring that id.
- What brought the completions decides the pace: while webhooks bring them, polls are only a safety net.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from craftkit_async._io.runtime import Runtime
from craftkit_async._sansio.polling.pace import Pace
from craftkit_async._sansio.polling.webhook_share import WebhookShare
from craftkit_async.errors import ClientStateError, RelayError
from craftkit_async.models.renders import Render
from craftkit_async.observe.reports import report_completion
from craftkit_async.waiting.options import WaitingOptions
from craftkit_async.waiting.pending import Pending, PendingRenders
from craftkit_async.waiting.scheduler import PollResult, PollScheduler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from craftkit_async.waiting.relay import Relay

Result = TypeVar("Result")

_logger = logging.getLogger(__name__)

# The service waits about 15 s for an answer, and a poll has other ways: a relay that hangs must not delay them.
_RELAY_PATIENCE = 3.0


class Completions:
    """One registry, one scheduler and one relay for a client and its children."""

    def __init__(self, runtime: Runtime, options: WaitingOptions) -> None:
        self.runtime = runtime
        self.options = options
        self._pace = Pace(options.polling, runtime.settings.limits.templates_learned)
        self._webhook_share = WebhookShare(options.webhooks)
        self.is_closing = False
        self._has_warned_of_pace = False
        self._has_warned_of_relay = False
        self._begin()

    def _begin(self) -> None:
        self.pending = PendingRenders(self.runtime.settings.limits)
        self.scheduler = PollScheduler(self.runtime, self.pending, self._pace, self._poll, self.complete)
        self.scheduler.stepped_back = self._webhook_share.stepped_back
        # What is open, and who opens it, so that nobody uses it before.
        self._relay: Relay | None = None
        self._opening = asyncio.Lock()

    def deliver(self, render: Render, source: str) -> None:
        """Take in how a render finished; without an entry it may wait in the mailbox."""
        pending = self.pending
        entry = pending.find(render.id)
        if entry is not None:
            self.complete(entry, render, source)
        elif pending.mailbox.is_open:
            pending.mailbox.put(render, source, self.runtime.check().time())

    def complete(self, entry: Pending, render: Render, source: str) -> None:
        """Complete a render, once; whatever comes later is counted and dropped."""
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
        # No waiters, so not scheduled: nothing to remove.
        if entry.waiters is not None:
            self._tell_waiters(entry, render, source)

    def _tell_waiters(self, entry: Pending, render: Render, source: str) -> None:
        self.scheduler.drop(entry)
        for waiter in self.pending.empty(entry):
            waiter.finish(render)
        self._note_source(source)
        if observers := self.runtime.settings.observers:
            report_completion(observers, render, source, self.scheduler.age(entry))

    async def open(self) -> None:
        """Listen to the other processes; if that fails, the next poll tries again."""
        try:
            await self._use_relay(_do_nothing)
        except RelayError as error:
            self._warn_of_relay(error)

    async def publish(self, render: Render, dedupe_key: str) -> None:
        """Tell the other processes how a render finished, or raise a `RelayError`."""
        await self._use_relay(lambda relay: relay.publish(render, dedupe_key))

    async def end_waits(self) -> None:
        """Stop polling, and fail all waits."""
        polls = self._fail_all()
        if polls:
            await asyncio.wait(polls)

    async def aclose(self) -> None:
        """Close the relay, and begin anew should the client be opened again."""
        if self._relay is not None:
            await self._close_relay(self._relay)
        # No turn of the loop from here until the client is closed: nobody can begin to wait in between. Waits on a
        # loop that is closed can hear nothing any more.
        if self.runtime.is_open:
            self._fail_all()
        self._begin()

    def _fail_all(self) -> "list[asyncio.Task[None]]":
        polls = self.scheduler.close()
        for entry in self.pending:
            for waiter in self.pending.empty(entry):
                waiter.fail(ClientStateError("the client was closed during this wait"))
        return polls

    async def _poll(self, entry: Pending) -> PollResult:
        """Ask the other processes, then the service."""
        if self.options.relay is not None:
            for render in await self._ask_relay(entry.id):
                if render.id == entry.id and render.is_final:
                    return render, "relay"
        return await entry.poller.poll(entry.id), "poll"

    async def _ask_relay(self, id: str) -> list[Render]:
        async def look_up(relay: "Relay") -> list[Render]:
            return list(await relay.lookup([id]))

        try:
            return await self._use_relay(look_up) or []
        except RelayError as error:
            self._warn_of_relay(error)
            return []

    async def _use_relay(self, use: "Callable[[Relay], Awaitable[Result]]") -> "Result | None":
        """Use the relay, opened if need be, within 3 s; raises only `RelayError`."""
        relay = self.options.relay
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
        self._has_warned_of_relay = False
        return result

    async def _open_once(self, relay: "Relay") -> None:
        if self._relay is None:
            await relay.open(self._hear)
            self._relay = relay

    async def _close_relay(self, relay: "Relay") -> None:
        try:
            async with asyncio.timeout(_RELAY_PATIENCE):
                await relay.aclose()
        except Exception as error:  # noqa: BLE001 - closing goes on in any case
            _logger.warning("the relay could not be closed: %s", type(error).__name__)

    def _hear(self, render: Render) -> None:
        """Take in what another process published."""
        if render.is_final:
            self.deliver(render, "relay")

    def _warn_of_relay(self, error: RelayError) -> None:
        """Log that the relay fails, once until it has worked again."""
        if not self._has_warned_of_relay:
            self._has_warned_of_relay = True
            _logger.warning("the relay does not answer; the service is polled instead: %s", error)

    def _learn(self, template: str, render: Render) -> None:
        if render.created_at is not None and render.completed_at is not None:
            self._pace.learn(template, (render.completed_at - render.created_at).total_seconds())

    def _note_source(self, source: str) -> None:
        """Change the pace when the latest completions say so."""
        if not self._webhook_share.note(by_webhook=source != "poll"):
            return
        self.scheduler.stepped_back = self._webhook_share.stepped_back
        if self._webhook_share.stepped_back:
            return
        if not self._has_warned_of_pace:
            self._has_warned_of_pace = True
            _logger.warning("webhooks bring less than half of the latest renders; polls are back to full pace")
        self.scheduler.repace()


async def _do_nothing(_: "Relay") -> None:
    """Only have it opened."""
