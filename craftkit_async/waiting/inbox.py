"""WebhookInbox: a genuine delivery completes whoever waits for it, and is answered before anything else is done."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
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

_UNVERIFIABLE = (
    "there is no webhook secret; pass webhook_secret, or set CRAFTKIT_WEBHOOK_SECRET to the one of the subscription"
    " in the dashboard"
)


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
        self._has_work = room.terms.relay is not None
        """Is there anything to do beyond completing who waits?"""
        # None where nobody observes, so that most deliveries do not ask.
        self._observers = room.runtime.settings.observers or None
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
        if self._verifier is None:
            raise ConfigurationError(_UNVERIFIABLE)

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
            self._has_work = True
            return handler

        return register

    async def receive(self, body: Body, headers: Headers) -> Receipt:
        """Verify a delivery, complete who waits for it, and say how to answer; raises nothing for bad input."""
        if (verifier := self._verifier) is None:
            raise ConfigurationError(_UNVERIFIABLE)
        outcome: Delivery | DeliveryError
        try:
            outcome = verifier.verify_delivery(body, headers)
        except DeliveryError as error:
            outcome = error
        try:
            owner = self._runtime.owner()
        except ClientStateError as error:
            return Receipt(_TRY_AGAIN, reason=str(error))
        if owner is not asyncio.get_running_loop():
            return await self._hand_over(outcome, owner)
        taken = self._take(outcome, owner.time())
        return taken if isinstance(taken, Receipt) else await taken

    async def drain(self) -> None:
        """Let the handlers that were begun come to their end."""
        await self._handlers.drain(self._runtime.settings.timeouts.close)

    async def _hand_over(self, outcome: Delivery | DeliveryError, owner: asyncio.AbstractEventLoop) -> Receipt:
        """Let the client's own loop do it."""
        taking = self._take_later(outcome, owner)
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

    async def _take_later(self, outcome: Delivery | DeliveryError, owner: asyncio.AbstractEventLoop) -> Receipt:
        taken = self._take(outcome, owner.time())
        return taken if isinstance(taken, Receipt) else await taken

    def _take(self, outcome: Delivery | DeliveryError, now: float) -> Receipt | Awaitable[Receipt]:
        """Take a delivery in, on the client's loop; most are done with at once, and only the others are awaited."""
        if self._room.is_closing:
            return Receipt(_TRY_AGAIN, reason="the client is closing")
        if isinstance(outcome, DeliveryError):
            return self._refuse(outcome)
        statistics = self._runtime.statistics
        event, secret, key, render = outcome
        statistics.deliveries += 1
        is_first = self._repeats.claim(key, now)
        if self._observers:
            report_delivery(self._observers, event.event, duplicate=not is_first)
        if not is_first:
            statistics.duplicates += 1
            working = self._working.get(key)
            return _receipt(_OK, event, secret, duplicate=True) if working is None else self._repeat(working, secret)
        if render is not None:
            self._room.deliver(render, "webhook", now)
        return self._work(event, secret, key) if self._has_work else _receipt(_OK, event, secret)

    def _refuse(self, error: DeliveryError) -> Receipt:
        self._runtime.statistics.refused += 1
        if self._observers:
            report_refusal(self._observers, str(error))
        return Receipt(error.status_hint, reason=str(error))

    async def _repeat(self, working: "asyncio.Future[Receipt]", secret: SecretName) -> Receipt:
        """Answer like the first one of its kind, as soon as that is answered."""
        # Not awaited itself: whoever gives up here must not end it for the others.
        await asyncio.wait([working])
        return working.result()._replace(duplicate=True, secret=secret)

    async def _work(self, event: Webhook, secret: SecretName, key: str) -> Receipt:
        """Do what must be done before the answer, and begin what comes after it; what fails may come again."""
        before, after = self._subscriptions.split(event.event)
        working = self._working[key] = asyncio.get_running_loop().create_future()
        reason: str | None = "the work was given up"
        try:
            reason = await self._work_first(event, key, before, after)
        finally:
            del self._working[key]
            if reason is not None:
                self._repeats.release(key)
            receipt = _receipt(_OK if reason is None else _TRY_AGAIN, event, secret, reason=reason)
            working.set_result(receipt)
        if reason is None:
            self._handlers.start(after, event)
        return receipt

    async def _work_first(self, event: Webhook, key: str, before: list[Handler], after: list[Handler]) -> str | None:
        """Tell the other processes and run handlers; the result says what went wrong."""
        if after and self._handlers.is_full:
            return "too many handlers wait for their turn"
        render = settled_render(event)
        if render is not None:
            try:
                await self._room.publish(render, key)
            except RelayError as error:
                return str(error)
        if before and not await self._handlers.run_before(before, event):
            return "a handler that comes before the answer failed"
        return None

    def _warn_of_other_workers(self) -> None:
        """A webhook may come in at another worker than the one that waits."""
        workers = os.environ.get("WEB_CONCURRENCY", "")
        if workers.isdecimal() and int(workers) > 1 and self._room.terms.relay is None:
            _logger.warning(
                "WEB_CONCURRENCY is %s and there is no relay: a webhook that comes in at another worker than the one"
                " that waits does not end its wait, polls do",
                workers,
            )


def _receipt(
    status: int, event: Webhook, secret: SecretName, *, duplicate: bool = False, reason: str | None = None
) -> Receipt:
    """Make a receipt as the class would, in a third of the time."""
    return tuple.__new__(Receipt, (status, event, duplicate, reason, secret))
