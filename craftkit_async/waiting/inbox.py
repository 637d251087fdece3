"""WebhookInbox: where deliveries come in, on whatever loop or thread that is.

How a delivery travels:

1. It is verified where it arrives. That needs the secrets and nothing else, so a forged one is refused on the spot and
   never touches the client's loop.
2. A genuine one is acted on by the loop that the client belongs to. Mostly that is the running one, and everything is
   done in one call without a task or a coroutine. If it is another loop, the delivery is handed over to it. If the
   client belongs to no loop yet, or to one that was closed, it belongs to the running one from now on.
3. What is done there, in which order, is the business of `deliveries.py`.

An inbox is a view: that of the root client tries the secrets of all projects, that of a child those of its own.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from craftkit_async._sansio.calls.project_labels import check_label
from craftkit_async._sansio.webhooks.delivery import Body, Fields, Headers, read_headers
from craftkit_async._sansio.webhooks.keyring import Keyring
from craftkit_async._sansio.webhooks.signing import Secrets
from craftkit_async._sansio.webhooks.subscriptions import check_patterns
from craftkit_async.errors import ClientStateError, ConfigurationError, DeliveryError, SignatureError
from craftkit_async.waiting.completions import Completions
from craftkit_async.waiting.deliveries import OK, TRY_AGAIN, Deliveries, Outcome, Receipt, receipt_of
from craftkit_async.waiting.handlers import Handler
from craftkit_async.waiting.projects import Membership, Ring, SecretsProvider
from craftkit_async.webhooks import VerifiedDelivery, verify

AnyHandler = TypeVar("AnyHandler", bound=Handler)

_logger = logging.getLogger(__name__)

# A delivery on another loop than the client's waits for that loop; the service gives up after about 15 s.
_HAND_OVER = 12.0

_UNCONFIGURED = "there is no webhook secret"


class WebhookInbox:
    """Takes in the deliveries of a client: verifies them, completes waits, and runs handlers."""

    def __init__(self, completions: Completions, deliveries: Deliveries, membership: Membership | None) -> None:
        self._completions = completions
        self._deliveries = deliveries
        self._projects = completions.projects
        self._runtime = completions.runtime
        # Keeps the project and its secrets; None in the inbox of the root client.
        self._membership = membership
        self._project = None if membership is None else membership.project
        self._ring_key = None if membership is None else membership.project.key
        limits = completions.runtime.settings.limits
        self._max_body = limits.webhook_bytes
        self._most_tried = limits.secrets_tried
        self._said: set[str] = set()
        if membership is None:
            _warn_of_other_workers(has_relay=completions.options.relay is not None)

    @property
    def max_body(self) -> int:
        """How many bytes of a delivery a receiver reads."""
        return self._max_body

    def check(self) -> None:
        """Raise `ConfigurationError` if no webhook secret is configured."""
        if not self._projects.has_secrets(self._project):
            raise ConfigurationError(
                "there is no webhook secret; pass webhook_secret, or set CRAFTKIT_WEBHOOK_SECRET to the one of the"
                " subscription in the dashboard"
            )

    def add_project(self, project: str, webhook_secret: Secrets | SecretsProvider) -> None:
        """Receive the webhooks of a project whose key this process does not have, until `remove_project`."""
        self._projects.add(check_label(project), webhook_secret)

    def remove_project(self, project: str) -> None:
        """Forget the secrets that `add_project` was given for a project."""
        self._projects.remove(check_label(project))

    def on(self, *events: str, before_answer: bool | None = None) -> Callable[[AnyHandler], AnyHandler]:
        """Register a handler for events by name, as "signature.*", or as "*".

        A handler is `async def handler(event)`, or a plain function that does not block. It runs after the answer,
        unless `before_answer` is True: then it has ten seconds, and its failure makes the service send the delivery
        again. Omitted, only "form.submitted" is handled before its answer, since its delivery may be the only copy of
        its data. The inbox of a child hears its own project, that of the root client hears all projects.
        """
        patterns = check_patterns(events)

        def register(handler: AnyHandler) -> AnyHandler:
            if not callable(handler):
                raise ConfigurationError("a handler is `async def handler(event)`, or a plain function")
            self._deliveries.subscriptions.add(patterns, handler, before_answer=before_answer, member=self._membership)
            return handler

        return register

    async def receive(self, body: Body, headers: Headers, *, project: str | None = None) -> Receipt:
        """Verify a delivery, complete waits, and say how to answer; never raises for bad input.

        `project` narrows the secrets that are tried to those of one project.
        """
        outcome = self._take(body, headers, read_headers, project)
        if isinstance(outcome, VerifiedDelivery):
            return receipt_of(outcome)
        receipt = outcome if isinstance(outcome, Receipt) else await outcome
        if receipt.reason == _UNCONFIGURED and project is None:
            self.check()
        return receipt

    def respond(
        self,
        body: Body,
        headers: Any,
        *,
        project: str | None = None,
        read: Callable[[Any], Fields] = read_headers,
    ) -> int | Awaitable[int]:
        """Do what `receive` does, for a web framework: return the status, or something to await for it.

        Most deliveries are done with at once, and then there is no coroutine that would cost anything. `read` turns
        the framework's headers into fields.
        """
        outcome = self._take(body, headers, read, project)
        if isinstance(outcome, VerifiedDelivery):
            return OK
        return outcome.status if isinstance(outcome, Receipt) else _status_of(outcome)

    # ---- on which loop

    def _take(self, body: Body, headers: Any, read: Callable[[Any], Fields], project: str | None) -> Outcome:
        # Made once, where secrets are fixed; all else about projects is for the slow way.
        ring = self._projects.rings.get(self._ring_key) if project is None else None
        if ring is None:
            found = self._find_ring(project)
            if not isinstance(found, Keyring):
                return found
            ring = found
        try:
            delivery = verify(body, read(headers), ring, self._max_body)
        except DeliveryError as error:
            return self._refuse(error)
        return self._deliveries.accept(delivery) if self._runtime.is_here() else self._take_to_owner(delivery)

    def _find_ring(self, label: str | None) -> Ring | Receipt:
        """Return the secrets to try, or the receipt where none may be tried."""
        project = self._project
        if label is not None:
            named = self._projects.find(label)
            if named is None or project not in (None, named):
                return self._refuse(SignatureError("the path names a project that is not known here"))
            project = named
        try:
            ring = self._projects.ring_of(project)
        except Exception as error:  # noqa: BLE001 - a function given as webhook_secret may raise anything
            self._say_once("a function given as webhook_secret failed: %s", type(error).__name__)
            return Receipt(TRY_AGAIN, reason="a function given as webhook_secret failed")
        if not len(ring):
            self._say_once("a delivery was answered 503: no webhook secret is known for %s", label or "this client")
            return Receipt(TRY_AGAIN, reason=_UNCONFIGURED)
        if project is None and len(ring) > self._most_tried:
            self._say_once(
                "a delivery was answered 503: with more than %s secrets, receive it with project=", self._most_tried
            )
            return Receipt(TRY_AGAIN, reason="too many secrets to try; receive with project=")
        return ring

    def _refuse(self, error: DeliveryError) -> Receipt:
        """Refuse on the spot; what is counted and told is so on the client's loop, if that is another one."""
        owner = self._runtime.loop
        if owner is not None and not self._runtime.is_here():
            try:
                owner.call_soon_threadsafe(self._deliveries.refuse, error)
            except RuntimeError:
                # That loop is closed.
                return self._deliveries.refuse(error)
            return Receipt(error.status_hint, reason=str(error))
        return self._deliveries.refuse(error)

    def _take_to_owner(self, delivery: VerifiedDelivery) -> Outcome:
        """Find the loop that the client belongs to; if there is none that can still run, it is this one."""
        if self._runtime.is_orphaned:
            self._runtime.leave_loop()
            self._completions.reopen()
            self._deliveries.reopen()
        try:
            owner = self._runtime.owner()
        except ClientStateError as error:
            return Receipt(TRY_AGAIN, reason=str(error))
        if owner is asyncio.get_running_loop():
            return self._deliveries.accept(delivery)
        return self._hand_over(delivery, owner)

    async def _hand_over(self, delivery: VerifiedDelivery, owner: asyncio.AbstractEventLoop) -> Receipt:
        """Let the client's own loop act on it."""
        taking = self._accept_there(delivery)
        try:
            taken = asyncio.run_coroutine_threadsafe(taking, owner)
        except RuntimeError:
            taking.close()
            return Receipt(TRY_AGAIN, reason="the client's event loop is closed")
        me: Any = asyncio.current_task()
        try:
            async with asyncio.timeout(_HAND_OVER):
                return await asyncio.wrap_future(taken)
        except TimeoutError:
            return Receipt(TRY_AGAIN, reason="the client's event loop does not answer")
        except asyncio.CancelledError:
            if me.cancelling():
                raise
            return Receipt(TRY_AGAIN, reason="the client's event loop has ended the work")

    async def _accept_there(self, delivery: VerifiedDelivery) -> Receipt:
        outcome = self._deliveries.accept(delivery)
        if isinstance(outcome, VerifiedDelivery):
            return receipt_of(outcome)
        return outcome if isinstance(outcome, Receipt) else await outcome

    def _say_once(self, message: str, value: object) -> None:
        if message not in self._said:
            self._said.add(message)
            _logger.error(message, value)


async def _status_of(receipt: Awaitable[Receipt]) -> int:
    return (await receipt).status


def _warn_of_other_workers(*, has_relay: bool) -> None:
    """Warn that a webhook may come in at another worker than the one that waits."""
    workers = os.environ.get("WEB_CONCURRENCY", "")
    if workers.isdecimal() and int(workers) > 1 and not has_relay:
        _logger.warning(
            "WEB_CONCURRENCY is %s and there is no relay: a webhook that comes in at another worker than the one that"
            " waits does not complete its wait, polls do",
            workers,
        )
