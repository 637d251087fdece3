"""The sender: attempts, waits and places, on virtual time."""

import pytest

from craftkit_async import Craftkit, Render, TransportError
from craftkit_async.testing import FakeReply, FakeTransport

pytestmark = pytest.mark.virtual_time

QUEUED = FakeReply(status=202, json={"id": "r1", "status": "queued"})


async def test_lost_answer_is_found_by_the_same_key() -> None:
    """An unknown outcome is resolved by sending the same key again."""
    transport = FakeTransport([TransportError("lost"), QUEUED])

    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        render = await craftkit.templates.render("invoice", {"total": 1})

    keys = {request.headers["idempotency-key"] for request in transport.requests}

    assert render == Render("r1", "queued")
    assert len(transport.requests) == 2
    assert len(keys) == 1
