"""Times: milliseconds since 1970 internally, ISO 8601 with milliseconds in answers."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_iso(milliseconds: int) -> str:
    """Format a time as the contract does: UTC, three decimals, a Z."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_iso_or_none(milliseconds: int | None) -> str | None:
    """Format a time, or return None for None."""
    return None if milliseconds is None else to_iso(milliseconds)


def from_iso(text: str) -> int:
    """Parse an RFC 3339 time; raises ValueError or OverflowError."""
    moment = datetime.fromisoformat(text.upper().replace(" ", "T"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
