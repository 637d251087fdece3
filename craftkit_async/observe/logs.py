"""LoggingObserver: events as log lines."""

import logging

from craftkit_async.observe.events import (
    Abandoned,
    AttemptFailed,
    Completed,
    DeliveryRefused,
    Event,
    HandlerFailed,
    Throttled,
    TimedOut,
)

# What a person on call wants to see; everything else is for debugging.
_LEVELS: dict[type[Event], int] = {
    AttemptFailed: logging.INFO,
    Throttled: logging.INFO,
    Completed: logging.INFO,
    DeliveryRefused: logging.WARNING,
    TimedOut: logging.WARNING,
    Abandoned: logging.WARNING,
    HandlerFailed: logging.ERROR,
}


class LoggingObserver:
    """Writes one line for each event, to the logger of this package or one of your own."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("craftkit_async.events")

    def on_event(self, event: Event) -> None:
        """Write the line; the `repr` of an event shows no secret and no personal data."""
        self._logger.log(_LEVELS.get(type(event), logging.DEBUG), "%r", event)
