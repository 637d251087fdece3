"""The world of the explorer: what is true, and everything between the truth and the client that may go wrong."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import attrs

from craftkit_async import Claim, RelayError, Request, SignedRender, TransportError
from craftkit_async.relays.memory import MemoryRelay
from craftkit_async.testing import FakeReply, FakeTransport, SignedDelivery, signed_delivery

MOMENT = "2026-01-01T00:00:00.000Z"


@attrs.define
class TrueRender:
    """One render as it is."""

    id: str
    project: str
    finishes: float
    outcome: str

    def describe(self, now: float) -> dict[str, Any]:
        """Say how it stands, as the API does."""
        if now < self.finishes:
            return {"id": self.id, "status": "rendering", "createdAt": MOMENT}
        return {"id": self.id, "status": self.outcome, "createdAt": MOMENT, "completedAt": MOMENT}


@attrs.define
class Truth:
    """The service, which is always right, and a network that is not."""

    random: Random
    trouble: float
    """How often a request meets with a fault."""
    renders: dict[str, TrueRender] = attrs.field(factory=dict)
    by_key: dict[tuple[str, str], str] = attrs.field(factory=dict)
    polls: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    """By the id that was asked for, and the project whose key was used."""
    faults: Counter[str] = attrs.field(factory=Counter)
    transport: FakeTransport = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.transport = FakeTransport(self._answer)

    def finished(self, now: float) -> list[TrueRender]:
        """List the renders that have finished."""
        return [render for render in self.renders.values() if now >= render.finishes]

    def delivery(self, render: TrueRender, secret: str) -> SignedDelivery:
        """Sign what the service would say of a render."""
        event = {"event": f"render.{render.outcome}", "renderId": render.id, "status": render.outcome}
        return signed_delivery({**event, "createdAt": MOMENT}, secret, delivery_id=f"d-{render.id}")

    def _answer(self, request: Request) -> FakeReply | Exception:
        project = request.headers["authorization"].removeprefix("Bearer ck_test_")
        now = asyncio.get_running_loop().time()
        reply = self._submit(request, project, now) if request.method == "POST" else self._poll(request, project, now)
        if self.random.random() >= self.trouble:
            return reply
        return self._go_wrong(reply, is_poll=request.method == "GET")

    def _submit(self, request: Request, project: str, now: float) -> FakeReply:
        key = project, request.headers["idempotency-key"]
        known = self.by_key.get(key)
        if known is not None:
            return FakeReply(json=self.renders[known].describe(now), after=self._latency())
        render = TrueRender(
            f"r{len(self.renders)}",
            project,
            now + self.random.choice([0.1, 1.0, 5.0, 20.0]) * self.random.random(),
            self.random.choice(["succeeded", "succeeded", "failed"]),
        )
        self.renders[render.id] = render
        self.by_key[key] = render.id
        return FakeReply(status=202, json={"id": render.id, "status": "queued"}, after=self._latency())

    def _poll(self, request: Request, project: str, now: float) -> FakeReply:
        id = request.url.rpartition("/")[2]  # noqa: A001 - the API's own word
        self.polls[id, project] += 1
        return FakeReply(json=self.renders[id].describe(now), after=self._latency())

    def _latency(self) -> float:
        return self.random.choice([0.0, 0.01, 0.3, 2.0]) * self.random.random()

    def _go_wrong(self, reply: FakeReply, *, is_poll: bool) -> FakeReply | Exception:
        kind = self.random.choice(["lost", "refused", "cancelled", "500", "429", "hangs", "cut", "nonsense", "misfit"])
        self.faults[kind] += 1
        faults: dict[str, Callable[[], FakeReply | Exception]] = {
            "lost": lambda: TransportError("lost"),
            "refused": lambda: TransportError("refused", maybe_sent=False),
            # A future inside a library that somebody cancelled.
            "cancelled": asyncio.CancelledError,  # type: ignore[dict-item]  # that is the point
            "500": lambda: FakeReply(status=500, after=self._latency()),
            "429": lambda: FakeReply(status=429, headers={"retry-after": "1"}, after=self._latency()),
            "hangs": lambda: FakeReply(after=1e6),
            "cut": lambda: attrs.evolve(reply, cut_at=3),
            "nonsense": lambda: FakeReply(body=b"<html>"),
            # What a kept connection brings that another call had asked for; a submit could not tell.
            "misfit": lambda: self._about_another(reply) if is_poll else reply,
        }
        return faults[kind]()

    def _about_another(self, reply: FakeReply) -> FakeReply:
        now = asyncio.get_running_loop().time()
        others = [render for render in self.finished(now) if render.id != (reply.json or {}).get("id")]
        return FakeReply(json=self.random.choice(others).describe(now)) if others else reply


@attrs.define(eq=False)
class WildRelay:
    """A relay that drops, doubles, delays, reorders and fails."""

    inner: MemoryRelay
    random: Random
    trouble: float

    async def _go_wrong(self) -> None:
        if self.random.random() >= self.trouble:
            return
        kind = self.random.choice(["fails", "foreign", "cancelled", "hangs", "slow"])
        if kind == "fails":
            raise RelayError("gone")
        if kind == "foreign":
            raise ConnectionError
        if kind == "cancelled":
            raise asyncio.CancelledError
        await asyncio.sleep(1e6 if kind == "hangs" else self.random.random())

    async def open(self, hear: Callable[[str, SignedRender], None], on_gap: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()

        def hear_sometimes(render_id: str, delivery: SignedRender) -> None:
            for _ in range(self.random.choice([0, 1, 1, 1, 2])):
                loop.call_later(self.random.random() * self.random.choice([0.0, 3.0]), hear, render_id, delivery)

        await self._go_wrong()
        await self.inner.open(hear_sometimes, on_gap)

    async def publish(self, render_id: str, delivery: SignedRender) -> None:
        await self._go_wrong()
        await self.inner.publish(render_id, delivery)

    async def lookup(self, render_ids: Sequence[str]) -> Mapping[str, Sequence[SignedRender]]:
        await self._go_wrong()
        return await self.inner.lookup(render_ids)

    async def claim(self, key: str, token: str, seconds: float) -> Claim:
        await self._go_wrong()
        return await self.inner.claim(key, token, seconds)

    async def commit(self, key: str, token: str) -> None:
        await self._go_wrong()
        await self.inner.commit(key, token)

    async def release(self, key: str, token: str) -> None:
        await self._go_wrong()
        await self.inner.release(key, token)

    async def aclose(self) -> None:
        await self._go_wrong()
        await self.inner.aclose()
