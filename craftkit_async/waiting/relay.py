"""Relay: hands the end of a render to other processes, which wait for it while the webhook came in here."""

from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from craftkit_async.models.renders import Render


class Relay(Protocol):
    """Something between processes. What it forgets or fails to bring, polls find, so it may be simple.

    All of it is called on the client's loop; what goes wrong is raised as a `RelayError`.
    """

    async def open(self, deliver: Callable[[Render], None]) -> None:
        """Begin to call `deliver`, on the running loop, with each render that another process publishes."""
        ...

    async def publish(self, render: Render, dedupe_key: str) -> None:
        """Tell the other processes how a render ended; the same key again is the same delivery again."""
        ...

    async def lookup(self, ids: Collection[str]) -> Iterable[Render]:
        """Return those of the renders that were published before."""
        ...

    async def aclose(self) -> None:
        """Stop."""
        ...
