"""Health checks, without authentication."""

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.http.answers import Answer
from craftkit_async.emulator.service import Service


def get_health(service: Service, _: Call) -> Answer:
    """Return the health of the service and its database."""
    healthy = service.store.healthy
    checks = {"database": "ok" if healthy else "error"}
    body = {"status": "ok" if healthy else "degraded", "version": "local", "checks": checks}
    return Answer(200 if healthy else 503, body)


def get_liveness(_: Service, __: Call) -> Answer:
    """Return that the service is running."""
    return Answer(200, {"status": "ok"})


HANDLERS = {"get_health": get_health, "get_liveness": get_liveness}
