"""Observers: who is told of events, by a dispatch that none of them can break.

The events are imported when somebody observes: most programs never pay for them.
"""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from craftkit_async.observe.events import Event

_logger = logging.getLogger(__name__)


class Observer(Protocol):
    """Somebody who wants to know; called on the event loop, so it must not block."""

    def on_event(self, event: "Event") -> None:
        """Take note of an event."""
        ...


class Observers:
    """The observers of a client: all are told, and none can break a call."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)
        self._broken: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._observers)

    def tell(self, event: "Event") -> None:
        """Tell every observer; one that raises is logged once."""
        for observer in self._observers:
            try:
                observer.on_event(event)
            except Exception:
                if id(observer) not in self._broken:
                    self._broken.add(id(observer))
                    _logger.exception("the observer %r failed; it is not reported again", type(observer).__name__)


# ---- what there is to tell, one function for each place that tells it


def report_failure(observers: Observers, operation: str, attempt: int, error: Exception) -> None:
    """Tell that an attempt failed."""
    from craftkit_async.observe.events import AttemptFailed  # noqa: PLC0415 - see the module

    observers.tell(AttemptFailed(operation, attempt, error))


def report_next_attempt(observers: Observers, operation: str, attempt: int, delay: float, window: int | None) -> None:
    """Tell that a call will be sent again; `window` is given where it keeps its place until then."""
    from craftkit_async.observe.events import Retried, Throttled  # noqa: PLC0415 - see the module

    if window is None:
        observers.tell(Retried(operation, attempt, delay))
    else:
        observers.tell(Throttled(operation, attempt, delay, window))


def report_submit(observers: Observers, template: str, key: str, render_id: str, *, replayed: bool) -> None:
    """Tell that a render has an id."""
    from craftkit_async.observe.events import Submitted  # noqa: PLC0415 - see the module

    observers.tell(Submitted(render_id, template, key, replayed))


def report_abandoned_submit(observers: Observers, template: str, key: str) -> None:
    """Tell that a submit was cancelled before its answer."""
    from craftkit_async.observe.events import Abandoned  # noqa: PLC0415 - see the module

    observers.tell(Abandoned(template, key))


def report_download(observers: Observers, render_id: str | None, size: int, elapsed: float) -> None:
    """Tell that a document arrived whole."""
    from craftkit_async.observe.events import Downloaded  # noqa: PLC0415 - see the module

    observers.tell(Downloaded(render_id, size, elapsed))
