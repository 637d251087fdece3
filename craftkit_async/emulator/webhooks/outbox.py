"""Send webhook deliveries: up to six attempts each, every attempt logged."""

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

_NO_TIMEOUT: Final = aiohttp.ClientTimeout()  # `window` bounds each attempt
_MAX_IN_FLIGHT: Final = 64  # attempts
_MAX_FINISHED: Final = 10_000  # finished deliveries in the log
_REORDER_DELAY: Final = 2000  # milliseconds that a reordered delivery waits for another one to go first
_WRONG_SECRET: Final = "not the secret"  # noqa: S105 - signs forged deliveries
_PENDING: Final = "pending"
_ACKNOWLEDGED: Final = range(200, 300)


class Outbox:
    """Sends events to the subscriptions that want them."""

    def __init__(self, environment: Environment, faults: Faults, delays: Sequence[float]) -> None:
        self._state, self._clock = environment.state, environment.clock
        self._schedule, self._tasks = environment.schedule, environment.tasks
        self._faults, self._delays = faults, delays
        self._ready: deque[str] = deque()
        self._held: list[str] = []
        self._finished: deque[str] = deque()
        self._in_flight = 0
        self._session: aiohttp.ClientSession | None = None
        self.window = 15.0  # seconds that a subscriber has to answer, by the contract

    def open(self) -> None:
        """Open the connections and resume the deliveries that an earlier process left pending."""
        self._session = aiohttp.ClientSession(
            timeout=_NO_TIMEOUT,
            connector=aiohttp.TCPConnector(limit=_MAX_IN_FLIGHT),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        for delivery in self._state.deliveries:
            if delivery.state == _PENDING:
                self._schedule.at(delivery.next, self._enqueue, delivery.id)
            else:
                self._finished.append(delivery.id)

    async def close(self) -> None:
        """Close the connections; the background tasks own the attempts in flight."""
        if self._session:
            await self._session.close()

    def clear(self) -> None:
        """Drop queued deliveries; the state is cleared separately."""
        self._ready.clear()
        self._held.clear()
        self._finished.clear()

    def is_wanted(self, project_id: str, event: str) -> bool:
        """Return whether any subscription receives this event."""
        return any(self._find_subscriptions(project_id, event))

    def emit(
        self, project_id: str, body: dict[str, Any], subject: str, faults: Sequence[Fault] | None = None, *,
        now: bool = True,
    ) -> list[Delivery]:  # fmt: skip  # shorter than one line per parameter
        """Create an event's deliveries and send them, unless `now` is false; draw `faults` if None is given."""
        deliveries: list[Delivery] = []
        if faults is None:
            faults = self._faults.draw(WEBHOOK)
        for subscription in self._find_subscriptions(project_id, body["event"]):
            if any(fault.kind == "forged" for fault in faults):
                deliveries.append(self._create_delivery(subscription, _falsify(body), subject, faults, forged=True))
            deliveries.append(self._create_delivery(subscription, body, subject, faults))
        if now:
            for delivery in deliveries:
                self._dispatch(delivery)
        return deliveries

    async def send(self, deliveries: Iterable[Delivery]) -> None:
        """Make the first attempt of each delivery and wait for it."""
        for delivery in deliveries:
            if delivery.state == _PENDING:
                self._in_flight += 1
                await self._attempt(delivery)

    def redeliver(self, delivery: Delivery) -> None:
        """Send a delivery again, with the same id."""
        delivery.state = _PENDING
        self._state.deliveries.put(delivery)
        self._enqueue(delivery.id)

    def _find_subscriptions(self, project_id: str, event: str) -> list[Subscription]:
        return [
            each
            for each in self._state.subscriptions
            if each.active and event in each.events and each.project_id in {None, project_id}
        ]

    def _create_delivery(
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
            self._log_finished(delivery)
        return self._state.deliveries.put(delivery)

    def _dispatch(self, delivery: Delivery) -> None:
        if delivery.state != _PENDING:
            return
        if "reorder" in delivery.faults.split(","):
            self._held.append(delivery.id)
            self._schedule.at(self._clock.now() + _REORDER_DELAY, self._release)
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
        self._start_attempts()

    def _start_attempts(self) -> None:
        while self._ready and self._in_flight < _MAX_IN_FLIGHT:
            delivery = self._state.deliveries.get(self._ready.popleft())
            if delivery and delivery.state == _PENDING:
                self._in_flight += 1
                self._tasks.start(self._attempt(delivery))

    async def _attempt(self, delivery: Delivery) -> None:
        started = self._clock.now()
        try:
            status, error = await self._post(delivery, started)
        finally:
            self._in_flight -= 1
        delivery.attempts.append(
            {"at": to_iso(started), "status": status, "error": error, "durationMs": self._clock.now() - started}
        )
        self._record_result(delivery, acknowledged=status in _ACKNOWLEDGED)
        self._release()
        self._start_attempts()

    async def _post(self, delivery: Delivery, now: int) -> tuple[int | None, str | None]:
        assert self._session  # noqa: S101 - nothing is sent before open()
        body = delivery.body.encode()
        secret = _WRONG_SECRET if delivery.forged else delivery.secret
        headers = write_headers(delivery.event, delivery.id, body, secret, now)
        try:
            async with (
                asyncio.timeout(self.window),
                self._session.post(delivery.url, data=body, headers=headers, allow_redirects=False) as reply,
            ):
                return reply.status, None
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            return None, type(error).__name__

    def _record_result(self, delivery: Delivery, *, acknowledged: bool) -> None:
        if self._state.deliveries.get(delivery.id) is not delivery:
            return  # the emulator was reset meanwhile
        attempts = len(delivery.attempts)
        if acknowledged and "duplicate" in delivery.faults.split(",") and attempts == 1:
            self._schedule.at(self._clock.now(), self._enqueue, delivery.id)
        elif acknowledged or delivery.forged or attempts > len(self._delays):
            delivery.state = "delivered" if acknowledged else "abandoned"
            self._log_finished(delivery)
        else:
            delivery.next = self._clock.now() + int(self._delays[attempts - 1] * 1000)
            self._schedule.at(delivery.next, self._enqueue, delivery.id)
        self._state.deliveries.put(delivery)

    def _log_finished(self, delivery: Delivery) -> None:
        self._finished.append(delivery.id)
        while len(self._finished) > _MAX_FINISHED:
            oldest = self._state.deliveries.get(self._finished.popleft())
            if oldest and oldest.state != _PENDING:
                self._state.deliveries.remove(oldest)


def _falsify(body: dict[str, Any]) -> dict[str, Any]:
    if body["event"] != "render.succeeded":
        return body
    return {**body, "event": "render.failed", "status": "failed", "errorMessage": "forged", "downloadUrl": None}


def parse_drawn(text: str) -> tuple[Fault, ...]:
    """Parse the faults that were drawn for a record and stored with it."""
    return tuple(Fault(*part.split("=", 1)) for part in text.split(",") if part)
