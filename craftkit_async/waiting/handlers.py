"""Handlers: what an application does when a webhook comes in, before its answer or after it."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from craftkit_async._io.runtime import Runtime
from craftkit_async.models.events import Webhook
from craftkit_async.observe.reports import report_handler_failure

Handler = Callable[[Any], Awaitable[object]]

_logger = logging.getLogger(__name__)

# The service waits about 15 s for its answer; what takes longer than this must not keep it from coming in time.
_BEFORE_ANSWER = 10.0

# What may wait for its turn, for each handler that may run: beyond it, deliveries are better sent again later.
_LINE_PER_HANDLER = 100

# Long enough for a web framework to write the answer out, and too short for anybody to miss.
_AFTER_ANSWER = 0.01


# For a handler that is cancelled to clean up; one that refuses to end must not keep the client from closing.
_LAST_WORDS = 1.0


class Handlers:
    """Runs handlers: those before an answer at once, the others a bounded number at a time."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._most = runtime.settings.limits.handlers
        self._line: deque[tuple[Handler, Webhook]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def is_full(self) -> bool:
        """Would one more have to wait too long?"""
        return len(self._line) >= self._most * _LINE_PER_HANDLER

    async def run_before(self, handlers: list[Handler], event: Webhook) -> bool:
        """Run handlers one after another; False if one failed or all together took too long."""
        try:
            with anyio.fail_after(_BEFORE_ANSWER):
                for handler in handlers:
                    await handler(event)
        except Exception as error:  # noqa: BLE001 - whatever a handler does wrong, the sender is told
            self._note_failure(event, error)
            return False
        return True

    def start(self, handlers: list[Handler], event: Webhook) -> None:
        """Run handlers after the answer."""
        self._line.extend((handler, event) for handler in handlers)
        self._start_some()

    async def drain(self, patience: float) -> None:
        """Let what was begun come to its end, but not for ever."""
        # What is closed by a handler cannot wait for that handler.
        me = {asyncio.current_task()}
        with anyio.move_on_after(patience):
            while others := self._running - me:
                await asyncio.wait(others)
        if others := self._running - me:
            _logger.warning("%d webhook handlers were still at work and are ended", len(others) + len(self._line))
        self._line.clear()
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=_LAST_WORDS)

    def _start_some(self) -> None:
        while self._line and len(self._running) < self._most:
            task = asyncio.get_running_loop().create_task(self._run(*self._line.popleft()))
            self._running.add(task)
            task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._start_some()

    async def _run(self, handler: Handler, event: Webhook) -> None:
        await asyncio.sleep(_AFTER_ANSWER)
        try:
            await handler(event)
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it
            self._note_failure(event, error)

    def _note_failure(self, event: Webhook, error: Exception) -> None:
        self._runtime.statistics.handler_failures += 1
        # The text of a foreign error may hold what the event holds, so only its kind is written here.
        _logger.error("a handler of %s failed: %s", event.event, type(error).__name__)
        if observers := self._runtime.settings.observers:
            report_handler_failure(observers, event.event, error)
