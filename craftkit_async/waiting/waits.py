"""Waits: the waiting half of a client, made and imported when somebody first waits or receives."""

import os
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import attrs

from craftkit_async._io.runtime import Runtime
from craftkit_async._sansio.evidence import MODES, Mode
from craftkit_async.errors import ConfigurationError
from craftkit_async.observe.statistics import Statistics
from craftkit_async.options import PollPolicy

if TYPE_CHECKING:
    from craftkit_async._sansio.signing import Secrets
    from craftkit_async.waiting.inbox import WebhookInbox
    from craftkit_async.waiting.relay import Relay
    from craftkit_async.waiting.room import WaitingRoom

# The first that is set counts; a secret holds no blank, so several are told apart by one.
_SECRET_VARIABLES = ("CRAFTKIT_WEBHOOK_SECRET", "CK_WEBHOOK_SECRET")

_RELAY_METHODS = ("open", "publish", "lookup", "aclose")


class WaitingTerms(NamedTuple):
    """How a client wants to wait."""

    polling: PollPolicy
    webhooks: Mode
    secrets: "Secrets | None"
    relay: "Relay | None"


def read_terms(
    polling: PollPolicy, webhooks: Mode, webhook_secret: "Secrets | None", relay: "Relay | None"
) -> WaitingTerms:
    """Check what a client was given, and look for a secret in the environment."""
    if not isinstance(polling, PollPolicy):
        raise ConfigurationError(f"polling takes PollPolicy(…), not a {type(polling).__name__}")
    if webhooks not in MODES:
        raise ConfigurationError(f'webhooks takes "auto", "expect" or "off", not {webhooks!r}')
    if relay is not None and not all(callable(getattr(relay, name, None)) for name in _RELAY_METHODS):
        raise ConfigurationError(f"relay takes an object with the async methods {', '.join(_RELAY_METHODS)}")
    if webhook_secret is None:
        return WaitingTerms(polling, webhooks, _secrets_of_environment(), relay)
    from craftkit_async._sansio.signing import matcher_of  # noqa: PLC0415 - only where there is a secret

    if not isinstance(webhook_secret, str | bytes) and not hasattr(webhook_secret, "keys"):
        webhook_secret = tuple(webhook_secret) if hasattr(webhook_secret, "__iter__") else webhook_secret
    # Refuses what is no secret now, and not when the first webhook comes in.
    matcher_of(webhook_secret)
    return WaitingTerms(polling, webhooks, webhook_secret, relay)


class Waits:
    """One waiting room and one inbox for a client and its children, once somebody needs them."""

    def __init__(self, runtime: Runtime, terms: WaitingTerms) -> None:
        self._runtime = runtime
        self._terms = terms

    @cached_property
    def room(self) -> "WaitingRoom":
        """Where everybody waits."""
        from craftkit_async.waiting.room import WaitingRoom  # noqa: PLC0415 - see the module

        return WaitingRoom(self._runtime, self._terms)

    @cached_property
    def inbox(self) -> "WebhookInbox":
        """Where webhooks come in."""
        from craftkit_async.waiting.inbox import WebhookInbox  # noqa: PLC0415 - see the module

        return WebhookInbox(self.room)

    async def open(self) -> None:
        """Listen to the other processes from the start."""
        if self._terms.relay is not None:
            await self.room.open()

    def fill_in(self, statistics: Statistics) -> Statistics:
        """Add what is going on here."""
        if "room" not in self.__dict__:
            return statistics
        pending = self.room.pending
        return attrs.evolve(statistics, pending=pending.waited, mailbox=len(pending.mailbox))

    async def end(self) -> None:
        """End every wait, let handlers finish, and end those waits that they began."""
        if "room" not in self.__dict__:
            return
        self.room.is_closing = True
        try:
            if self._runtime.is_open:
                self._runtime.check()
                await self.room.end_waits()
                if "inbox" in self.__dict__:
                    await self.inbox.drain()
                    await self.room.end_waits()
            await self.room.aclose()
        finally:
            self.room.is_closing = False


def _secrets_of_environment() -> "Secrets | None":
    given = next((found for name in _SECRET_VARIABLES if (found := os.environ.get(name, "").split())), None)
    return given if given is None or len(given) > 1 else given[0]
