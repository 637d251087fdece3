"""Moments: milliseconds since 1970 inside, ISO 8601 with milliseconds outside."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_iso(milliseconds: int) -> str:
    """Write a moment as the contract does: UTC, three decimals, a Z."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_iso_or_none(milliseconds: int | None) -> str | None:
    """Write a moment that may not have come yet."""
    return None if milliseconds is None else to_iso(milliseconds)


def from_iso(text: str) -> int:
    """Read an RFC 3339 moment; raises ValueError or OverflowError for one that no calendar has."""
    moment = datetime.fromisoformat(text.upper().replace(" ", "T"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
