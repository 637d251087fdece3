"""MemoryRelay: a relay between clients of one process, for tests and for programs that run several clients."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from craftkit_async.errors import RelayError
from craftkit_async.waiting.relay import Claim, SignedRender

__all__ = ["MemoryRelay"]

Value = TypeVar("Value")

# What a lookup returns of one id; the newest count.
_RECORDS_PER_ID = 4


class _Kept(Generic[Value]):
    """Values that are kept for a time; the oldest make room."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._values: dict[str, tuple[float, Value]] = {}

    def put(self, key: str, value: Value) -> None:
        self._values.pop(key, None)
        self._values[key] = (_now(), value)
        while len(self._values) > self._most:
            del self._values[next(iter(self._values))]

    def get(self, key: str) -> Value | None:
        born, value = self._values.get(key, (0.0, None))
        return None if value is None or born < _now() - self._seconds else value


class _Lease(NamedTuple):
    token: str
    end: float


class _Listener(NamedTuple):
    loop: asyncio.AbstractEventLoop
    hear: Callable[[str, SignedRender], None]


class _Store:
    """What the relays of one family share."""

    def __init__(self, keep: float, most: int) -> None:
        self.records: _Kept[tuple[SignedRender, ...]] = _Kept(keep, most)
        self.leases: _Kept[_Lease] = _Kept(keep, most)
        self.done: _Kept[str] = _Kept(keep, most)
        self.listeners: dict[MemoryRelay, _Listener] = {}


class MemoryRelay:
    """Shares deliveries with the relays that `peer()` makes of it; each client has one of its own.

    At most `most` renders and as many claims are kept, each for `keep` seconds.
    """

    def __init__(self, *, keep: float = 86_400.0, most: int = 100_000) -> None:
        self._store = _Store(keep, most)

    def peer(self) -> "MemoryRelay":
        """Make another relay of the same family."""
        other = MemoryRelay()
        other._store = self._store
        return other

    async def open(self, hear: Callable[[str, SignedRender], None], on_gap: Callable[[], None]) -> None:  # noqa: ARG002 - nothing is ever missed here
        """Begin to hear what the others publish."""
        self._store.listeners[self] = _Listener(asyncio.get_running_loop(), hear)

    async def publish(self, render_id: str, delivery: SignedRender) -> None:
        """Store a record, then notify the others."""
        known = self._store.records.get(render_id) or ()
        others = tuple(record for record in known if record.signature != delivery.signature)
        self._store.records.put(render_id, (delivery, *others)[:_RECORDS_PER_ID])
        for relay, listener in self._store.listeners.items():
            if relay is not self:
                listener.loop.call_soon_threadsafe(listener.hear, render_id, delivery)

    async def lookup(self, render_ids: Sequence[str]) -> Mapping[str, Sequence[SignedRender]]:
        """Return what was published about these ids."""
        return {
            render_id: records
            for render_id in render_ids
            if (records := self._store.records.get(render_id)) is not None
        }

    async def claim(self, key: str, token: str, seconds: float) -> Claim:
        """Claim the work of a delivery."""
        if self._store.done.get(key):
            return Claim.DONE
        lease = self._store.leases.get(key)
        if lease is not None and lease.token != token and lease.end > _now():
            return Claim.BUSY
        self._store.leases.put(key, _Lease(token, _now() + seconds))
        return Claim.MINE

    async def commit(self, key: str, token: str) -> None:
        """Note that the work is done."""
        lease = self._store.leases.get(key)
        if lease is None or lease.token != token:
            raise RelayError("the claim to this delivery was lost")
        self._store.done.put(key, token)

    async def release(self, key: str, token: str) -> None:
        """Give a claim back."""
        lease = self._store.leases.get(key)
        if lease is not None and lease.token == token:
            self._store.leases.put(key, _Lease(token, 0.0))

    async def aclose(self) -> None:
        """Hear nothing any more."""
        self._store.listeners.pop(self, None)


def _now() -> float:
    return asyncio.get_running_loop().time()
