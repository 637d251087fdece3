"""System: probes."""

import pytest

from craftkit_async import Craftkit, Health, ServerError
from craftkit_async.testing import FakeReply, FakeTransport

pytestmark = pytest.mark.virtual_time

DEGRADED = {"status": "degraded", "version": "1", "checks": {"database": "down"}}


async def test_degraded_service_is_an_answer() -> None:
    """A 503 of the health route is a report and no error."""
    async with Craftkit(transport=FakeTransport([FakeReply(status=503, json=DEGRADED)])) as craftkit:
        health = await craftkit.health()

    assert isinstance(health, Health)
    assert not health.is_ok


async def test_sign_of_life_is_asked_for_again() -> None:
    """A liveness probe is a read like others."""
    transport = FakeTransport([FakeReply(status=500), FakeReply(json={"status": "ok"})])

    async with Craftkit(transport=transport) as craftkit:
        assert (await craftkit.liveness()).status == "ok"


async def test_failing_health_route_is_an_error() -> None:
    """Anything but 200 and 503 is no report."""
    async with Craftkit(transport=FakeTransport([FakeReply(status=500)])) as craftkit:
        with pytest.raises(ServerError):
            await craftkit.health()
