"""What a reply is about: one that answers another question is never handed on."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from craftkit_async import Craftkit, CraftkitAccount, DecodeError
from craftkit_async.testing import FakeReply, FakeTransport

pytestmark = pytest.mark.virtual_time

NOW = "2026-01-01T00:00:00.000Z"
OTHER = {
    "id": "other",
    "slug": "other",
    "name": "n",
    "status": "succeeded",
    "published": True,
    "createdAt": NOW,
    "updatedAt": NOW,
    "deletedAt": NOW,
    "revokedAt": NOW,
    "deleted": True,
    "renderId": "r",
    "recipients": [],
    "currentVersionNumber": 1,
    "manifest": {"variables": [], "loops": []},
}

CALLS: dict[str, Callable[[Craftkit], Coroutine[Any, Any, Any]]] = {
    "renders.get": lambda craftkit: craftkit.renders.get("asked"),
    "templates.get": lambda craftkit: craftkit.templates.get("asked"),
    "templates.put": lambda craftkit: craftkit.templates.put("asked", name="n", manifest={}),
    "templates.delete": lambda craftkit: craftkit.templates.delete("asked"),
    "signatures.get": lambda craftkit: craftkit.signatures.get("asked"),
    "signatures.cancel": lambda craftkit: craftkit.signatures.cancel("asked"),
    "shares.revoke": lambda craftkit: craftkit.shares.revoke("r", "asked"),
}
ACCOUNT_CALLS: dict[str, Callable[[CraftkitAccount], Coroutine[Any, Any, Any]]] = {
    "get": lambda account: account.projects.get("asked"),
    "rename": lambda account: account.projects.rename("asked", "n"),
    "delete": lambda account: account.projects.delete("asked"),
}


@pytest.mark.parametrize("name", CALLS)
async def test_reply_about_something_else_is_refused(name: str) -> None:
    """A reply that names another id or slug than was asked for is an error and not somebody else's document."""
    transport = FakeTransport([FakeReply(json=OTHER)])

    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        with pytest.raises(DecodeError, match="about something else than was asked for"):
            await CALLS[name](craftkit)

    assert len(transport.requests) == 1


@pytest.mark.parametrize("name", ACCOUNT_CALLS)
async def test_reply_about_another_project_is_refused(name: str) -> None:
    """The same holds for the projects of an account."""
    async with CraftkitAccount("ck_acct_key", transport=FakeTransport([FakeReply(json=OTHER)])) as account:
        with pytest.raises(DecodeError, match="about something else than was asked for"):
            await ACCOUNT_CALLS[name](account)
