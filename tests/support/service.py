"""Service: a Craftkit of a few lines on the loop's own time, for clients that wait."""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Any
from urllib.parse import unquote

import attrs

from craftkit_async import Craftkit, PollPolicy
from craftkit_async._sansio.calls.request import Request
from craftkit_async.testing import FakeReply, FakeTransport, SignedDelivery, signed_delivery

SECRET = "whsec_test"
MOMENT = "2026-01-01T00:00:00.000Z"

# Polls at 0.25, 0.75, 1.75, 3.75, 7.75, 12.75 … and no random.
EXACT = PollPolicy(adaptive=False, jitter=0.0)

LOST = FakeReply(after=1e6)
"""An answer that never comes."""

Answer = FakeReply | Exception


@attrs.define
class Service:
    """Answers submits with new ids, and polls by how long renders take; either can be told to do otherwise."""

    ends_after: float = inf
    """How long each render takes, from its submit on."""
    ending: str = "succeeded"
    latency: float = 0.0
    on_submit: Callable[[int], Answer | None] = attrs.field(default=lambda _: None)
    """Another answer for the nth submit."""
    on_poll: Callable[[str, int], Answer | None] = attrs.field(default=lambda *_: None)
    """Another answer for the nth poll of an id."""
    submits: list[float] = attrs.field(factory=list)
    polls: dict[str, list[float]] = attrs.field(factory=dict)
    """When each id was polled."""
    keys: list[str] = attrs.field(factory=list)
    begun: dict[str, float] = attrs.field(factory=dict)
    transport: FakeTransport = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.transport = FakeTransport(self._answer)

    def make_client(self, key: str = "ck_test_key", **options: Any) -> Craftkit:
        """Make a client of this service that polls at the exact pace and receives webhooks."""
        given: dict[str, Any] = {"polling": EXACT, "webhook_secret": SECRET, **options}
        return Craftkit(key, transport=self.transport, **given)

    @property
    def ages(self) -> dict[str, list[float]]:
        """How old each render was when it was polled."""
        return {seen: [poll - self.begun.get(seen, 0.0) for poll in polls] for seen, polls in self.polls.items()}

    def _answer(self, request: Request) -> Answer:
        now = asyncio.get_running_loop().time()
        if request.method == "POST":
            return self._submit(request, now)
        seen = unquote(request.url.rpartition("/")[2])
        polls = self.polls.setdefault(seen, [])
        polls.append(now)
        return self.on_poll(seen, len(polls)) or FakeReply(json=self.describe(seen, now), after=self.latency)

    def _submit(self, request: Request, now: float) -> Answer:
        self.submits.append(now)
        self.keys.append(request.headers["idempotency-key"])
        nth = len(self.submits)
        other = self.on_submit(nth)
        if other is not None:
            return other
        self.begun[f"r{nth}"] = now + self.latency
        return FakeReply(status=202, json={"id": f"r{nth}", "status": "queued"}, after=self.latency)

    def describe(self, id: str, now: float) -> dict[str, Any]:
        """Say how a render stands."""
        if now - self.begun.get(id, 0.0) < self.ends_after:
            return {"id": id, "status": "rendering", "createdAt": MOMENT}
        return ended(id, self.ending)


def ended(id: str, status: str = "succeeded", **fields: Any) -> dict[str, Any]:
    """Describe a render that has ended, as the API does."""
    return {"id": id, "status": status, "createdAt": MOMENT, "completedAt": MOMENT, **fields}


def delivery_of(id: str, named: str = "succeeded", secret: str = SECRET, **fields: Any) -> SignedDelivery:
    """Sign what a webhook says of a render that has ended."""
    event = {"event": f"render.{named}", "renderId": id, "templateId": "t", "status": named, "createdAt": MOMENT}
    return signed_delivery({**event, **fields}, secret, delivery_id="d1")


def now() -> float:
    """Return the time of the loop."""
    return asyncio.get_running_loop().time()
