"""Deliveries: what to do with one, in order: verify, complete waits, publish, claim, run handlers, commit, answer."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, NamedTuple

import attrs

from craftkit_async._sansio.webhooks.duplicates import Duplicates
from craftkit_async._sansio.webhooks.signing import SecretName
from craftkit_async._sansio.webhooks.subscriptions import FORM_SUBMITTED, Subscriptions
from craftkit_async.errors import DeliveryError, RelayError
from craftkit_async.models.events import Webhook
from craftkit_async.observe.reports import report_delivery, report_refusal
from craftkit_async.waiting.completions import Completions
from craftkit_async.waiting.handlers import Handler, Handlers
from craftkit_async.waiting.relay import SignedRender
from craftkit_async.waiting.relay_link import HeldClaim
from craftkit_async.webhooks import VerifiedDelivery

_logger = logging.getLogger(__name__)

OK, TRY_AGAIN = 200, 503


def _event_of(event: "Webhook | VerifiedDelivery | None") -> Webhook | None:
    return event.event(event.owners[0].project.label) if isinstance(event, VerifiedDelivery) else event


@attrs.define
class Receipt:
    """What became of a delivery: answer it with `status` and an empty body."""

    # As users construct it: `match` must see the event, not what it is built of.
    __match_args__ = ("status", "event", "duplicate", "reason", "secret", "project")

    status: int
    # The event of a delivery is built when it is asked for.
    _event: "Webhook | VerifiedDelivery | None" = attrs.field(default=None, eq=_event_of, repr=False)
    duplicate: bool = False
    reason: str | None = None
    """For the log, and not for the sender."""
    secret: SecretName | None = None
    """The name or index of the secret that fitted."""
    project: str | None = None
    """The project whose secret fitted; the first by name, if several have it."""

    @property
    def event(self) -> Webhook | None:
        """What the delivery says; None if it was not believed."""
        self._event = _event_of(self._event)
        return self._event


# A delivery that needs no work is answered by 200 and handed on as it is: nobody may ask for its receipt.
Outcome = VerifiedDelivery | Receipt | Awaitable[Receipt]


def receipt_of(
    delivery: VerifiedDelivery, status: int = OK, *, reason: str | None = None, is_duplicate: bool = False
) -> Receipt:
    """Make the receipt of a genuine delivery."""
    owner = delivery.owners[0]
    return Receipt(status, delivery, is_duplicate, reason, owner.secret, owner.project.label)


class _Work(NamedTuple):
    """The work for one delivery, before its answer."""

    answered: asyncio.Future[Receipt]
    task: asyncio.Task[Any] | None


class Deliveries:
    """Works on verified deliveries, on the client's loop."""

    def __init__(self, completions: Completions) -> None:
        self.subscriptions: Subscriptions[Handler] = Subscriptions()
        self.handlers = Handlers(completions.runtime)
        self._completions = completions
        self._runtime = completions.runtime
        self._statistics = completions.runtime.statistics
        # None where nobody observes, so that most deliveries do not ask.
        self._observers = completions.runtime.settings.observers or None
        self._passed = Duplicates()
        self._worked_on = Duplicates()
        # Deliveries whose work is under way; a repeat waits for how it ends.
        self._working: dict[str, _Work] = {}

    def reopen(self) -> None:
        """Begin on a loop anew; work of an earlier loop will never finish."""
        self._working.clear()
        self.handlers.reopen()

    def refuse(self, error: DeliveryError) -> Receipt:
        """Count and tell a delivery that is not to be trusted or not readable."""
        self._statistics.refused += 1
        if self._observers:
            report_refusal(self._observers, str(error))
        return Receipt(error.status_hint, reason=str(error))

    def accept(self, delivery: VerifiedDelivery) -> Outcome:
        """Act on a delivery: most need nothing but a look at who waits."""
        if self._completions.is_closing:
            return Receipt(TRY_AGAIN, reason="the client is closing")
        self._statistics.deliveries += 1
        published = delivery.published
        key = delivery.signature if published is not None else delivery.deduplication_key
        passed, worked_on = self._passed, self._worked_on
        # The sets themselves: calls would cost a tenth of all that a delivery costs.
        is_repeat = key in passed.current or key in passed.previous or key in self._working
        if self.subscriptions.all and not is_repeat:
            is_repeat = key in worked_on
        if self._observers:
            report_delivery(self._observers, delivery.name, duplicate=is_repeat)
        if is_repeat:
            return self._repeat(delivery, key)
        is_awaited = self._completions.take(delivery)
        if self.subscriptions.all or self._completions.link is not None or published is None:
            return self._sort(delivery, key, is_awaited=is_awaited)
        passed.add(key)
        return delivery

    def _sort(self, delivery: VerifiedDelivery, key: str, *, is_awaited: bool) -> Outcome:
        """Tell what needs work from what does not."""
        projects = [owner.project() for owner in delivery.owners]
        before, after = self.subscriptions.split(delivery.name, projects)
        if not before and not after:
            if delivery.name == FORM_SUBMITTED:
                return self._refuse_form(delivery)
            if self._completions.link is None or delivery.render_id is None:
                self._passed.add(key)
                return delivery
        return self._work(delivery, key, before, after, is_awaited=is_awaited)

    async def drain(self, patience: float) -> None:
        """Let handlers finish that were begun: those before an answer, and then those after it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        # If a handler closes the client, waiting for that handler would deadlock.
        own = asyncio.current_task()
        try:
            while others := [work.answered for work in self._working.values() if work.task is not own]:
                left = deadline - loop.time()
                if left <= 0:
                    break
                await asyncio.wait(others, timeout=left)
        finally:
            await self.handlers.drain(max(deadline - loop.time(), 0.0))

    # ---- one step each

    def _refuse_form(self, delivery: VerifiedDelivery) -> Receipt:
        _logger.warning(
            "a form.submitted was answered 503, since no handler takes it and it may be the only copy of its data; to"
            ' drop such data, register a handler that does nothing: @craftkit.inbox.on("form.submitted")'
        )
        return receipt_of(delivery, TRY_AGAIN, reason="no handler takes form.submitted")

    def _repeat(self, delivery: VerifiedDelivery, key: str) -> Receipt | Awaitable[Receipt]:
        self._statistics.duplicates += 1
        working = self._working.get(key)
        if working is not None:
            return self._answer_like(delivery, working.answered)
        return receipt_of(delivery, is_duplicate=True)

    async def _answer_like(self, delivery: VerifiedDelivery, answered: "asyncio.Future[Receipt]") -> Receipt:
        """Answer a repeat like the first one, as soon as that is answered."""
        # Not awaited itself: if this repeat is cancelled, the first one must not be.
        await asyncio.wait([answered])
        first = answered.result()
        return receipt_of(delivery, first.status, reason=first.reason, is_duplicate=True)

    async def _publish(self, delivery: VerifiedDelivery, *, is_awaited: bool) -> str | None:
        """Publish; returns why the service must send the delivery again, if it must."""
        link, render_id = self._completions.link, delivery.render_id
        if link is None or render_id is None:
            return None
        try:
            await link.publish(render_id, SignedRender(delivery.body, delivery.signature))
        except RelayError as error:
            return None if is_awaited else str(error)
        return None

    async def _work(
        self, delivery: VerifiedDelivery, key: str, before: list[Handler], after: list[Handler], *, is_awaited: bool
    ) -> Receipt:
        """Do what must be done before the answer, and begin what comes after it; work that fails may come again."""
        answered: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        work = self._working[key] = _Work(answered, asyncio.current_task())
        receipt = receipt_of(delivery, TRY_AGAIN, reason="the work was given up")
        try:
            receipt = await self._work_in_turn(delivery, key, before, after, is_awaited=is_awaited)
        finally:
            if self._working.get(key) is work:
                del self._working[key]
            answered.set_result(receipt)
        return receipt

    async def _work_in_turn(
        self, delivery: VerifiedDelivery, key: str, before: list[Handler], after: list[Handler], *, is_awaited: bool
    ) -> Receipt:
        reason = await self._publish(delivery, is_awaited=is_awaited) or self._why_not(before, after)
        if reason is not None:
            return receipt_of(delivery, TRY_AGAIN, reason=reason)
        if not before and not after:
            self._passed.add(key)
            return receipt_of(delivery)
        claim = await self._claim(delivery, key)
        if isinstance(claim, Receipt):
            return claim
        try:
            return await self._run_handlers(delivery, key, before, after, claim)
        finally:
            if claim is not None:
                await claim.finish()

    async def _claim(self, delivery: VerifiedDelivery, key: str) -> HeldClaim | Receipt | None:
        """Claim the work; a receipt where none is to be done here, None where no claim is needed."""
        link = self._completions.link
        if link is None:
            return None
        try:
            claim = await link.claim(key)
        except RelayError as error:
            # Losing the only copy of a form's data is worse than working on it twice.
            is_form = delivery.name == FORM_SUBMITTED
            return None if is_form else receipt_of(delivery, TRY_AGAIN, reason=str(error))
        if claim is None:
            self._worked_on.add(key)
            return receipt_of(delivery, is_duplicate=True)
        return claim

    def _why_not(self, before: list[Handler], after: list[Handler]) -> str | None:
        """Say why no work may begin now, if none may."""
        if after and self.handlers.is_full:
            return "too many handlers wait for their turn"
        if before and self.handlers.is_busy:
            return "too many handlers run before their answers"
        return None

    async def _run_handlers(
        self, delivery: VerifiedDelivery, key: str, before: list[Handler], after: list[Handler], claim: HeldClaim | None
    ) -> Receipt:
        event = delivery.event(delivery.owners[0].project.label)
        if before and not await self.handlers.run_before(before, event):
            return receipt_of(delivery, TRY_AGAIN, reason="a handler that runs before the answer failed")
        if claim is not None:
            try:
                await claim.commit()
            except RelayError as error:
                if not before:
                    return receipt_of(delivery, TRY_AGAIN, reason=str(error))
        if after and not self._runtime.is_open:
            # Nothing would run them any more.
            return receipt_of(delivery, TRY_AGAIN, reason="the client is closed")
        self._worked_on.add(key)
        self.handlers.start(after, event)
        return receipt_of(delivery)
