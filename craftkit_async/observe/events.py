"""Events: what observers receive."""

import attrs

from craftkit_async.models.renders import Render
from craftkit_async.models.value import Value, model


def _kind_of(error: Exception) -> str:
    return type(error).__name__


class Event(Value):
    """The base of all events."""

    __slots__ = ()


@model
class Submitted(Event):
    """A render has an id; `replayed` when the service already had it under this key."""

    render_id: str
    template: str
    idempotency_key: str
    replayed: bool


@model
class AttemptFailed(Event):
    """One attempt of a call failed; `error` is what the caller gets if no other follows."""

    operation: str
    attempt: int
    error: Exception


@model
class Retried(Event):
    """A call will be sent again after `delay` seconds."""

    operation: str
    attempt: int
    delay: float


@model
class Throttled(Event):
    """The service asked to wait; the call keeps its slot for `delay` seconds and is sent again."""

    operation: str
    attempt: int
    delay: float
    window: int


@model
class Polled(Event):
    """A pending render was polled; `error` is set when the poll failed."""

    render_id: str
    status: str | None = None
    error: Exception | None = None


@model
class DeliveryReceived(Event):
    """A genuine delivery came in."""

    event: str
    duplicate: bool


@model
class DeliveryRefused(Event):
    """A delivery was not to be trusted or not readable."""

    reason: str


@model
class Completed(Event):
    """A render that somebody waited for has finished; `source` is webhook, poll, replay or relay."""

    render: Render
    source: str
    elapsed: float


@model
class TimedOut(Event):
    """A wait ran out of time; the render may still finish."""

    render_id: str | None
    idempotency_key: str | None
    elapsed: float


@model
class Abandoned(Event):
    """A submit was cancelled before its answer; submit again with this key to find the render it may have made."""

    template: str
    idempotency_key: str


@model
class Downloaded(Event):
    """A document arrived whole."""

    render_id: str | None
    size: int
    elapsed: float


@model
class HandlerFailed(Event):
    """A webhook handler raised, took too long, or was dropped when the client closed (`ClientStateError`).

    The repr shows only the class of the error, since its text may hold what the event holds.
    """

    event: str
    error: Exception = attrs.field(repr=_kind_of)
