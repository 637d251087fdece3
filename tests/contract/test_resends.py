"""What a resend finds already done has worked: deletes, revokes, cancels, submits; and what is never resent."""

from typing import Any

import pytest

from craftkit_async import (
    ApiError,
    ConflictError,
    Craftkit,
    NotFoundError,
    ProjectDeleted,
    RetryPolicy,
    ServerError,
    ShareRevoked,
    TemplateDeleted,
    TransportError,
)
from craftkit_async.testing import FakeReply, FakeTransport
from craftkit_async.testing.fake_transport import Scripted
from tests.contract.document import OPERATIONS
from tests.contract.methods import BY_OPERATION, METHODS, Method, invoke, make_client, minimal_body
from tests.contract.sending import by_operation

pytestmark = pytest.mark.virtual_time

GONE = FakeReply(status=404, json={"error": {"code": "not_found", "message": "Nothing here."}})
CONFLICT = FakeReply(status=409, json={"error": {"code": "conflict", "message": "It has ended."}})
BROKEN = FakeReply(status=500, json={"error": {"code": "internal"}})
THROTTLED = FakeReply(status=429, json={"error": {"code": "rate_limited"}})
BUSY = FakeReply(status=503, json={"error": {"code": "queue_unavailable"}}, headers={"retry-after": "1"})

LOST = TransportError("the connection broke")
NOT_SENT = TransportError("nobody listens", maybe_sent=False)

# After these an attempt may have taken effect.
IN_DOUBT: dict[str, Scripted] = {
    "lost": LOST,
    "500": BROKEN,
    "503": BUSY,
    "unreadable": FakeReply(body=b"<html>"),
    "cut": FakeReply(json={"id": "x"}, cut_at=3),
}

# After these it has not.
CERTAIN: dict[str, Scripted] = {"not sent": NOT_SENT, "429": THROTTLED}

DELETES: dict[str, Any] = {
    "delete_template": TemplateDeleted("delivery-note"),
    "revoke_share": ShareRevoked("01949222-0b7d-7c44-8e10-7c5d12ab9f03"),
    "delete_project": ProjectDeleted("01947f10-aa31-7d5e-b6c2-0e4f8a1d7b55", deleted=True),
}


async def send(operation: str, *script: Scripted, **arguments: Any) -> tuple[Any, FakeTransport]:
    """Call an operation with all its retries, and return its result and what was sent."""
    method = BY_OPERATION[operation]
    transport = FakeTransport(script)
    async with make_client(method.described, transport, RetryPolicy()) as client:
        value = await invoke(client, method.name, {**method.arguments(minimal_body(method)), **arguments})
    return value, transport


def test_every_delete_is_tested() -> None:
    """The table above has all of them."""
    assert set(DELETES) == {operation.id for operation in OPERATIONS if operation.method == "DELETE"}


@pytest.mark.parametrize("first", IN_DOUBT.values(), ids=IN_DOUBT)
@pytest.mark.parametrize("operation", DELETES)
async def test_delete_that_was_resent_and_then_missing_has_worked(operation: str, first: Scripted) -> None:
    """The first attempt may have taken effect, so a 404 on the next says that it had."""
    value, transport = await send(operation, first, GONE)

    assert value == DELETES[operation]
    assert len(transport.requests) == 2


@pytest.mark.parametrize("operation", DELETES)
async def test_doubt_outlasts_a_rejection(operation: str) -> None:
    """What a rejection in between says is about that attempt only."""
    value, _ = await send(operation, LOST, THROTTLED, GONE)

    assert value == DELETES[operation]


@pytest.mark.parametrize("before", [(), *((first,) for first in CERTAIN.values())], ids=["at once", *CERTAIN])
@pytest.mark.parametrize("operation", DELETES)
async def test_delete_of_what_was_never_there_is_missing(operation: str, before: tuple[Scripted]) -> None:
    """With no attempt that could have worked, a 404 is a 404."""
    with pytest.raises(NotFoundError):
        await send(operation, *before, GONE)


