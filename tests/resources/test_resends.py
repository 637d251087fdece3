"""Deletes, revokes and cancels whose answer was lost: what the second attempt finds settles the first."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from craftkit_async import (
    ConflictError,
    Craftkit,
    CraftkitAccount,
    NotFoundError,
    ProjectDeleted,
    RetryPolicy,
    ShareRevoked,
    TemplateDeleted,
    TransportError,
)
from craftkit_async.testing import FakeReply, FakeTransport

pytestmark = pytest.mark.virtual_time

LOST = TransportError("lost")
GONE = FakeReply(status=404, json={"error": {"code": "not_found", "message": "gone"}})
CONFLICT = FakeReply(status=409, json={"error": {"code": "conflict", "message": "ended"}})

Call = Callable[[FakeTransport], Coroutine[Any, Any, Any]]


def signature(status: str) -> FakeReply:
    known = {
        "id": "s1",
        "renderId": "r1",
        "name": "n",
        "status": status,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "recipients": [],
    }
    return FakeReply(json=known)


async def delete_template(transport: FakeTransport) -> Any:
    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        return await craftkit.templates.delete("t")


async def revoke_share(transport: FakeTransport) -> Any:
    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        return await craftkit.shares.revoke("r1", "s1")


async def delete_project(transport: FakeTransport) -> Any:
    async with CraftkitAccount("ck_acct_key", transport=transport) as account:
        return await account.projects.delete("p1")


async def cancel(transport: FakeTransport, **options: Any) -> Any:
    async with Craftkit("ck_test_key", transport=transport, **options) as craftkit:
        return await craftkit.signatures.cancel("s1", reason="a change of mind")


@pytest.mark.parametrize(
    ("call", "known"),
    [
        (delete_template, TemplateDeleted("t")),
        (revoke_share, ShareRevoked("s1")),
        (delete_project, ProjectDeleted("p1", deleted=True)),
    ],
)
async def test_delete_that_was_resent_and_finds_nothing_has_worked(call: Call, known: object) -> None:
    """A 404 after a lost answer is the success of the first attempt; what it cannot know stays None."""
    assert await call(FakeTransport([LOST, GONE])) == known


@pytest.mark.parametrize("call", [delete_template, revoke_share, delete_project])
@pytest.mark.parametrize("before", [[], [TransportError("refused", maybe_sent=False)], [FakeReply(status=429)]])
async def test_delete_that_had_no_effect_before_finds_nothing(call: Call, before: list[Any]) -> None:
    """Where no earlier attempt can have worked, a 404 is an error."""
    with pytest.raises(NotFoundError):
        await call(FakeTransport([*before, GONE]))


async def test_cancel_that_was_resent_is_settled_by_a_read() -> None:
    """A 409 after a lost answer may be the doing of the first attempt; a look tells."""
    transport = FakeTransport([LOST, CONFLICT, signature("cancelled")])

    assert (await cancel(transport)).status == "cancelled"
    assert [request.method for request in transport.requests] == ["POST", "POST", "GET"]


async def test_cancel_of_what_ended_otherwise_is_a_conflict() -> None:
    """If the look shows another end, the conflict stands."""
    with pytest.raises(ConflictError):
        await cancel(FakeTransport([LOST, CONFLICT, signature("completed")]))


async def test_conflict_at_the_first_attempt_stands() -> None:
    """Where nothing was lost there is nothing to settle."""
    with pytest.raises(ConflictError):
        await cancel(FakeTransport([CONFLICT]))


async def test_cancel_just_works() -> None:
    """Most cancels are answered at once."""
    assert (await cancel(FakeTransport([signature("cancelled")]))).status == "cancelled"


async def test_lost_cancel_that_is_never_answered_is_an_error() -> None:
    """Without any answer nobody knows."""
    with pytest.raises(TransportError):
        await cancel(FakeTransport([LOST]), retries=RetryPolicy(attempts=1))
