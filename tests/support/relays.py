"""Relays that fail, hang, drop, delay and double, around one that works."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from craftkit_async import Claim, Craftkit, SignedRender
from craftkit_async.relays.memory import MemoryRelay
from tests.support.service import Service


@attrs.define(eq=False)
class FaultyRelay:
    """Passes everything on to a relay; each method can be made to raise or to take a while."""

    inner: MemoryRelay
    faults: dict[str, BaseException | float] = attrs.field(factory=dict)
    calls: list[tuple[str, Any]] = attrs.field(factory=list)
    hear: Callable[[str, SignedRender], None] = attrs.field(default=lambda *_: None)
    on_gap: Callable[[], None] = attrs.field(default=lambda: None)

    def called(self, method: str) -> list[Any]:
        """What a method was called with."""
        return [given for name, given in self.calls if name == method]

    async def _step(self, method: str, given: Any = None) -> None:
        self.calls.append((method, given))
        fault = self.faults.get(method, 0.0)
        if isinstance(fault, BaseException):
            raise fault
        await asyncio.sleep(fault)

    async def open(self, hear: Callable[[str, SignedRender], None], on_gap: Callable[[], None]) -> None:
        self.hear, self.on_gap = hear, on_gap
        await self._step("open")
        await self.inner.open(hear, on_gap)

    async def publish(self, render_id: str, delivery: SignedRender) -> None:
        await self._step("publish", render_id)
        await self.inner.publish(render_id, delivery)

    async def lookup(self, render_ids: Sequence[str]) -> Mapping[str, Sequence[SignedRender]]:
        await self._step("lookup", list(render_ids))
        return await self.inner.lookup(render_ids)

    async def claim(self, key: str, token: str, seconds: float) -> Claim:
        await self._step("claim", key)
        return await self.inner.claim(key, token, seconds)

    async def commit(self, key: str, token: str) -> None:
        await self._step("commit", key)
        await self.inner.commit(key, token)

    async def release(self, key: str, token: str) -> None:
        await self._step("release", key)
        await self.inner.release(key, token)

    async def aclose(self) -> None:
        await self._step("aclose")
        await self.inner.aclose()


def two_processes(service: Service, **options: Any) -> tuple[Craftkit, Craftkit, FaultyRelay, FaultyRelay]:
    """Make two clients whose relays share one store, and return them with their relays."""
    one = MemoryRelay()
    relays = FaultyRelay(one), FaultyRelay(one.peer())
    here, there = (service.make_client(relay=relay, **options) for relay in relays)
    return here, there, *relays
