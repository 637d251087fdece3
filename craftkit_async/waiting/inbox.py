"""WebhookInbox: a genuine delivery completes whoever waits for it, and is answered before anything else is done."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

import anyio
import attrs

from craftkit_async._sansio.webhooks.delivery import Body, Fields, Headers, read_headers
from craftkit_async._sansio.webhooks.duplicates import Repeats
from craftkit_async._sansio.webhooks.fast_path import published_render
from craftkit_async._sansio.webhooks.signing import SecretName
from craftkit_async._sansio.webhooks.subscriptions import Subscriptions, check_patterns
from craftkit_async.errors import ClientStateError, ConfigurationError, DeliveryError, RelayError
from craftkit_async.models.events import Webhook
from craftkit_async.observe.reports import report_delivery, report_refusal
from craftkit_async.waiting.completions import Completions
from craftkit_async.waiting.handlers import Handler, Handlers
from craftkit_async.webhooks import Delivery, Told, WebhookVerifier

AnyHandler = TypeVar("AnyHandler", bound=Handler)

_logger = logging.getLogger(__name__)

# A delivery on another loop than the client's waits for that loop; the service gives up after about 15 s.
_HAND_OVER = 12.0

_OK, _TRY_AGAIN = 200, 503


def _verify_nothing(*_: object) -> Told:
    raise ConfigurationError(
        "there is no webhook secret; pass webhook_secret, or set CRAFTKIT_WEBHOOK_SECRET to the one of the subscription"
        " in the dashboard"
    )


def _read(told: Webhook | Told | None) -> Webhook | None:
    return Delivery(told).event if isinstance(told, tuple) else told


@attrs.define
class Receipt:
    """What became of a delivery: answer it with `status` and an empty body."""

    # As it is made: a pattern must not come upon what the event is built of.
    __match_args__ = ("status", "event", "duplicate", "reason", "secret")

    status: int
    # A delivery builds its event when it is asked for it.
    _event: Webhook | Told | None = attrs.field(default=None, eq=_read, repr=False)
    duplicate: bool = False
    reason: str | None = None
    """For the log; whoever sent the delivery is told nothing."""
    secret: SecretName | None = None
    """The name or index of the secret that fitted."""

    @property
    def event(self) -> Webhook | None:
        """What the delivery said; None if it was not believed."""
        if isinstance(self._event, tuple):
            self._event = Delivery(self._event).event
        return self._event


# A delivery that is done with and answered by 200 is handed on as it is.
Taken = Told | Receipt | Awaitable[Receipt]


class _Work(NamedTuple):
    """The work for one delivery, before its answer."""

    answered: asyncio.Future[Receipt]
    task: asyncio.Task[Any] | None


class WebhookInbox:
    """Takes in the deliveries of a client, on whatever loop they arrive."""

    def __init__(self, completions: Completions) -> None:
        self._completions = completions
        self._runtime = completions.runtime
        self._statistics = completions.runtime.statistics
        self._subscriptions: Subscriptions[Handler] = Subscriptions()
        self._handlers = Handlers(completions.runtime)
        self._repeats = Repeats()
        self._has_work = completions.options.relay is not None
        """Is there anything to do beyond completing who waits?"""
        # None where nobody observes, so that most deliveries do not ask.
        self._observers = completions.runtime.settings.observers or None
        # Deliveries whose work is under way; whoever repeats one waits for how it ends.
        self._working: dict[str, _Work] = {}
        secrets = completions.options.secrets
        limits = completions.runtime.settings.limits
        self._has_one_secret = isinstance(secrets, str | bytes)
        self._verify: Callable[[Body, Fields], Told] = _verify_nothing
        if secrets is not None:
            self._verify = WebhookVerifier(secrets, max_body=limits.webhook_bytes)._verify  # noqa: SLF001 - of the same package
        self._warn_of_other_workers()

    @property
    def max_body(self) -> int:
        """How many bytes of a delivery a receiver reads."""
        return self._runtime.settings.limits.webhook_bytes

    def check(self) -> None:
        """Refuse to receive where nothing could be verified."""
        if self._verify is _verify_nothing:
            _verify_nothing()

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
        taken = self._take_in(body, headers)
        return Receipt(_OK, taken, secret=taken[3]) if isinstance(taken, tuple) else await self._finish(taken)

    async def drain(self) -> None:
        """Let the handlers that were begun come to their end: those before an answer, and then those after it."""
        patience = self._runtime.settings.timeouts.close
        deadline = anyio.current_time() + patience
        # What is closed by a handler cannot wait for that handler.
        me = asyncio.current_task()
        with anyio.move_on_after(patience):
            while others := [work.answered for work in self._working.values() if work.task is not me]:
                await asyncio.wait(others)
        await self._handlers.drain(deadline - anyio.current_time())

    def _take_in(self, body: Body, headers: Headers, read: Callable[[Any], Fields] = read_headers) -> Taken:
        """Receive a delivery; most are done with at once, and nobody asks for their receipt."""
        try:
            told = self._verify(body, read(headers))
        except DeliveryError as error:
            return self._take_to_owner(error)
        return self._take(told) if self._runtime.is_here() else self._take_to_owner(told)

    def _take_to_owner(self, told: Told | DeliveryError) -> Taken:
        """Find the loop that the client belongs to; if there is none yet, it is this one."""
        try:
            owner = self._runtime.owner()
        except ClientStateError as error:
            return Receipt(_TRY_AGAIN, reason=str(error))
        return self._take_any(told) if owner is asyncio.get_running_loop() else self._hand_over(told, owner)

    async def _hand_over(self, told: Told | DeliveryError, owner: asyncio.AbstractEventLoop) -> Receipt:
        """Let the client's own loop do it."""
        taking = self._take_later(told)
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

    async def _take_later(self, told: Told | DeliveryError) -> Receipt:
        return await self._finish(self._take_any(told))

    async def _finish(self, taken: Taken) -> Receipt:
        """Make a receipt of what was taken in, as soon as the work for it is done."""
        if isinstance(taken, tuple):
            return Receipt(_OK, taken, secret=taken[3])
        return taken if isinstance(taken, Receipt) else await taken

    def _take_any(self, told: Told | DeliveryError) -> Taken:
        return self._take(told) if isinstance(told, tuple) else self._refuse(told)

    def _take(self, told: Told) -> Taken:
        """Take in what a delivery says, on the client's loop."""
        if self._completions.is_closing:
            return Receipt(_TRY_AGAIN, reason="the client is closing")
        self._statistics.deliveries += 1
        signature, published = told[2], told[4]
        # Of one secret, a body has one signature, which is at hand; of several it has several.
        key = signature if self._has_one_secret and published is not None else self._key_of(Delivery(told))
        is_first = self._repeats.claim(key)
        if self._observers:
            report_delivery(self._observers, Delivery(told).event.event, duplicate=not is_first)
        if not is_first:
            return self._take_again(told, key)
        pending = self._completions.pending
        if published is not None:
            if pending.knows(published[0]["renderId"]) or pending.mailbox.is_open:
                self._completions.deliver(published_render(published), "webhook")
        elif (render := Delivery(told).render) is not None:
            self._completions.deliver(render, "webhook")
        return self._work(Delivery(told), key) if self._has_work else told

    def _take_again(self, told: Told, key: str) -> Receipt | Awaitable[Receipt]:
        self._statistics.duplicates += 1
        working = self._working.get(key)
        if working is not None:
            return self._repeat(Delivery(told), working.answered)
        return Receipt(_OK, told, duplicate=True, secret=told[3])

    def _key_of(self, delivery: Delivery) -> str:
        """Name a delivery for its repeats, as the short way does where that is at hand."""
        return delivery.signature if self._has_one_secret and delivery.render is not None else delivery.dedupe_key

    def _refuse(self, error: DeliveryError) -> Receipt:
        self._statistics.refused += 1
        if self._observers:
            report_refusal(self._observers, str(error))
        return Receipt(error.status_hint, reason=str(error))

    async def _repeat(self, delivery: Delivery, answered: "asyncio.Future[Receipt]") -> Receipt:
        """Answer like the first one of its kind, as soon as that is answered."""
        # Not awaited itself: whoever gives up here must not end it for the others.
        await asyncio.wait([answered])
        first = answered.result()
        return Receipt(first.status, first.event, duplicate=True, reason=first.reason, secret=delivery.secret)

    async def _work(self, delivery: Delivery, key: str) -> Receipt:
        """Do what must be done before the answer, and begin what comes after it; what fails may come again."""
        event = delivery.event
        before, after = self._subscriptions.split(event.event)
        answered: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._working[key] = _Work(answered, asyncio.current_task())
        reason: str | None = "the work was given up"
        try:
            reason = await self._work_first(delivery, before, after)
            if after and not self._runtime.is_open:
                # Nobody would wait for them any more.
                reason = "the client is closed"
        finally:
            del self._working[key]
            if reason is not None:
                self._repeats.release(key)
            status = _OK if reason is None else _TRY_AGAIN
            receipt = Receipt(status, event, reason=reason, secret=delivery.secret)
            answered.set_result(receipt)
        if reason is None:
            self._handlers.start(after, event)
        return receipt

    async def _work_first(self, delivery: Delivery, before: list[Handler], after: list[Handler]) -> str | None:
        """Tell the other processes and run handlers; the result says what went wrong."""
        if after and self._handlers.is_full:
            return "too many handlers wait for their turn"
        if delivery.render is not None:
            try:
                await self._completions.publish(delivery.render, delivery.dedupe_key)
            except RelayError as error:
                return str(error)
        if before and not await self._handlers.run_before(before, delivery.event):
            return "a handler that comes before the answer failed"
        return None

    def _warn_of_other_workers(self) -> None:
        """A webhook may come in at another worker than the one that waits."""
        workers = os.environ.get("WEB_CONCURRENCY", "")
        if workers.isdecimal() and int(workers) > 1 and self._completions.options.relay is None:
            _logger.warning(
                "WEB_CONCURRENCY is %s and there is no relay: a webhook that comes in at another worker than the one"
                " that waits does not end its wait, polls do",
                workers,
            )
