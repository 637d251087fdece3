"""Reports: one function for each place that has something to tell.

The events are imported when somebody observes: most programs never pay for them.
"""

from craftkit_async.observe.observers import Observers


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
