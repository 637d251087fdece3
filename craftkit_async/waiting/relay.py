"""Relay: shares genuine deliveries between the processes of one application, as they came."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

__all__ = ["Claim", "Relay", "SignedRender"]


class SignedRender(NamedTuple):
    """The body of a `render.*` delivery and its signature, exactly as the service sent them."""

    body: bytes
    signature: str


class Claim(Enum):
    """Who does the work of one delivery."""

    MINE = "mine"
    """This process, until its lease runs out."""
    BUSY = "busy"
    """Another process, which has not finished."""
    DONE = "done"
    """Nobody any more: the work was committed."""


class Relay(Protocol):
    """A shortcut between processes. Polls find what it forgets or fails to bring, so it may be simple.

    It cannot forge the end of a render, nor carry one to another project: every record is verified again with the
    secrets of the project that waits. All methods run on the client's loop and raise `RelayError` when they fail.
    """

    async def open(self, hear: Callable[[str, SignedRender], None], on_gap: Callable[[], None]) -> None:
        """Begin to call `hear`, on the running loop, with what other processes publish.

        `on_gap` says that something may have been missed. A relay reconnects by itself, and may be opened again after
        `aclose`, on another loop.
        """
        ...

    async def publish(self, render_id: str, delivery: SignedRender) -> None:
        """Store a record, then notify the other processes; the same record again changes nothing."""
        ...

    async def lookup(self, render_ids: Sequence[str]) -> Mapping[str, Sequence[SignedRender]]:
        """Return what was published about these ids: at most 4 records each, distinct by signature, newest first."""
        ...

    async def claim(self, key: str, token: str, seconds: float) -> Claim:
        """Claim the work of a delivery for so many seconds; the same token again renews the lease."""
        ...

    async def commit(self, key: str, token: str) -> None:
        """Note that the work is done, for as long as the service may repeat the delivery."""
        ...

    async def release(self, key: str, token: str) -> None:
        """Give a claim back, but only while the token holds it."""
        ...

    async def aclose(self) -> None:
        """Stop calling `hear` and `on_gap`, and close what was opened."""
        ...
