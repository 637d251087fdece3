"""Repeats: which deliveries were taken before; one whose work failed is let go, so that it may come again."""

from collections.abc import Hashable

# Six attempts of one delivery come within minutes or hours; the service does not say, so a day is kept, and no more
# than would fill some ten megabytes.
_AGE = 86_400.0
_MOST = 65_536


class Repeats:
    """Remembers the keys of deliveries for a day, and not more of them than fit."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        # In the order in which they came.
        self._seen: dict[Hashable, float] = {}

    def claim(self, key: Hashable, now: float) -> bool:
        """Take a delivery for one's own; False if somebody has it already."""
        seen = self._seen
        if key in seen:
            return False
        seen[key] = now
        oldest = next(iter(seen))
        if len(seen) > _MOST or seen[oldest] < now - _AGE:
            del seen[oldest]
        return True

    def release(self, key: Hashable) -> None:
        """Let a delivery whose work failed come again."""
        self._seen.pop(key, None)
