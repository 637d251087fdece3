"""WebhookInbox: a genuine delivery completes whoever waits for it, and is answered before anything else is done."""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from craftkit_async._sansio.delivery import Body, Headers, settled_render
from craftkit_async._sansio.repeats import Repeats
from craftkit_async._sansio.signing import SecretName
from craftkit_async._sansio.subscriptions import Subscriptions, check_patterns
from craftkit_async.errors import ClientStateError, ConfigurationError, DeliveryError, RelayError
from craftkit_async.models.events import Webhook
from craftkit_async.observe._reports import report_delivery, report_refusal
from craftkit_async.waiting.handlers import Handler, Handlers
from craftkit_async.waiting.room import WaitingRoom
from craftkit_async.webhooks import Delivery, WebhookVerifier

AnyHandler = TypeVar("AnyHandler", bound=Handler)

_logger = logging.getLogger(__name__)

# A delivery on another loop than the client's waits for that loop; the service gives up after about 15 s.
_HAND_OVER = 12.0

_OK, _TRY_AGAIN = 200, 503


class Receipt(NamedTuple):
    """What became of a delivery: answer it with `status` and an empty body."""

    status: int
    event: Webhook | None = None
    duplicate: bool = False
    reason: str | None = None
    """For the log; whoever sent the delivery is told nothing."""
    secret: SecretName | None = None
    """The name or index of the secret that fitted."""


