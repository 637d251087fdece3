"""Options: every bound and pace of a client, frozen, checked, each field explained."""

from collections.abc import Callable
from math import ulp
from sys import float_info
from typing import Any

import attrs

from craftkit_async.errors import ConfigurationError
from craftkit_async.models.value import Value

_Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def _number(least: float, most: float, what: str) -> _Check:
    """Make a check that refuses what is no number between two others."""

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        # NaN compares as False with everything, and a whole number may be larger than any float.
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ConfigurationError(f"{type(instance).__name__}({attribute.name}=…) takes {what}, not {value!r}")

    return check


_seconds = _number(0.0, float_info.max, "seconds from 0 up")
# The smallest of all floats: a limit of zero would time out everything.
_limit = _number(ulp(0.0), float_info.max, "seconds above 0")
# A shorter gap is a busy loop, a longer one is never.
_gap = _number(0.001, 86_400.0, "seconds from 0.001 to 86400")
_factor = _number(1.0, float_info.max, "a number from 1 up")
_share = _number(0.0, 1.0, "a share from 0 to 1")


def _seconds_or_none(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Refuse what is neither None, for no limit, nor a number of seconds."""
    if value is not None:
        _seconds(instance, attribute, value)


def _limit_or_none(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Refuse what is neither None, for no limit, nor a number of seconds above 0."""
    if value is not None:
        _limit(instance, attribute, value)


def _count(instance: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    """Refuse what is no whole number from 1 up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(
            f"{type(instance).__name__}({attribute.name}=…) takes a whole number from 1 up, not {value!r}",
        )


def _flag(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{type(instance).__name__}({attribute.name}=…) takes True or False, not {value!r}")


def _at_least(first: str) -> _Check:
    """Make a check that refuses a cap below the first step."""

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: float) -> None:
        step = getattr(instance, first)
        if value < step:
            raise ConfigurationError(
                f"{type(instance).__name__}({attribute.name}={value!r}) lies below {first}={step!r}",
            )

    return check


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Timeouts(Value):
    """How long each thing may take, in seconds; None is no limit."""

    connect: float | None = attrs.field(default=10.0, validator=_limit_or_none)
    """Opening one connection."""
    request: float | None = attrs.field(default=30.0, validator=_limit_or_none)
    """One attempt, from its slot in the governor to the last byte of the reply."""
    idle: float | None = attrs.field(default=30.0, validator=_limit_or_none)
    """Silence inside a download."""
    wait: float | None = attrs.field(default=300.0, validator=_limit_or_none)
    """Waiting for a render, from the call to the result."""
    close: float = attrs.field(default=10.0, validator=_limit)
    """Letting finish what still runs when the client closes."""
    handler: float | None = attrs.field(default=600.0, validator=_limit_or_none)
    """One run of a webhook handler after the answer; those before an answer have ten seconds together."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RetryPolicy(Value):
    """When a request is sent again: exponential with full jitter, bounded four ways."""

    attempts: int = attrs.field(default=5, validator=_count)
    """How often one call is sent at most; the service's own advice is about five."""
    first_delay: float = attrs.field(default=0.5, validator=_seconds)
    """Longest wait before the second attempt; it doubles from there."""
    max_delay: float = attrs.field(default=30.0, validator=[_seconds, _at_least("first_delay")])
    """Longest wait before any attempt; the service's own advice is near 30 s."""
    max_retry_after: float = attrs.field(default=60.0, validator=_seconds)
    """If the server asks to wait longer than this, the call raises instead."""
    total: float | None = attrs.field(default=120.0, validator=_seconds_or_none)
    """All attempts and waits of one call together; an attempt under way is not cut short."""
    quota: int = attrs.field(default=500, validator=_count)
    """Tokens for retries, shared by all calls of a client, so that an outage is not multiplied."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PollPolicy(Value):
    """When to poll.

    At Craftkit's documented pace until enough renders of a template were timed, then around the times they usually
    finish.
    """

    first: float = attrs.field(default=0.25, validator=_gap)
    """Gap before the first poll, here the documented one; no gap is shorter than half of it."""
    factor: float = attrs.field(default=2.0, validator=_factor)
    """Each gap is this many times the one before it."""
    max: float = attrs.field(default=5.0, validator=[_gap, _at_least("first")])
    """Longest gap while polls bring the answers, here the documented one."""
    jitter: float = attrs.field(default=0.2, validator=_share)
    """Share of a gap by which it may be longer or shorter, so that renders submitted together part."""
    adaptive: bool = attrs.field(default=True, validator=_flag)
    """Learn per template how long renders take, and poll where they end; False keeps to the documented pace."""
    net_first: float = attrs.field(default=5.0, validator=_gap)
    """First gap of the safety net, while webhooks bring the answers; it grows by `factor` too."""
    net_max: float = attrs.field(default=60.0, validator=[_gap, _at_least("net_first")])
    """Longest gap of the safety net, and the longest `Retry-After` that a poll heeds."""
    not_found_grace: float = attrs.field(default=5.0, validator=_seconds)
    """How long after our own submit a 404 may mean that the render is not to be seen yet."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Limits(Value):
    """How much of everything there may be at once."""

    requests: int = attrs.field(default=256, validator=_count)
    """Requests in flight at most; the window adapts below this."""
    first_requests: int = attrs.field(default=16, validator=_count)
    """Requests in flight at the start, before the server has shown what it takes."""
    downloads: int = attrs.field(default=16, validator=_count)
    """Downloads from other hosts at once."""
    open_renders: int = attrs.field(default=1000, validator=_count)
    """Renders that a batch keeps open at once; far more would only wait in the service's queue."""
    reply_bytes: int = attrs.field(default=16 * 2**20, validator=_count)
    """A JSON reply larger than this is refused; the largest documented one is far below 1 MiB."""
    download_bytes: int = attrs.field(default=256 * 2**20, validator=_count)
    """A document larger than this is refused."""
    webhook_bytes: int = attrs.field(default=2**20, validator=_count)
    """A delivery larger than this is refused unread; the largest carries the data of one form."""
    mailbox: int = attrs.field(default=10_000, validator=_count)
    """Deliveries kept for submits that are not answered yet; beyond it, polls find what the oldest said."""
    mailbox_age: float = attrs.field(default=60.0, validator=_seconds)
    """The render of a submit that takes longer than this is found by polls."""
    handlers: int = attrs.field(default=64, validator=_count)
    """Webhook handlers that run at once; others wait for their turn."""
    templates_learned: int = attrs.field(default=1000, validator=_count)
    """Templates whose durations are kept to pace the polls, at well under 1 KiB each; the least used is forgotten."""
    secrets_tried: int = attrs.field(default=64, validator=_count)
    """Distinct webhook secrets that one delivery is tried with, at about a microsecond each; with more than these,
    `receive()` needs `project=`, so that a forged delivery does not cost thousands of hashes."""
