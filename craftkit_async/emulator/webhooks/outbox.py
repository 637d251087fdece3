"""Outbox: sends deliveries, six attempts each and then abandoned; every attempt is logged."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

import aiohttp
import orjson

from craftkit_async.emulator.environment import Environment
from craftkit_async.emulator.faults.board import Faults
from craftkit_async.emulator.faults.grammar import WEBHOOK, Fault
from craftkit_async.emulator.storage.identifiers import new_id
from craftkit_async.emulator.storage.records import Delivery, Subscription
from craftkit_async.emulator.storage.times import to_iso
from craftkit_async.emulator.webhooks.signing import write_headers

_UNBOUNDED: Final = aiohttp.ClientTimeout()  # each attempt has its window
_AT_ONCE: Final = 64  # attempts in flight; a subscriber that hangs must not hold up the others
_KEPT: Final = 10_000  # ended deliveries in the log
_HOLD: Final = 2000  # milliseconds a reordered delivery waits for another to overtake it
_FORGER: Final = "not the secret"
_PENDING: Final = "pending"
_HAPPY: Final = range(200, 300)


class Outbox:
    """Sends events to the subscriptions that want them."""

    def __init__(self, environment: Environment, faults: Faults, delays: Sequence[float]) -> None:
        self._state, self._clock = environment.state, environment.clock
        self._schedule, self._tasks = environment.schedule, environment.tasks
        self._faults, self._delays = faults, delays
        self._ready: deque[str] = deque()
        self._held: list[str] = []
        self._ended: deque[str] = deque()
        self._busy = 0
        self._session: aiohttp.ClientSession | None = None
        self.window = 15.0  # seconds a subscriber has to answer, by the contract

    def open(self) -> None:
        """Take up the deliveries that an earlier process left pending."""
        self._session = aiohttp.ClientSession(
            timeout=_UNBOUNDED,
            connector=aiohttp.TCPConnector(limit=_AT_ONCE),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        for delivery in self._state.deliveries:
            if delivery.state == _PENDING:
                self._schedule.at(delivery.next, self._enqueue, delivery.id)
            else:
                self._ended.append(delivery.id)

    async def close(self) -> None:
        """Close the connections; the attempts in flight belong to the tasks."""
        if self._session:
            await self._session.close()

    def clear(self) -> None:
        """Forget what was waiting; the state is cleared elsewhere."""
        self._ready.clear()
        self._held.clear()
        self._ended.clear()

    def is_wanted(self, project_id: str, event: str) -> bool:
        """Say whether anybody subscribed to this event."""
        return any(self._find_subscriptions(project_id, event))

    def emit(
        self, project_id: str, body: dict[str, Any], subject: str, faults: Sequence[Fault] | None = None, *,
        now: bool = True,
    ) -> list[Delivery]:  # fmt: skip  # one line a parameter would hide the two that matter
        """Make an event's deliveries; with `now` false they wait for `send`, without `faults` they are drawn here."""
        deliveries: list[Delivery] = []
        if faults is None:
            faults = self._faults.draw(WEBHOOK)
        for subscription in self._find_subscriptions(project_id, body["event"]):
            if any(fault.kind == "forged" for fault in faults):
                deliveries.append(self._make(subscription, _falsify(body), subject, faults, forged=True))
            deliveries.append(self._make(subscription, body, subject, faults))
        if now:
            for delivery in deliveries:
                self._dispatch(delivery)
        return deliveries

    async def send(self, deliveries: Iterable[Delivery]) -> None:
        """Make the first attempt of each and wait for it."""
        for delivery in deliveries:
            if delivery.state == _PENDING:
                self._busy += 1
                await self._attempt(delivery)

    def redeliver(self, delivery: Delivery) -> None:
        """Send a delivery once more, under the same id."""
        delivery.state = _PENDING
        self._state.deliveries.put(delivery)
        self._enqueue(delivery.id)

    def _find_subscriptions(self, project_id: str, event: str) -> list[Subscription]:
        return [
            each
            for each in self._state.subscriptions
            if each.active and event in each.events and each.project_id in {None, project_id}
        ]

    def _make(
        self, to: Subscription, body: dict[str, Any], subject: str, faults: Sequence[Fault], *, forged: bool = False
    ) -> Delivery:
        now = self._clock.now()
        kinds = {fault.kind for fault in faults}
        late = sum(fault.seconds for fault in faults if fault.kind == "late")
        lost = "lost" in kinds and not forged
        delivery = Delivery(
            id=new_id(now),
            event=body["event"],
            url=to.url,
            secret=to.secret,
            body=orjson.dumps(body).decode(),
            subject=subject,
            created=now,
            next=now + int(late * 1000),
            state="lost" if lost else _PENDING,
            forged=forged,
            faults=",".join(map(str, faults)),
        )
        if lost:
            self._log_end(delivery)
        return self._state.deliveries.put(delivery)

    def _dispatch(self, delivery: Delivery) -> None:
        if delivery.state != _PENDING:
            return
        if "reorder" in delivery.faults.split(","):
            self._held.append(delivery.id)
            self._schedule.at(self._clock.now() + _HOLD, self._release)
        elif delivery.next > delivery.created:
            self._schedule.at(delivery.next, self._enqueue, delivery.id)
        else:
            self._enqueue(delivery.id)

    def _release(self) -> None:
        held, self._held = self._held, []
        for delivery_id in held:
            self._enqueue(delivery_id)

    def _enqueue(self, id: str) -> None:
        self._ready.append(id)
        self._advance()

    def _advance(self) -> None:
        while self._ready and self._busy < _AT_ONCE:
            delivery = self._state.deliveries.get(self._ready.popleft())
            if delivery and delivery.state == _PENDING:
                self._busy += 1
                self._tasks.start(self._attempt(delivery))

    async def _attempt(self, delivery: Delivery) -> None:
        started = self._clock.now()
        try:
            status, error = await self._post(delivery, started)
        finally:
            self._busy -= 1
        delivery.attempts.append(
            {"at": to_iso(started), "status": status, "error": error, "durationMs": self._clock.now() - started}
        )
        self._settle(delivery, acknowledged=status in _HAPPY)
        self._release()
        self._advance()

    async def _post(self, delivery: Delivery, now: int) -> tuple[int | None, str | None]:
        assert self._session  # noqa: S101 - nothing is sent before open()
        body = delivery.body.encode()
        secret = _FORGER if delivery.forged else delivery.secret
        headers = write_headers(delivery.event, delivery.id, body, secret, now)
        try:
            async with (
                asyncio.timeout(self.window),
                self._session.post(delivery.url, data=body, headers=headers, allow_redirects=False) as reply,
            ):
                return reply.status, None
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            return None, type(error).__name__

    def _settle(self, delivery: Delivery, *, acknowledged: bool) -> None:
        if self._state.deliveries.get(delivery.id) is not delivery:
            return  # everything was reset meanwhile
        tries = len(delivery.attempts)
        if acknowledged and "duplicate" in delivery.faults.split(",") and tries == 1:
            self._schedule.at(self._clock.now(), self._enqueue, delivery.id)
        elif acknowledged or delivery.forged or tries > len(self._delays):
            delivery.state = "delivered" if acknowledged else "abandoned"
            self._log_end(delivery)
        else:
            delivery.next = self._clock.now() + int(self._delays[tries - 1] * 1000)
            self._schedule.at(delivery.next, self._enqueue, delivery.id)
        self._state.deliveries.put(delivery)

    def _log_end(self, delivery: Delivery) -> None:
        self._ended.append(delivery.id)
        while len(self._ended) > _KEPT:
            oldest = self._state.deliveries.get(self._ended.popleft())
            if oldest and oldest.state != _PENDING:
                self._state.deliveries.remove(oldest)


def _falsify(body: dict[str, Any]) -> dict[str, Any]:
    if body["event"] != "render.succeeded":
        return body
    return {**body, "event": "render.failed", "status": "failed", "errorMessage": "forged", "downloadUrl": None}


def parse_drawn(text: str) -> tuple[Fault, ...]:
    """Read faults that were drawn and kept with a record."""
    return tuple(Fault(*part.split("=", 1)) for part in text.split(",") if part)
