"""The log of received requests, for tests to inspect."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from attrs import define, field

from craftkit_async.emulator.storage.times import to_iso

MAX_LOGGED: Final = 10_000  # requests
_MAX_BODY_LOGGED: Final = 4096  # bytes of each request


@define
class SeenRequest:
    """One received request; `status` is None if no response was sent."""

    at: str
    method: str
    path: str
    operation: str | None
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None = None
    faults: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the entry as JSON, without the Authorization header."""
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() != "authorization"}
        return {
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "operation": self.operation,
            "status": self.status,
            "faults": self.faults,
            "headers": {name: value.encode("utf-8", "replace").decode() for name, value in headers.items()},
            "body": self.body.decode("utf-8", "replace"),
        }


def log_request(request: web.Request, operation: str | None, body: bytes, now: int) -> SeenRequest:
    """Make the log entry of a request that has just arrived."""
    return SeenRequest(
        at=to_iso(now),
        method=request.method,
        path=request.path,
        operation=operation,
        headers=request.headers,
        body=body[:_MAX_BODY_LOGGED],
    )
