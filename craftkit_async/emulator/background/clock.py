"""The emulator's time: the wall's, plus a skew, plus what a test has skipped."""

import time
from collections.abc import Callable


class Clock:
    """Runs with the loop's clock, so that a correction of the wall's clock moves nothing; starts at the wall's."""

    def __init__(self, monotonic: Callable[[], float], skew: float) -> None:
        self._monotonic = monotonic
        self._offset = time.time() - monotonic() + skew  # noqa: TID251 - the only reader of the wall clock
        self.skipped = 0.0

    def now(self) -> int:
        """Give this moment in milliseconds since 1970."""
        return int((self._monotonic() + self._offset + self.skipped) * 1000)

    def skip(self, seconds: float) -> None:
        """Let this much time have passed."""
        self.skipped += seconds
