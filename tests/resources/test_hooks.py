"""Hooks: secrets that are checked."""

from typing import Any

import pytest

from craftkit_async import ConfigurationError, Craftkit
from craftkit_async.testing import FakeReply, FakeTransport

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize("secret", ["", b"", 7])
async def test_unusable_secret_is_refused(secret: Any) -> None:
    """A secret is text or bytes and not empty; nothing is sent unsigned by mistake."""
    async with Craftkit(transport=FakeTransport([])) as craftkit:
        with pytest.raises(ConfigurationError, match="secret"):
            await craftkit.hooks.trigger("token", {}, secret=secret)


async def test_data_goes_unsigned_without_a_secret() -> None:
    """A signature is optional."""
    transport = FakeTransport([FakeReply(status=202, json={"id": "r1"})])

    async with Craftkit(transport=transport) as craftkit:
        await craftkit.hooks.trigger("token", {"a": 1})

    assert "x-craftkit-signature" not in transport.requests[0].headers
    assert transport.bodies() == [{"a": 1}]
