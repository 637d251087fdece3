"""Slots: limit the open rows and the buffered outcomes of a batch; belongs to one event loop."""

import asyncio


class Slots:
    """Lets as many rows begin as may be open, as long as their outcomes are taken.

    A consumer that stops taking outcomes pauses the reading: at most `2 * most` rows are open or untaken.
    """

    __slots__ = ("_held", "_most", "_open", "_room")

    def __init__(self, most: int) -> None:
        self._open = 0
        self._held = 0
        self._most = most
        self._room: asyncio.Future[None] | None = None

    async def take(self) -> None:
        """Wait until one more row may begin; there is one who asks."""
        while self._is_full():
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        self._open += 1
        self._held += 1

    def finish(self) -> None:
        """Note that a row has its outcome."""
        self._open -= 1
        self._wake()

    def hand_on(self) -> None:
        """Note that an outcome was taken."""
        self._held -= 1
        self._wake()

    def _is_full(self) -> bool:
        return self._open >= self._most or self._held >= 2 * self._most

    def _wake(self) -> None:
        if self._room is not None and not self._is_full() and not self._room.done():
            self._room.set_result(None)
