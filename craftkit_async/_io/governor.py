"""Governor: hands out slots for requests in flight."""

import asyncio
from collections import deque
from math import isfinite

from craftkit_async._sansio.retries.window import Window
from craftkit_async.errors import ClientStateError, TransportTimeoutError

# A poll is never more urgent than a call that somebody makes now, but without any of them no wait would ever complete.
_SLOTS_PER_POLL = 8


class Governor:
    """Bounds the requests in flight by an adapting window; belongs to one event loop.

    Whoever waits is served in order, polls after everything else, but for every eighth slot, which goes to a poll.
    """

    __slots__ = (
        "_before_poll",
        "_first",
        "_line",
        "_option",
        "_pauses",
        "_yielding",
        "closed",
        "in_flight",
        "waiting",
        "window",
    )

    def __init__(self, first: int, most: int, option: str = "Limits.requests") -> None:
        self._option = option
        self._first = first
        self.window = Window(first, most)
        self.in_flight = 0
        self.waiting = 0
        self.closed = False
        # Who gave up stays in its line, done, until its turn comes: taking it out would cost a search.
        self._line: deque[asyncio.Future[None]] = deque()
        self._yielding: deque[asyncio.Future[None]] = deque()
        # Slots that go to others before a poll has its turn.
        self._before_poll = _SLOTS_PER_POLL - 1
        self._pauses: set[asyncio.Future[None]] = set()

    def try_enter(self) -> bool:
        """Take a slot if one is free and no other call waits."""
        if self.in_flight < int(self.window.size) and not self.waiting and not self.closed:
            self.in_flight += 1
            return True
        return False

    async def enter(self, deadline: float, *, yields: bool = False) -> None:
        """Take a slot, waiting for it until `deadline` on the loop's clock; `yields` lets other calls go first."""
        if self.try_enter():
            return
        if self.closed:
            raise ClientStateError(_CLOSED)
        loop = asyncio.get_running_loop()
        start = loop.time()
        turn: asyncio.Future[None] = loop.create_future()
        (self._yielding if yields else self._line).append(turn)
        self.waiting += 1
        try:
            self._serve()
            async with asyncio.timeout_at(deadline if isfinite(deadline) else None):
                await turn
        except TimeoutError:
            self._give_up(turn)
            raise TransportTimeoutError(
                f"no slot came free among the {self.window.slots} requests in flight within"
                f" {deadline - start:.3g} s;"
                f" give the call more time, or raise {self._option} if the service can take more",
                maybe_sent=False,
            ) from None
        except asyncio.CancelledError:
            self._give_up(turn)
            raise
        finally:
            self.waiting -= 1

    def leave(self) -> None:
        """Give the slot back."""
        self.in_flight -= 1
        if self.waiting:
            self._serve()

    def hold(self, seconds: float) -> None:
        """Keep a slot taken for a while."""
        self.in_flight += 1
        asyncio.get_running_loop().call_later(seconds, self.leave)

    async def pause(self, delay: float) -> None:
        """Sleep, unless the governor is closed meanwhile."""
        if self.closed:
            raise ClientStateError(_CLOSED)
        loop = asyncio.get_running_loop()
        end: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(delay, _finish, end)
        self._pauses.add(end)
        try:
            await end
        finally:
            timer.cancel()
            self._pauses.discard(end)
        if self.closed:
            raise ClientStateError(_CLOSED)

    def close(self) -> None:
        """Fail all calls that wait."""
        self.closed = True
        for turn in (*self._line, *self._yielding):
            if not turn.done():
                turn.set_exception(ClientStateError(_CLOSED))
        for end in self._pauses:
            _finish(end)

    def renewed(self) -> "Governor":
        """Return a new governor with the same bounds."""
        return Governor(self._first, self.window.most, self._option)

    def _give_up(self, turn: "asyncio.Future[None]") -> None:
        """Pass on a slot that was handed over at the moment at which its taker gave up."""
        if turn.done() and not turn.cancelled() and turn.exception() is None:
            self.leave()

    def _serve(self) -> None:
        """Hand free slots to waiting calls."""
        while self.in_flight < int(self.window.size):
            turn = self._next_turn()
            if turn is None:
                return
            self.in_flight += 1
            turn.set_result(None)

    def _next_turn(self) -> "asyncio.Future[None] | None":
        """Take out who is served next, and skip those who gave up."""
        both = (self._line, self._yielding) if self._before_poll else (self._yielding, self._line)
        for line in both:
            while line:
                turn = line.popleft()
                if not turn.done():
                    is_poll = line is self._yielding
                    self._before_poll = _SLOTS_PER_POLL - 1 if is_poll else max(self._before_poll - 1, 0)
                    return turn
        return None


def _finish(end: "asyncio.Future[None]") -> None:
    if not end.done():
        end.set_result(None)


_CLOSED = "the client was closed while this call waited"
