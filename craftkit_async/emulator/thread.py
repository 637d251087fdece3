"""An emulator in a thread of its own, for tests that are synchronous or whose loop comes and goes."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

from craftkit_async.emulator.emulator import Emulator

T = TypeVar("T")


class EmulatorThread:
    """Runs an emulator beside everything else; what is read from `emulator` may be read from any thread."""

    def __init__(self, **settings: Any) -> None:
        self.emulator = Emulator(**settings)
        self._thread = threading.Thread(target=self._run, name="craftkit-emulator", daemon=True)
        self._ready: Future[asyncio.AbstractEventLoop] = Future()
        self._stop: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stop:
            self._ready.result().call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the emulator's loop and give its result."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits in the other thread
                done.set_exception(error)

        self._ready.result().call_soon_threadsafe(run)
        return done.result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        async with self.emulator:
            self._stop = asyncio.Event()
            self._ready.set_result(asyncio.get_running_loop())
            await self._stop.wait()
