"""Observers: who receives events, through a dispatch that a failing observer cannot break."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from craftkit_async.errors import ConfigurationError

if TYPE_CHECKING:
    from craftkit_async.observe.events import Event

_logger = logging.getLogger(__name__)


class Observer(Protocol):
    """Receives events on the event loop, so it must not block."""

    def on_event(self, event: "Event") -> None:
        """Handle an event."""
        ...


class Observers:
    """The observers of a client: each receives every event, and none can break a call."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        try:
            self._observers = tuple(observers)
        except TypeError:
            raise ConfigurationError("observers takes a list of observers") from None
        if not all(callable(getattr(observer, "on_event", None)) for observer in self._observers):
            raise ConfigurationError("observers takes objects with a method on_event(event)")
        self._broken: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._observers)

    def notify(self, event: "Event") -> None:
        """Pass an event to every observer; one that raises is logged once."""
        for observer in self._observers:
            try:
                observer.on_event(event)
            except Exception:
                if id(observer) not in self._broken:
                    self._broken.add(id(observer))
                    _logger.exception("the observer %r failed; it is not reported again", type(observer).__name__)
