"""Service: a Craftkit of a few lines on the clock of the loop, for clients that wait and for batches."""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any
from urllib.parse import unquote

import attrs

from craftkit_async import Craftkit, PollPolicy, RenderRequest
from craftkit_async._sansio.calls.request import Request
from craftkit_async.testing import FakeReply, FakeTransport, SignedDelivery, signed_delivery

SECRET = "whsec_test"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = "2026-01-01T00:00:00.000Z"

# What the service would send for a form that nobody renders.
FORM = {
    "event": "form.submitted",
    "sessionId": "s",
    "templateSlug": "t",
    "templateVersion": 1,
    "renderId": None,
    "data": {},
    "submittedAt": MOMENT,
}

# Polls at 0.25, 0.75, 1.75, 3.75, 7.75, 12.75 … and no random.
EXACT = PollPolicy(adaptive=False, jitter=0.0)

LOST = FakeReply(after=1e6)
"""An answer that never comes."""

Answer = FakeReply | Exception


@attrs.define
class Service:
    """Makes a render of each new key, and answers polls by how long renders take; it can be told to do otherwise."""

    ends_after: float = inf
    """How long each render takes, from its submit on; one whose data has a true `fails` ends as failed."""
    ending: str = "succeeded"
    latency: float = 0.0
    on_request: Callable[[Request], Answer | None] = attrs.field(default=lambda _: None)
    """Another answer for any request, which then counts nowhere."""
    on_submit: Callable[[int], Answer | None] = attrs.field(default=lambda _: None)
    """Another answer for the nth submit."""
    on_poll: Callable[[str, int], Answer | None] = attrs.field(default=lambda *_: None)
    """Another answer for the nth poll of an id."""
    submits: list[float] = attrs.field(factory=list)
    keys: list[str] = attrs.field(factory=list)
    """The key of each submit."""
    polls: dict[str, list[float]] = attrs.field(factory=dict)
    """When each id was polled."""
    ids: dict[str, str] = attrs.field(factory=dict)
    """The render of each key."""
    begun: dict[str, float] = attrs.field(factory=dict)
    data: dict[str, Any] = attrs.field(factory=dict)
    """What each render was made with."""
    most_open: int = 0
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

    def describe(self, id: str, now: float) -> dict[str, Any]:
        """Say how a render stands."""
        begun = self.begun.get(id, 0.0)
        if not self._has_ended(id, now):
            return {"id": id, "status": "rendering", "createdAt": _moment(begun)}
        times = {"createdAt": _moment(begun), "completedAt": _moment(begun + self.ends_after)}
        if isinstance(data := self.data.get(id), dict) and data.get("fails"):
            return ended(id, "failed", errorMessage="Mira Halden has no ink.", **times)
        return ended(id, self.ending, **times)

    def _answer(self, request: Request) -> Answer:
        now = asyncio.get_running_loop().time()
        other = self.on_request(request)
        if other is not None:
            return other
        if request.url.endswith("/download"):
            return FakeReply(body=b"%PDF-1.7\n%%EOF\n")
        if request.method == "POST":
            return self._submit(request, now)
        seen = unquote(request.url.rpartition("/")[2])
        polls = self.polls.setdefault(seen, [])
        polls.append(now)
        return self.on_poll(seen, len(polls)) or FakeReply(json=self.describe(seen, now), after=self.latency)

    def _submit(self, request: Request, now: float) -> Answer:
        key = request.headers["idempotency-key"]
        self.submits.append(now)
        self.keys.append(key)
        other = self.on_submit(len(self.submits))
        if other is not None:
            return other
        if key in self.ids:
            return FakeReply(json=self.describe(self.ids[key], now), after=self.latency)
        return self._begin(key, json.loads(request.body or b"").get("data"), now)

    def _begin(self, key: str, data: Any, now: float) -> FakeReply:
        id = self.ids[key] = f"r{len(self.submits)}"  # noqa: A001 - the API's own word
        self.begun[id] = now + self.latency
        self.data[id] = data
        self.most_open = max(self.most_open, sum(not self._has_ended(begun, now) for begun in self.begun))
        return FakeReply(status=202, json={"id": id, "status": "queued"}, after=self.latency)

    def _has_ended(self, id: str, now: float) -> bool:
        return now - self.begun.get(id, 0.0) >= self.ends_after


def _moment(seconds: float) -> str:
    return (EPOCH + timedelta(seconds=seconds)).isoformat()


def client(service: Service, **options: Any) -> Craftkit:
    """Make a client of the service with every default: it polls at a learned pace, and receives no webhooks."""
    return Craftkit("ck_test_batch", transport=service.transport, **options)


def rows(count: int, **options: Any) -> Iterator[RenderRequest]:
    """Make requests that differ."""
    return (RenderRequest("invoice", {"number": number}, **options) for number in range(count))


def keyed(keys: Iterable[str]) -> list[RenderRequest]:
    """Make requests with these keys."""
    return [RenderRequest("invoice", {"number": number}, key=key) for number, key in enumerate(keys)]


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
