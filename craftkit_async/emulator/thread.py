"""An emulator in its own thread, for synchronous tests and for tests that open an event loop each."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Any, Self, TypeVar

from craftkit_async.emulator.emulator import Emulator

T = TypeVar("T")


class EmulatorThread:
    """Runs an emulator in a background thread; you may read attributes of `emulator` from any thread."""

    def __init__(self, **settings: Any) -> None:
        self.emulator = Emulator(**settings)
        self._thread = threading.Thread(target=self._run_loop, name="craftkit-emulator", daemon=True)
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._ended: Future[None] = Future()

    def __enter__(self) -> Self:
        self._thread.start()
        either: list[Future[Any]] = [self._ready, self._ended]
        wait(either, return_when=FIRST_COMPLETED)
        if self._ended.done():
            self._ended.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop, stop = self._ready.result()
        loop.call_soon_threadsafe(stop.set)
        self._thread.join()
        self._ended.result()

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the emulator's event loop and return its result."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
                done.set_exception(error)

        self._ready.result()[0].call_soon_threadsafe(run)
        return done.result()

    def _run_loop(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again by __enter__ or __exit__
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _serve(self) -> None:
        async with self.emulator:
            stop = asyncio.Event()
            self._ready.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()
