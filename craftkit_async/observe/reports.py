"""Reports: one function per event, called where it happens.

The event classes are imported only when there is an observer: most programs never pay for them.
"""

import logging
from collections.abc import Iterable

from craftkit_async.models.renders import Render
from craftkit_async.observe.observers import Observers

_logger = logging.getLogger(__name__)

# What was logged once; a service that makes up paths without end is not followed.
_logged: set[tuple[str, str]] = set()
_MOST_LOGGED = 1000


def log_dropped(operation: str, paths: Iterable[str]) -> None:
    """Log the members of a reply that did not fit and are None for the caller, each once."""
    for path in paths:
        if (operation, path) not in _logged and len(_logged) < _MOST_LOGGED:
            _logged.add((operation, path))
            _logger.warning("the reply to %s has a member that does not fit and is left out: %s", operation, path)


def report_failure(observers: Observers, operation: str, attempt: int, error: Exception) -> None:
    """Report a failed attempt."""
    from craftkit_async.observe.events import AttemptFailed  # noqa: PLC0415 - see the module

    observers.notify(AttemptFailed(operation, attempt, error))


def report_next_attempt(observers: Observers, operation: str, attempt: int, delay: float, window: int | None) -> None:
    """Report that a call will be sent again; `window` is given if it keeps its slot until then."""
    from craftkit_async.observe.events import Retried, Throttled  # noqa: PLC0415 - see the module

    if window is None:
        observers.notify(Retried(operation, attempt, delay))
    else:
        observers.notify(Throttled(operation, attempt, delay, window))


def report_submit(observers: Observers, template: str, key: str, render_id: str, *, replayed: bool) -> None:
    """Report that a submit was answered."""
    from craftkit_async.observe.events import Submitted  # noqa: PLC0415 - see the module

    observers.notify(Submitted(render_id, template, key, replayed))


def report_abandoned_submit(observers: Observers, template: str, key: str) -> None:
    """Report a submit that was cancelled before its answer."""
    from craftkit_async.observe.events import Abandoned  # noqa: PLC0415 - see the module

    observers.notify(Abandoned(template, key))


def report_poll(observers: Observers, render_id: str, status: str | None, error: Exception | None) -> None:
    """Report a poll."""
    from craftkit_async.observe.events import Polled  # noqa: PLC0415 - see the module

    observers.notify(Polled(render_id, status, error))


def report_completion(observers: Observers, render: Render, source: str, elapsed: float) -> None:
    """Report how a render finished that somebody waited for."""
    from craftkit_async.observe.events import Completed  # noqa: PLC0415 - see the module

    observers.notify(Completed(render, source, elapsed))


def report_timeout(observers: Observers, render_id: str | None, key: str | None, elapsed: float) -> None:
    """Report a wait that ran out of time."""
    from craftkit_async.observe.events import TimedOut  # noqa: PLC0415 - see the module

    observers.notify(TimedOut(render_id, key, elapsed))


def report_delivery(observers: Observers, event: str, *, duplicate: bool) -> None:
    """Report a genuine delivery."""
    from craftkit_async.observe.events import DeliveryReceived  # noqa: PLC0415 - see the module

    observers.notify(DeliveryReceived(event, duplicate))


def report_refusal(observers: Observers, reason: str) -> None:
    """Report a refused delivery."""
    from craftkit_async.observe.events import DeliveryRefused  # noqa: PLC0415 - see the module

    observers.notify(DeliveryRefused(reason))


def report_handler_failure(observers: Observers, event: str, error: Exception) -> None:
    """Report a handler that failed."""
    from craftkit_async.observe.events import HandlerFailed  # noqa: PLC0415 - see the module

    observers.notify(HandlerFailed(event, error))


def report_download(observers: Observers, render_id: str | None, size: int, elapsed: float) -> None:
    """Report a complete download."""
    from craftkit_async.observe.events import Downloaded  # noqa: PLC0415 - see the module

    observers.notify(Downloaded(render_id, size, elapsed))