@pytest.mark.parametrize("operation", DELETES)
async def test_delete_answers_with_what_the_service_says(operation: str) -> None:
    """Where the service answers, its answer is the result, times included."""
    example = BY_OPERATION[operation].described.example

    value, _ = await send(operation, LOST, FakeReply(json=example))

    assert value != DELETES[operation] or operation == "delete_project"
    assert value.id == example["id"]


def signature(status: str) -> FakeReply:
    return FakeReply(json={**BY_OPERATION["cancel_signature"].described.example, "status": status})


@pytest.mark.parametrize("first", IN_DOUBT.values(), ids=IN_DOUBT)
async def test_cancel_that_was_resent_is_settled_by_a_read(first: Scripted) -> None:
    """A conflict on the resend may mean that the first attempt worked; a look tells."""
    request, transport = await send("cancel_signature", first, CONFLICT, signature("cancelled"))

    assert request.status == "cancelled"
    assert [sent.method for sent in transport.requests] == ["POST", "POST", "GET"]


@pytest.mark.parametrize("status", ["completed", "declined", "expired", "failed", "sent", "viewed", "signed"])
async def test_cancel_that_came_too_late_is_a_conflict(status: str) -> None:
    """If the look shows another ending, the conflict stands."""
    with pytest.raises(ConflictError, match="It has ended"):
        await send("cancel_signature", LOST, CONFLICT, signature(status))


@pytest.mark.parametrize("before", [(), *((first,) for first in CERTAIN.values())], ids=["at once", *CERTAIN])
async def test_cancel_without_doubt_is_not_looked_at(before: tuple[Scripted]) -> None:
    """With no attempt that could have worked, the conflict is about what was there before."""
    with pytest.raises(ConflictError):
        await send("cancel_signature", *before, CONFLICT)


# ---- keys, and what waiting does not help


async def test_calls_have_keys_of_their_own() -> None:
    """A key belongs to one logical call."""
    _, first = await send("render_template", FakeReply(status=202, json={"id": "r1"}))
    _, second = await send("render_template", FakeReply(status=202, json={"id": "r2"}))
    keys = [sent.headers["idempotency-key"] for sent in (*first.requests, *second.requests)]

    assert len(set(keys)) == 2
    assert all(len(key) == 32 for key in keys)


async def test_missing_mail_sender_is_not_waited_for() -> None:
    """Nobody can mail without a sender, however long one waits."""
    missing = FakeReply(status=503, json={"error": {"code": "email_not_configured"}}, headers={"retry-after": "1"})

    with pytest.raises(ServerError) as caught:
        await send("email_render", missing)

    assert caught.value.code == "email_not_configured"


# ---- the health of the service


@pytest.mark.parametrize(("status", "word"), [(200, "ok"), (503, "degraded")])
async def test_health_is_an_answer_when_degraded_too(status: int, word: str) -> None:
    """Both statuses bring the same report; it is asked for once and without a key."""
    report = {"status": word, "version": "3f9c2ab", "checks": {"database": "ok"}}
    transport = FakeTransport([FakeReply(status=status, json=report, headers={"retry-after": "1"})])

    async with Craftkit(transport=transport) as craftkit:
        health = await craftkit.health()

    assert (health.status, health.is_ok) == (word, status == 200)
    assert "authorization" not in transport.requests[0].headers


@pytest.mark.parametrize("failure", [LOST, NOT_SENT, BROKEN, THROTTLED, FakeReply(status=503, body=b"<html>")])
async def test_health_is_asked_for_once(failure: Scripted) -> None:
    """A probe that tries again would hide what it is asked about."""
    transport = FakeTransport([failure])

    async with Craftkit(transport=transport) as craftkit:
        with pytest.raises((ApiError, TransportError)):
            await craftkit.health()

    assert len(transport.requests) == 1


@pytest.mark.parametrize("method", [method for method in METHODS if not method.described.credentials], ids=by_operation)
async def test_open_operations_need_no_key(method: Method) -> None:
    """What asks for no credential works without one."""
    transport = FakeTransport([FakeReply(json=method.described.example)])

    async with Craftkit(transport=transport) as craftkit:
        await invoke(craftkit, method.name, method.arguments(minimal_body(method)))

    assert "authorization" not in transport.requests[0].headers
