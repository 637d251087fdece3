"""Subscriptions: which handlers an event concerns, and which of them come before the answer."""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from craftkit_async.errors import ConfigurationError

Handler = TypeVar("Handler")

# Where a form renders nothing, its delivery is the only copy of what somebody filled in.
_ONLY_COPY = "form.submitted"


class _Subscription(NamedTuple, Generic[Handler]):
    patterns: tuple[str, ...]
    handler: Handler
    before_answer: bool | None


class Subscriptions(Generic[Handler]):
    """Handlers in the order in which they were registered."""

    __slots__ = ("_all",)

    def __init__(self) -> None:
        self._all: list[_Subscription[Handler]] = []

    def add(self, patterns: tuple[str, ...], handler: Handler, *, before_answer: bool | None) -> None:
        """Register a handler; None lets each event decide whether it comes before the answer."""
        self._all.append(_Subscription(patterns, handler, before_answer))

    def split(self, event: str) -> tuple[list[Handler], list[Handler]]:
        """Return the handlers of an event: those before the answer, and those after it."""
        before: list[Handler] = []
        after: list[Handler] = []
        for patterns, handler, before_answer in self._all:
            if any(_fits(pattern, event) for pattern in patterns):
                comes_first = event == _ONLY_COPY if before_answer is None else before_answer
                (before if comes_first else after).append(handler)
        return before, after


def check_patterns(patterns: Iterable[object]) -> tuple[str, ...]:
    """Return the patterns, or refuse those that no event can fit."""
    checked = tuple(patterns)
    if not checked:
        raise ConfigurationError('name at least one event: on("render.failed"), or on("*") for all of them')
    for pattern in checked:
        if not isinstance(pattern, str) or not pattern or "*" in pattern.removesuffix("*").removesuffix("."):
            raise ConfigurationError(f'an event is named in full, as "signature.*" or as "*", not {pattern!r}')
        if pattern.endswith("*") and pattern != "*" and not pattern.endswith(".*"):
            raise ConfigurationError(f'an event is named in full, as "signature.*" or as "*", not {pattern!r}')
    return tuple(pattern for pattern in checked if isinstance(pattern, str))


def _fits(pattern: str, event: str) -> bool:
    return event.startswith(pattern[:-1]) if pattern.endswith("*") else event == pattern
