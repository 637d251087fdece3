"""What happened: events, who observes them, and the counts."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

if _TYPE_CHECKING:
    from craftkit_async.observe.events import (
        Abandoned,
        AttemptFailed,
        Completed,
        DeliveryReceived,
        DeliveryRefused,
        Downloaded,
        Event,
        HandlerFailed,
        Polled,
        Retried,
        Submitted,
        Throttled,
        TimedOut,
    )
    from craftkit_async.observe.logs import LoggingObserver
    from craftkit_async.observe.observers import Observer
    from craftkit_async.observe.statistics import Statistics

__all__ = [
    "Abandoned",
    "AttemptFailed",
    "Completed",
    "DeliveryReceived",
    "DeliveryRefused",
    "Downloaded",
    "Event",
    "HandlerFailed",
    "LoggingObserver",
    "Observer",
    "Polled",
    "Retried",
    "Statistics",
    "Submitted",
    "Throttled",
    "TimedOut",
]

# Imported when they are first asked for: every client imports this package, and most observe nothing.
_ELSEWHERE = {"LoggingObserver": "logs", "Observer": "observers", "Statistics": "statistics"}


def __getattr__(name: str) -> _Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(f"{__name__}.{_ELSEWHERE.get(name, 'events')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
