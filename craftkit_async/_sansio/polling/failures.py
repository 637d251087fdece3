"""Failures: the failed polls of one render in a row, and when they end its waits early."""

from craftkit_async._sansio.polling.timer_wheel import TICKS
from craftkit_async.errors import CraftkitError, DecodeError

# A release of the service that breaks its replies is rolled back within minutes, or not at all; both bounds must be
# reached, so that neither a short wait nor a slow pace makes the decision alone.
_MISFIT_POLLS = 10
_MISFIT_TICKS = 30 * TICKS


class Failures:
    """The polls since the last good one: the latest error, and whether all were JSON that does not fit."""

    __slots__ = ("_count", "_only_misfits", "_since", "error")

    def __init__(self, now: int, *, is_first_poll: bool) -> None:
        self._since = now
        self._count = 0
        # A poll that was understood before says that the replies fit as such.
        self._only_misfits = is_first_poll
        self.error: CraftkitError | None = None

    def note(self, error: CraftkitError) -> None:
        """Note a failed poll."""
        self._count += 1
        self._only_misfits = self._only_misfits and _is_misfit(error)
        _cut_tracebacks(error)
        self.error = error

    def end_waits(self, now: int) -> bool:
        """Is it certain enough that no poll will ever be understood?"""
        return self._only_misfits and self._count >= _MISFIT_POLLS and now - self._since >= _MISFIT_TICKS


def _cut_tracebacks(error: BaseException) -> None:
    """Cut the tracebacks of an error and its chain: their frames hold the render itself, and all that waits for it."""
    chain: list[BaseException | None] = [error]
    seen = set()
    while chain:
        one = chain.pop()
        if one is not None and one not in seen:
            seen.add(one)
            one.__traceback__ = None
            chain += [one.__cause__, one.__context__]


def _is_misfit(error: CraftkitError) -> bool:
    """Was the reply JSON, but not of a render? A reply that is no JSON comes from something in between, and passes."""
    return isinstance(error, DecodeError) and bool(error.path)
