"""Repeats: which deliveries were taken before; one whose work failed is let go, so that it may come again."""

# Six attempts of one delivery come within minutes or hours, the service does not say, so each is remembered for a day
# at least; and no more of them than fill some ten megabytes.
_AGE = 86_400.0
_MOST = 32_768


class Repeats:
    """Remembers the keys of deliveries in two generations, so that forgetting is nobody's work."""

    __slots__ = ("_before", "_now", "_since")

    def __init__(self) -> None:
        self._now: set[str] = set()
        self._before: set[str] = set()
        self._since = 0.0

    def claim(self, key: str, now: float) -> bool:
        """Take a delivery for one's own; False if somebody has it already."""
        if key in self._now or key in self._before:
            return False
        if len(self._now) >= _MOST or now - self._since > _AGE:
            self._before, self._now, self._since = self._now, set(), now
        self._now.add(key)
        return True

    def release(self, key: str) -> None:
        """Let a delivery whose work failed come again."""
        self._now.discard(key)
        self._before.discard(key)
