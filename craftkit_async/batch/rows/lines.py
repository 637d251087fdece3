"""Lines: read from a file or a pipe in a thread, handed to the loop in bundles."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO, TypeVar

Item = TypeVar("Item")

_PIECE_BYTES = 2**16

# More than any row of 10,000 items needs, and little enough to hold. The rest of a longer line is dropped: cut JSON
# is no JSON, so the row is a bad one.
_LONGEST_LINE = 16 * 2**20

# A hop between threads costs as much as parsing some of these; more would only be read too early.
_BUNDLE = 64


class Lines(Iterator[bytes]):
    """Iterates over the lines of a file; `is_ready`: is the next one already in memory?"""

    def __init__(self, file: BinaryIO) -> None:
        # A pipe gives what is there, and not only when so many bytes have gathered.
        self._read: Callable[[int], bytes] = getattr(file, "read1", file.read)
        self._ready: list[bytes] = []
        self._rest = bytearray()
        self._is_over = False

    @property
    def is_ready(self) -> bool:
        """Is a whole line here already?"""
        return bool(self._ready)

    def __next__(self) -> bytes:
        while not self._ready:
            if self._is_over:
                raise StopIteration
            self._fill()
        return self._ready.pop()

    def _fill(self) -> None:
        piece = self._read(_PIECE_BYTES)
        self._is_over = not piece
        first, *others = piece.split(b"\n")
        if len(self._rest) <= _LONGEST_LINE:
            self._rest += first
        if others:
            *whole, rest = others
            self._ready = [bytes(self._rest) + b"\n", *(line + b"\n" for line in whole)][::-1]
            self._rest = bytearray(rest)
        elif self._is_over and self._rest:
            self._ready = [bytes(self._rest)]


async def bundle(items: Iterator[Item], lines: Lines, close: Callable[[], object]) -> AsyncGenerator[Item, None]:
    """Go over what becomes of lines, made in a thread, as many at once as can be had without waiting for more."""

    def take() -> list[Item]:
        taken: list[Item] = []
        for item in items:
            taken.append(item)
            if not lines.is_ready or len(taken) == _BUNDLE:
                break
        return taken

    try:
        while taken := await _in_thread(take):
            for item in taken:
                yield item
    finally:
        # Not here: closing would wait for a read that is under way, on a silent pipe for ever.
        threading.Thread(target=close, name="craftkit-rows", daemon=True).start()


async def _in_thread(work: Callable[[], list[Item]]) -> list[Item]:
    """Run `work` in a daemon thread, which exit does not wait for: a read from a silent pipe cannot be stopped."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[Item]] = loop.create_future()

    def run() -> None:
        try:
            result, failure = work(), None
        except Exception as error:  # noqa: BLE001 - it is raised where the result is awaited
            result, failure = [], error
        # The loop may be gone by then.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, done, result, failure)

    threading.Thread(target=run, name="craftkit-rows", daemon=True).start()
    return await done


def _resolve(done: "asyncio.Future[Any]", result: object, failure: Exception | None) -> None:
    if done.done():
        return
    if failure is None:
        done.set_result(result)
    else:
        done.set_exception(failure)