class WebhookInbox:
    """Takes in the deliveries of a client, on whatever loop they arrive."""

    def __init__(self, room: WaitingRoom) -> None:
        self._room = room
        self._runtime = room.runtime
        self._subscriptions: Subscriptions[Handler] = Subscriptions()
        self._handlers = Handlers(room.runtime)
        self._repeats = Repeats()
        # Deliveries whose work is under way; whoever repeats one waits for how it ends.
        self._working: dict[str, asyncio.Future[Receipt]] = {}
        secrets = room.terms.secrets
        limits = room.runtime.settings.limits
        self._verifier = None if secrets is None else WebhookVerifier(secrets, max_body=limits.webhook_bytes)
        self._warn_of_other_workers()

    @property
    def max_body(self) -> int:
        """How many bytes of a delivery a receiver reads."""
        return self._runtime.settings.limits.webhook_bytes

    def check(self) -> None:
        """Refuse to receive where nothing could be verified."""
        self._verify_with()

    def on(self, *events: str, before_answer: bool | None = None) -> Callable[[AnyHandler], AnyHandler]:
        """Register `async def handler(event)` for events by name, as "signature.*", or as "*".

        It runs after the answer, unless `before_answer` is True: then it has ten seconds, and its failure makes the
        service send the delivery again. Omitted, only "form.submitted" runs before its answer, for it may be the only
        copy of its data.
        """
        patterns = check_patterns(events)

        def register(handler: AnyHandler) -> AnyHandler:
            if not callable(handler):
                raise ConfigurationError("a handler is `async def handler(event)`")
            self._subscriptions.add(patterns, handler, before_answer=before_answer)
            return handler

        return register

    async def receive(self, body: Body, headers: Headers) -> Receipt:
        """Verify a delivery, complete who waits for it, and say how to answer; raises nothing for bad input."""
        verifier = self._verify_with()
        if self._room.is_closing:
            return Receipt(_TRY_AGAIN, reason="the client is closing")
        outcome: Delivery | DeliveryError
        try:
            outcome = verifier.verify_delivery(body, headers)
        except DeliveryError as error:
            outcome = error
        try:
            owner = self._runtime.owner()
        except ClientStateError as error:
            return Receipt(_TRY_AGAIN, reason=str(error))
        if owner is asyncio.get_running_loop():
            return await self._take(outcome)
        return await self._hand_over(outcome, owner)

    async def drain(self) -> None:
        """Let the handlers that were begun come to their end."""
        await self._handlers.drain(self._runtime.settings.timeouts.close)

    async def _hand_over(self, outcome: Delivery | DeliveryError, owner: asyncio.AbstractEventLoop) -> Receipt:
        """Let the client's own loop do it."""
        taking = self._take(outcome)
        try:
            taken = asyncio.run_coroutine_threadsafe(taking, owner)
        except RuntimeError:
            taking.close()
            return Receipt(_TRY_AGAIN, reason="the client's event loop is closed")
        try:
            async with asyncio.timeout(_HAND_OVER):
                return await asyncio.wrap_future(taken)
        except TimeoutError:
            return Receipt(_TRY_AGAIN, reason="the client's event loop does not answer")
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if me is None or me.cancelling():
                raise
            return Receipt(_TRY_AGAIN, reason="the client's event loop has ended the work")

    async def _take(self, outcome: Delivery | DeliveryError) -> Receipt:
        observers = self._runtime.settings.observers
        statistics = self._runtime.statistics
        if isinstance(outcome, DeliveryError):
            statistics.refused += 1
            if observers:
                report_refusal(observers, str(outcome))
            return Receipt(outcome.status_hint, reason=str(outcome))
        statistics.deliveries += 1
        event = outcome.event
        is_first = self._repeats.claim(outcome.dedupe_key, asyncio.get_running_loop().time())
        if observers:
            report_delivery(observers, event.event, duplicate=not is_first)
        if not is_first:
            statistics.duplicates += 1
            return await self._repeated(outcome)
        return await self._work(outcome)

    async def _repeated(self, delivery: Delivery) -> Receipt:
        """Answer like the first one of its kind, as soon as that is answered."""
        working = self._working.get(delivery.dedupe_key)
        if working is None:
            return Receipt(_OK, delivery.event, duplicate=True, secret=delivery.secret)
        # Not awaited itself: whoever gives up here must not end it for the others.
        await asyncio.wait([working])
        return working.result()._replace(duplicate=True, secret=delivery.secret)

    async def _work(self, delivery: Delivery) -> Receipt:
        """Complete whoever waits, then run the handlers; a delivery that fails may come again."""
        event, secret, key = delivery
        render = settled_render(event)
        if render is not None:
            self._room.deliver(render, "webhook")
        before, after = self._subscriptions.split(event.event)
        if after and self._handlers.is_full:
            self._repeats.release(key)
            return Receipt(_TRY_AGAIN, event, reason="too many handlers wait for their turn", secret=secret)
        if before or (render is not None and self._room.terms.relay is not None):
            reason = await self._settle_first(delivery, before)
            if reason is not None:
                return Receipt(_TRY_AGAIN, event, reason=reason, secret=secret)
        if after:
            self._handlers.start(after, event)
        return Receipt(_OK, event, secret=secret)

    async def _settle_first(self, delivery: Delivery, before: list[Handler]) -> str | None:
        """Do what must be done before the answer; the result says what went wrong."""
        event, secret, key = delivery
        working = self._working[key] = asyncio.get_running_loop().create_future()
        reason: str | None = "the work was given up"
        try:
            reason = await self._hand_on(delivery, before)
        finally:
            del self._working[key]
            if reason is not None:
                self._repeats.release(key)
            working.set_result(Receipt(_OK if reason is None else _TRY_AGAIN, event, reason=reason, secret=secret))
        return reason

    async def _hand_on(self, delivery: Delivery, before: list[Handler]) -> str | None:
        render = settled_render(delivery.event)
        if render is not None:
            try:
                await self._room.publish(render, delivery.dedupe_key)
            except RelayError as error:
                return str(error)
        if not await self._handlers.run_before(before, delivery.event):
            return "a handler that comes before the answer failed"
        return None

    def _verify_with(self) -> WebhookVerifier:
        if self._verifier is None:
            raise ConfigurationError(
                "there is no webhook secret; pass webhook_secret, or set CRAFTKIT_WEBHOOK_SECRET to the one of the"
                " subscription in the dashboard"
            )
        return self._verifier

    def _warn_of_other_workers(self) -> None:
        """A webhook may come in at another worker than the one that waits."""
        workers = os.environ.get("WEB_CONCURRENCY", "")
        if workers.isdecimal() and int(workers) > 1 and self._room.terms.relay is None:
            _logger.warning(
                "WEB_CONCURRENCY is %s and there is no relay: a webhook that comes in at another worker than the one"
                " that waits does not end its wait, polls do",
                workers,
            )
