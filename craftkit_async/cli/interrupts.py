"""Interrupts: the first Ctrl-C asks to finish, the second one stops."""

import asyncio
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar, cast

from craftkit_async.cli.terminal import say_aside

Item = TypeVar("Item")


class Interrupts:
    """What was pressed so far."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._asked = asyncio.Event()

    @property
    def is_asked(self) -> bool:
        """Was Ctrl-C pressed?"""
        return self._asked.is_set()

    def press(self) -> None:
        """Take in one Ctrl-C."""
        if not self.is_asked:
            self._asked.set()
            say_aside("finishing the rows in flight; press Ctrl-C again to stop at once")
        else:
            self._task.cancel()

    async def until_asked(self, rows: AsyncGenerator[Item, None]) -> AsyncIterator[Item]:
        """Pass rows on until Ctrl-C is pressed, also while the next row is being read."""
        asked = self._loop.create_task(self._asked.wait())
        tasks: list[asyncio.Task[Any]] = [asked]
        try:
            while not asked.done():
                row = self._loop.create_task(anext(rows, None))
                tasks[1:] = [row]
                await asyncio.wait((row, asked), return_when=asyncio.FIRST_COMPLETED)
                if not row.done() or (item := row.result()) is None:
                    return
                yield item
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await rows.aclose()


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Listen to Ctrl-C for as long as the block runs."""
    pressed = Interrupts()
    loop = asyncio.get_running_loop()

    def press(_number: int, _frame: FrameType | None) -> Any:
        loop.call_soon_threadsafe(pressed.press)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
