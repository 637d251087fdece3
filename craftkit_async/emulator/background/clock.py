"""The emulator's time: the wall clock, plus a skew, plus the time that a test has skipped."""

import time
from collections.abc import Callable


class Clock:
    """Starts at the wall clock's time, then follows the monotonic clock: wall clock corrections have no effect."""

    def __init__(self, monotonic: Callable[[], float], skew: float) -> None:
        self._monotonic = monotonic
        self._offset = time.time() - monotonic() + skew  # noqa: TID251 - the one place that reads the wall clock
        self.skipped = 0.0

    def now(self) -> int:
        """Return the current time in milliseconds since 1970."""
        return int((self._monotonic() + self._offset + self.skipped) * 1000)

    def skip(self, seconds: float) -> None:
        """Advance the clock."""
        self.skipped += seconds
