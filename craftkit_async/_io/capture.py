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


captured: ContextVar[list[CapturedResponse] | None] = ContextVar("craftkit_async.captured", default=None)
"""The list to add to, if anybody collects."""


@contextmanager
def capture_responses() -> Iterator[list[CapturedResponse]]:
    """Collect what every call inside got, those of tasks that are started inside as well."""
    seen: list[CapturedResponse] = []
    token = captured.set(seen)
    try:
        yield seen
    finally:
        captured.reset(token)
