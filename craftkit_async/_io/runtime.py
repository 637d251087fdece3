"""Runtime: what a client and its children share, and the loop and process they belong to."""

import asyncio
import os
import warnings
from functools import partial
from typing import NamedTuple

import attrs

from craftkit_async._io.governor import Governor
from craftkit_async._io.sessions import AiohttpTransport
from craftkit_async._io.transport import Transport
from craftkit_async._io.watch import Watch
from craftkit_async._sansio.documents.addresses import BaseUrl
from craftkit_async._sansio.retries.retrying import Quota
from craftkit_async.errors import ClientStateError
from craftkit_async.observe.observers import Observers
from craftkit_async.observe.statistics import Statistics
from craftkit_async.options import Limits, RetryPolicy, Timeouts

# One entry for each fork that led to this process: asking the system for its number costs more than all other checks.
_forks: list[None] = []
_call_at_forks = getattr(os, "register_at_fork", lambda **_: None)
_call_at_forks(after_in_child=partial(_forks.append, None))


@attrs.define(eq=False, repr=False)
class Lane:
    """Where requests go, and the governor that bounds them."""

    transport: Transport
    governor: Governor
    base_url: str
    """What a path is appended to; empty where calls bring whole addresses."""


class Settings(NamedTuple):
    """What a client was made with."""

    base_url: BaseUrl
    timeouts: Timeouts
    retries: RetryPolicy
    limits: Limits
    observers: Observers


class Runtime:
    """The open half of a client. It belongs to the loop and the process of its first use, until it is closed."""

    def __init__(self, settings: Settings, api: Lane, elsewhere: Lane) -> None:
        self.settings = settings
        self.api = api
        self.elsewhere = elsewhere
        """For hosts that must not see the key."""
        self.documents = Governor(settings.limits.downloads, settings.limits.downloads, "Limits.downloads")
        """For documents that come in; each has a slot of its lane only until its head is there."""
        self.statistics = Statistics()
        self.quota = Quota(settings.retries.quota)
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._generation = 0
        self.watch = Watch(settings.timeouts.request)
        """Ends attempts that have no limit of their own."""

    def check(self) -> asyncio.AbstractEventLoop:
        """Refuse work that is not for this loop and process, bind to them at the first, and return the loop."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop or len(_forks) != self._generation:
            self._bind(loop)
        return loop

    def owner(self) -> asyncio.AbstractEventLoop:
        """Return the loop that this belongs to, for work that came in on another one."""
        if self._loop is None or len(_forks) != self._generation:
            return self.check()
        return self._loop

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop that this belongs to; None until its first use, and after it was closed."""
        return self._loop

    @property
    def is_orphaned(self) -> bool:
        """Does this belong to a loop that was closed, with nothing left open on it?"""
        is_dead = self._loop is not None and self._loop.is_closed() and len(_forks) == self._generation
        return is_dead and not any(transport.is_open for transport in self._own_transports())

    def leave_loop(self) -> None:
        """Belong to no loop any more, so that the next use decides; only for what `is_orphaned`."""
        self._loop = None

    def is_here(self) -> bool:
        """Is this the loop that this belongs to? If not, it may yet become that: see `owner`."""
        return self._loop is asyncio.get_running_loop() and len(_forks) == self._generation

    @property
    def is_open(self) -> bool:
        """Is it in use on a loop that can still do something?"""
        return self._loop is not None and not self._loop.is_closed()

    def enter(self) -> None:
        """Open, or open again, on the running loop."""
        if self._closed:
            self._closed = False
            self.watch = Watch(self.settings.timeouts.request)
            for lane in (self.api, self.elsewhere):
                # A new one: a request in flight on the old loop gives its slot back to the old one.
                lane.governor = lane.governor.renewed()
            self.documents = self.documents.renewed()
        self.check()

    async def aclose(self) -> None:
        """Turn waiters away and close what was opened; a second time does nothing."""
        if self.is_open:
            self.check()
        self._closed, self._loop = True, None
        for lane in (self.api, self.elsewhere):
            lane.governor.close()
        self.documents.close()
        self.watch.close()
        for transport in self._own_transports():
            await transport.aclose()

    def snapshot(self) -> Statistics:
        """Return the counts and gauges of this moment."""
        return attrs.evolve(
            self.statistics,
            in_flight=self.api.governor.in_flight,
            waiting_for_slot=self.api.governor.waiting,
            window=self.api.governor.window.slots,
        )

    def _own_transports(self) -> list[AiohttpTransport]:
        """What was made here; a transport that was given is its giver's to close."""
        transports = (self.api.transport, self.elsewhere.transport)
        return [transport for transport in transports if isinstance(transport, AiohttpTransport)]

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._closed:
            raise ClientStateError("the client is closed; enter it again with `async with`, or make a new one")
        if self._loop is None:
            self._loop, self._generation = loop, len(_forks)
        elif self._generation != len(_forks):
            raise ClientStateError("the client was opened before a fork; make one in each process")
        else:
            raise ClientStateError(
                "the client is open on another event loop; close it there, or make one for each loop"
            )

    def __del__(self) -> None:
        if any(transport.is_open for transport in self._own_transports()):
            warnings.warn(
                "a Craftkit client was not closed; use `async with`, or await its aclose()",
                ResourceWarning,
                source=self,
                stacklevel=1,
            )
