"""Request log: the latest requests, for tests to read afterwards."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from attrs import define, field

from craftkit_async.emulator.storage.times import to_iso

KEPT: Final = 10_000  # requests in the record
_BODY_KEPT: Final = 4096  # bytes of each


@define
class SeenRequest:
    """One request as the emulator saw it; `status` is None when no answer was sent."""

    at: str
    method: str
    path: str
    operation: str | None
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None = None
    faults: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write the record as JSON; the credential is left out."""
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


def see(request: web.Request, operation: str | None, body: bytes, now: int) -> SeenRequest:
    """Make the record of a request that has just come in."""
    return SeenRequest(
        at=to_iso(now),
        method=request.method,
        path=request.path,
        operation=operation,
        headers=request.headers,
        body=body[:_BODY_KEPT],
    )
