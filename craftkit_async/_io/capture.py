"""Capture: what the calls inside a `with` block got, for those who need a status or a header."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import attrs

from craftkit_async.models.value import Value, model


@model
class CapturedResponse(Value):
    """What one call got in the end; `status` is None when no reply came."""

    operation: str
    status: int | None
    headers: Mapping[str, str] = attrs.field(repr=False)
    """In lower case."""
    attempts: int
    elapsed: float
    """Seconds from the call to its result, waits included."""


was_ever_used = False
"""Has anybody collected in this process? Asking a context variable at each call costs 60 ns."""

captured: ContextVar[list[CapturedResponse] | None] = ContextVar("craftkit_async.captured", default=None)
"""The list to add to, if anybody collects."""


@contextmanager
def capture_responses() -> Iterator[list[CapturedResponse]]:
    """Collect what every call inside got, those of tasks that are started inside as well."""
    global was_ever_used  # noqa: PLW0603 - only ever set, and read by the sender
    was_ever_used = True
    seen: list[CapturedResponse] = []
    token = captured.set(seen)
    try:
        yield seen
    finally:
        captured.reset(token)
