"""A service in a few lines, on the loop's own clock: renders by idempotency key, and what may go wrong on request."""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from craftkit_async import Craftkit, RenderRequest, Request
from craftkit_async.testing import FakeReply, FakeTransport
from craftkit_async.testing.fake_transport import Scripted

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

FailureKind = Callable[[Request], Scripted | None]


def _no_trouble(_: Request) -> Scripted | None:
    return None


@attrs.define
class Service:
    """Makes a render of each new key; it ends after `seconds`, and those whose data say so end badly."""

    seconds: float = 1.0
    failure: FailureKind = _no_trouble
    """Asked first; what it returns is the answer."""
    born: dict[str, float] = attrs.field(factory=dict)
    """When each render was asked for, by idempotency key."""
    data: list[Any] = attrs.field(factory=list)
    most_open: int = 0

    def answer(self, request: Request) -> Scripted:
        failure = self.failure(request)
        if failure is not None:
            return failure
        if request.url.endswith("/download"):
            return FakeReply(body=b"%PDF-1.7\n%%EOF\n")
        if request.method == "POST":
            return self._submit(request)
        return FakeReply(json=self._describe(request.url.rpartition("/")[2]))

    def _submit(self, request: Request) -> FakeReply:
        key = request.headers["idempotency-key"]
        is_new = key not in self.born
        if is_new:
            self.born[key] = asyncio.get_running_loop().time()
            self.data.append(json.loads(request.body or b"")["data"])
            self.most_open = max(self.most_open, sum(not self._is_over(number) for number in range(len(self.data))))
        number = list(self.born).index(key)
        return FakeReply(status=202 if is_new else 200, json=self._describe(f"r{number}"))

    def _is_over(self, number: int) -> bool:
        return asyncio.get_running_loop().time() >= list(self.born.values())[number] + self.seconds

    def _describe(self, id: str) -> dict[str, Any]:
        number = int(id.removeprefix("r"))
        born = EPOCH + timedelta(seconds=list(self.born.values())[number])
        started = {"id": id, "createdAt": born.isoformat()}
        if not self._is_over(number):
            return {**started, "status": "rendering"}
        is_bad = bool(self.data[number].get("fails"))
        ended = {"completedAt": (born + timedelta(seconds=self.seconds)).isoformat()}
        return {**started, **ended, "status": "failed" if is_bad else "succeeded", **(_WHY if is_bad else {})}


_WHY = {"errorMessage": "Mira Halden has no ink."}


def client(service: Service, **options: Any) -> Craftkit:
    """Make a client of the service."""
    return Craftkit("ck_test_batch", transport=FakeTransport(service.answer), **options)


def rows(count: int, **options: Any) -> Iterator[RenderRequest]:
    """Make requests that differ."""
    return (RenderRequest("invoice", {"number": number}, **options) for number in range(count))


def keyed(keys: Iterable[str]) -> list[RenderRequest]:
    """Make requests with these keys."""
    return [RenderRequest("invoice", {"number": number}, key=key) for number, key in enumerate(keys)]
