"""Options: every bound and pace of a client, frozen, checked, each field explained."""

from sys import float_info
from typing import Any

import attrs

from craftkit_async.errors import ConfigurationError
from craftkit_async.models._value import Value


def _seconds(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Refuse what is no finite, non-negative number of seconds."""
    # NaN compares as False with everything, and a whole number may be larger than any float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= float_info.max:
        raise ConfigurationError(
            f"{type(instance).__name__}({attribute.name}=…) takes seconds from 0 up, not {value!r}",
        )


def _seconds_or_none(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Refuse what is neither None, for no limit, nor a number of seconds."""
    if value is not None:
        _seconds(instance, attribute, value)


def _count(instance: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    """Refuse what is no whole number from 1 up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(
            f"{type(instance).__name__}({attribute.name}=…) takes a whole number from 1 up, not {value!r}",
        )


def _at_least_first(instance: "RetryPolicy", attribute: "attrs.Attribute[float]", value: float) -> None:
    """Refuse a cap that lies below the first step."""
    if value < instance.first_delay:
        raise ConfigurationError(
            f"RetryPolicy({attribute.name}={value!r}) lies below first_delay={instance.first_delay!r}"
        )


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Timeouts(Value):
    """How long each thing may take, in seconds; None is no limit."""

    connect: float | None = attrs.field(default=10.0, validator=_seconds_or_none)
    """Opening one connection."""
    request: float | None = attrs.field(default=30.0, validator=_seconds_or_none)
    """One attempt, from its place among the requests in flight to the last byte of the reply."""
    idle: float | None = attrs.field(default=30.0, validator=_seconds_or_none)
    """Silence inside a download."""
    wait: float | None = attrs.field(default=300.0, validator=_seconds_or_none)
    """Waiting for a render, from the call to the result."""
    close: float = attrs.field(default=10.0, validator=_seconds)
    """What is still running when the client closes."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RetryPolicy(Value):
    """When a request is sent again: exponential with full jitter, bounded four ways."""

    attempts: int = attrs.field(default=5, validator=_count)
    """How often one call is sent at most; the service's own advice is about five."""
    first_delay: float = attrs.field(default=0.5, validator=_seconds)
    """Longest wait before the second attempt; it doubles from there."""
    max_delay: float = attrs.field(default=30.0, validator=[_seconds, _at_least_first])
    """Longest wait before any attempt; the service's own advice is near 30 s."""
    max_retry_after: float = attrs.field(default=60.0, validator=_seconds)
    """A server that asks for more patience than this gets an error instead."""
    total: float | None = attrs.field(default=120.0, validator=_seconds_or_none)
    """All attempts and waits of one call together; an attempt under way is not cut short."""
    quota: int = attrs.field(default=500, validator=_count)
    """Tokens for retries, shared by all calls of a client, so that an outage is not multiplied."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Limits(Value):
    """How much of everything there may be at once."""

    requests: int = attrs.field(default=256, validator=_count)
    """Requests in flight at most; the window adapts below this."""
    first_requests: int = attrs.field(default=16, validator=_count)
    """Requests in flight at the start, before the server has shown what it takes."""
    downloads: int = attrs.field(default=16, validator=_count)
    """Downloads from other hosts at once."""
    reply_bytes: int = attrs.field(default=16 * 2**20, validator=_count)
    """A JSON reply larger than this is refused; the largest documented one is far below 1 MiB."""
    download_bytes: int = attrs.field(default=256 * 2**20, validator=_count)
    """A document larger than this is refused."""
