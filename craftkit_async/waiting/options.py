"""Options: how a client waits, checked where the client is made."""

import os
from typing import TYPE_CHECKING, NamedTuple

from craftkit_async._sansio.polling.webhook_share import MODES, Mode
from craftkit_async.errors import ConfigurationError
from craftkit_async.options import PollPolicy

if TYPE_CHECKING:
    from craftkit_async._sansio.webhooks.signing import Secrets
    from craftkit_async.waiting.relay import Relay

# The first that is set counts; a secret holds no blank, so several are told apart by one.
_SECRET_VARIABLES = ("CRAFTKIT_WEBHOOK_SECRET", "CK_WEBHOOK_SECRET")

_RELAY_METHODS = ("open", "publish", "lookup", "claim", "commit", "release", "aclose")


class WaitingOptions(NamedTuple):
    """How a client waits."""

    polling: PollPolicy
    webhooks: Mode
    relay: "Relay | None"


def read_options(polling: PollPolicy, webhooks: Mode, relay: "Relay | None") -> WaitingOptions:
    """Check what a client was given."""
    if not isinstance(polling, PollPolicy):
        raise ConfigurationError(f"polling takes PollPolicy(…), not a {type(polling).__name__}")
    if webhooks not in MODES:
        raise ConfigurationError(f'webhooks takes "auto", "expect" or "off", not {webhooks!r}')
    if relay is not None and not all(callable(getattr(relay, name, None)) for name in _RELAY_METHODS):
        raise ConfigurationError(f"relay takes an object with the async methods {', '.join(_RELAY_METHODS)}")
    return WaitingOptions(polling, webhooks, relay)


def secrets_of_environment() -> "Secrets | None":
    """Return one secret or several; None where no variable is set."""
    given = next((found for name in _SECRET_VARIABLES if (found := os.environ.get(name, "").split())), None)
    return given if given is None or len(given) > 1 else given[0]
