"""Events: what an observer is told, and the dispatch that no observer can break."""

import logging
from collections.abc import Iterable
from typing import Protocol

import attrs

from craftkit_async.errors import ConfigurationError
from craftkit_async.models.renders import Render

_logger = logging.getLogger(__name__)


class Event:
    """The base of all events."""

    __slots__ = ()


@attrs.frozen(eq=False)
class Submitted(Event):
    """A render has an id; `replayed` when the service already had it under this key."""

    render_id: str
    template: str
    idempotency_key: str
    replayed: bool


@attrs.frozen(eq=False)
class AttemptFailed(Event):
    """One attempt of a call failed; `error` is what the caller gets if no other follows."""

    operation: str
    attempt: int
    error: Exception


@attrs.frozen(eq=False)
class Retried(Event):
    """A call will be sent again after `delay` seconds."""

    operation: str
    attempt: int
    delay: float


@attrs.frozen(eq=False)
class Throttled(Event):
    """The service asked for patience; the call keeps its place for `delay` seconds and is sent again."""

    operation: str
    attempt: int
    delay: float
    window: int


@attrs.frozen(eq=False)
class Polled(Event):
    """A pending render was looked at; `error` is set when the look failed."""

    render_id: str
    status: str | None = None
    error: Exception | None = None


@attrs.frozen(eq=False)
class DeliveryReceived(Event):
    """A genuine delivery came in."""

    event: str
    duplicate: bool


@attrs.frozen(eq=False)
class DeliveryRefused(Event):
    """A delivery was not to be trusted or not readable."""

    reason: str


@attrs.frozen(eq=False)
class Completed(Event):
    """A render that somebody waited for has ended; `source` is webhook, poll, replay or relay."""

    render: Render
    source: str
    elapsed: float


@attrs.frozen(eq=False)
class TimedOut(Event):
    """Somebody stopped waiting; the render may still end."""

    render_id: str | None
    idempotency_key: str | None
    elapsed: float


@attrs.frozen(eq=False)
class Abandoned(Event):
    """A submit was cancelled before its answer; this key leads to the render it may have made."""

    template: str
    idempotency_key: str


@attrs.frozen(eq=False)
class Downloaded(Event):
    """A document arrived whole."""

    render_id: str | None
    size: int
    elapsed: float


@attrs.frozen(eq=False)
class HandlerFailed(Event):
    """A webhook handler raised."""

    event: str
    error: Exception


class Observer(Protocol):
    """Somebody who wants to know; called on the event loop, so it must not block."""

    def on_event(self, event: Event) -> None:
        """Take note of an event."""
        ...


class Observers:
    """The observers of a client: all are told, and none can break a call."""

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

    def tell(self, event: Event) -> None:
        """Tell every observer; one that raises is logged once."""
        for observer in self._observers:
            try:
                observer.on_event(event)
            except Exception:
                if id(observer) not in self._broken:
                    self._broken.add(id(observer))
                    _logger.exception("the observer %r failed; it is not reported again", type(observer).__name__)
