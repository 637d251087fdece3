"""Handlers: what an application does when a webhook comes in, before its answer or after it."""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import anyio

from craftkit_async._io.runtime import Runtime
from craftkit_async.errors import ClientStateError
from craftkit_async.models.events import Webhook
from craftkit_async.observe.reports import report_handler_failure

Handler = Callable[[Any], Awaitable[object] | None]

_logger = logging.getLogger(__name__)

# The service waits about 15 s for its answer; handlers that take longer than this must not keep it from coming in time.
_BEFORE_ANSWER = 10.0

# What may wait for its turn, for each handler that may run: beyond it, deliveries are better sent again later.
_QUEUED_PER_HANDLER = 100

# Long enough for a web framework to write the answer out, and too short for anybody to miss.
_AFTER_ANSWER = 0.01

# For a handler that is cancelled to clean up; one that refuses to end must not keep the client from closing.
_CLEAN_UP = 1.0


class Handlers:
    """Runs handlers, a bounded number at a time: those before an answer at once, the others in turn."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._most = runtime.settings.limits.handlers
        self._before = 0
        """Deliveries whose handlers run before their answer now."""
        self._queue: deque[tuple[Handler, Webhook]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def is_full(self) -> bool:
        """Would one more handler after an answer have to wait too long?"""
        return len(self._queue) >= self._most * _QUEUED_PER_HANDLER

    @property
    def is_busy(self) -> bool:
        """Do as many handlers before an answer run as may?"""
        return self._before >= self._most

    def reopen(self) -> None:
        """Take handlers again, on whatever loop; tasks of a loop that is closed will never finish."""
        self._is_closed = False
        self._queue.clear()
        self._running.clear()
        self._before = 0

    async def run_before(self, handlers: Iterable[Handler], event: Webhook) -> bool:
        """Run handlers one after another; False if one failed or all together took too long."""
        self._before += 1
        handler: Handler | None = None
        try:
            async with asyncio.timeout(_BEFORE_ANSWER):
                for handler in handlers:
                    await _call(handler, event)
        except Exception as error:  # noqa: BLE001 - whatever a handler does wrong, the sender is told
            self._note_failure(handler, event, error)
            return False
        finally:
            self._before -= 1
        return True

    def start(self, handlers: Iterable[Handler], event: Webhook) -> None:
        """Run handlers after the answer."""
        self._queue.extend((handler, event) for handler in handlers)
        if self._is_closed:
            self._drop_queue()
        self._start_some()

    async def drain(self, patience: float) -> None:
        """Let handlers finish, but not for ever; what is dropped is counted and told."""
        # If a handler closes the client, waiting for that handler would deadlock.
        own = {asyncio.current_task()}
        try:
            with anyio.move_on_after(patience):
                while others := self._running - own:
                    await asyncio.wait(others)
        finally:
            # Also when closing is cancelled: nothing may begin on a closed client.
            self._is_closed = True
            others = self._running - own
            if dropped := len(others) + len(self._queue):
                _logger.warning("the client was closed before %d webhook handlers had finished", dropped)
            self._drop_queue()
            for task in others:
                task.cancel()
        if others:
            await asyncio.wait(others, timeout=_CLEAN_UP)

    def _start_some(self) -> None:
        while self._queue and len(self._running) < self._most:
            task = asyncio.get_running_loop().create_task(self._run(*self._queue.popleft()))
            self._running.add(task)
            task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._start_some()

    async def _run(self, handler: Handler, event: Webhook) -> None:
        try:
            await asyncio.sleep(_AFTER_ANSWER)
            async with asyncio.timeout(self._runtime.settings.timeouts.handler):
                await _call(handler, event)
        except asyncio.CancelledError:
            self._note_dropped(event, "the client was closed before this handler finished")
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it
            self._note_failure(handler, event, error)

    def _drop_queue(self) -> None:
        while self._queue:
            _, event = self._queue.popleft()
            self._note_dropped(event, "the client was closed before this handler began")

    def _note_failure(self, handler: Handler | None, event: Webhook, error: Exception) -> None:
        name = getattr(handler, "__qualname__", None) or type(handler).__qualname__
        _logger.error("the webhook handler %s failed for %s", name, event.event, exc_info=error)
        self._count_failure(event, error)

    def _note_dropped(self, event: Webhook, reason: str) -> None:
        # One line in the log says how many there are.
        self._count_failure(event, ClientStateError(reason))

    def _count_failure(self, event: Webhook, error: Exception) -> None:
        self._runtime.statistics.handler_failures += 1
        if observers := self._runtime.settings.observers:
            report_handler_failure(observers, event.event, error)


class HandlerCancelledError(Exception):
    """A handler ended with a `CancelledError` that nobody asked it for."""


async def _call(handler: Handler, event: Webhook) -> None:
    """Call a handler, plain or async. A `CancelledError` of its own is a failure, not a cancelled receiver."""
    task: Any = asyncio.current_task()
    try:
        result = handler(event)
        if inspect.isawaitable(result):
            await result
    except asyncio.CancelledError as error:
        if task.cancelling():
            raise
        raise HandlerCancelledError("the handler was cancelled from within") from error
