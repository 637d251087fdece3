"""Subscriptions: which handlers an event concerns, and which of them come before the answer."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Generic, NamedTuple, Protocol, TypeVar

from craftkit_async.errors import ConfigurationError

Handler = TypeVar("Handler")

# Where a form renders nothing, its delivery is the only copy of the data.
FORM_SUBMITTED = "form.submitted"

_OF_SIGNATURES = ("sent", "viewed", "signed", "completed", "declined", "expired", "cancelled")

KNOWN_PATTERNS = (
    "*",
    "render.*",
    "render.succeeded",
    "render.failed",
    "signature.*",
    *(f"signature.{what}" for what in _OF_SIGNATURES),
    "form.*",
    FORM_SUBMITTED,
)

# What is said instead of the published words, and looks less alike than two published words do.
_SYNONYMS = {"success": "succeeded", "failure": "failed", "submit": "submitted", "canceled": "cancelled"}

# Apart from a typing error, no two published names are as near as this.
_NEAR = 0.88


class Member(Protocol):
    """Somebody who hears one project."""

    @property
    def project(self) -> object:
        """The project."""
        ...


class _Subscription(NamedTuple, Generic[Handler]):
    patterns: tuple[str, ...]
    handler: Handler
    before_answer: bool | None
    member: "Member | None"


class Subscriptions(Generic[Handler]):
    """Handlers in the order in which they were registered."""

    __slots__ = ("all",)

    def __init__(self) -> None:
        self.all: list[_Subscription[Handler]] = []

    def add(
        self, patterns: tuple[str, ...], handler: Handler, *, before_answer: bool | None, member: Member | None = None
    ) -> None:
        """Register a handler of a member, for the events of its project, or for all projects.

        `before_answer` None lets each event decide whether the handler runs before its answer.
        """
        self.all.append(_Subscription(patterns, handler, before_answer, member))

    def split(self, event: str, projects: Sequence[object] = ()) -> tuple[list[Handler], list[Handler]]:
        """Return the handlers of an event of these projects: those before the answer, and those after it."""
        before: list[Handler] = []
        after: list[Handler] = []
        for patterns, handler, before_answer, member in self.all:
            if (member is None or member.project in projects) and any(_fits(pattern, event) for pattern in patterns):
                comes_first = event == FORM_SUBMITTED if before_answer is None else before_answer
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
        if (near := _near_miss(pattern)) is not None:
            raise ConfigurationError(f"no event is named {pattern!r}; did you mean {near!r}?")
    return tuple(pattern for pattern in checked if isinstance(pattern, str))


def _near_miss(pattern: str) -> str | None:
    """Return the known name that was probably meant; other unknown names may be events to come."""
    if pattern in KNOWN_PATTERNS:
        return None
    name = pattern.strip().lower().replace("_", ".")
    group, _, what = name.partition(".")
    meant = f"{group}.{_SYNONYMS.get(what, what)}"
    if meant in KNOWN_PATTERNS:
        return meant
    return next(iter(get_close_matches(name, KNOWN_PATTERNS, n=1, cutoff=_NEAR)), None)


def _fits(pattern: str, event: str) -> bool:
    return event.startswith(pattern[:-1]) if pattern.endswith("*") else event == pattern
