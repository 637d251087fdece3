"""Repeats: which deliveries were taken before; one whose work failed is let go, so that it may come again."""

# Six attempts of one delivery come within minutes or hours, the service does not say. So as many are remembered as fill
# some ten megabytes, which are more than come in that time, and however old they are.
_MOST = 32_768


class Repeats:
    """Remembers the keys of deliveries in two generations, so that forgetting is nobody's work."""

    __slots__ = ("_before", "_now")

    def __init__(self) -> None:
        self._now: set[str] = set()
        self._before: set[str] = set()

    def claim(self, key: str) -> bool:
        """Take a delivery for one's own; False if somebody has it already."""
        if key in self._now or key in self._before:
            return False
        if len(self._now) >= _MOST:
            self._before, self._now = self._now, set()
        self._now.add(key)
        return True

    def release(self, key: str) -> None:
        """Let a delivery whose work failed come again."""
        self._now.discard(key)
        self._before.discard(key)
