"""Rotated keys: a 401 under a function asks it once more, and another key is sent again."""

from collections.abc import Callable, Iterator

import pytest

from craftkit_async import AuthenticationError, Craftkit, Request, RetryPolicy
from craftkit_async.testing import FakeReply, FakeTransport

pytestmark = pytest.mark.virtual_time

REFUSED = FakeReply(status=401, json={"error": {"code": "unauthorized", "message": "no"}})


def accepting(key: str) -> Callable[[Request], FakeReply]:
    return lambda request: (
        FakeReply(status=201, json={"id": "r1", "status": "succeeded"})
        if request.headers["authorization"] == f"Bearer {key}"
        else REFUSED
    )


def rotating(*keys: str) -> Callable[[], str]:
    left: Iterator[str] = iter(keys)
    return lambda: next(left)


async def test_another_key_is_sent_again() -> None:
    """The first key was rotated away, the second is taken; the caller does not notice."""
    transport = FakeTransport(accepting("ck_test_new"))
    async with Craftkit(rotating("ck_test_old", "ck_test_new", "ck_test_new"), transport=transport) as craftkit:
        assert (await craftkit.renders.get("r1")).id == "r1"

    assert len(transport.requests) == 2


async def test_never_operation_is_sent_again_too() -> None:
    """A refused key did nothing, so a mail may be sent with the next one."""
    transport = FakeTransport(
        lambda request: FakeReply(status=422) if "new" in request.headers["authorization"] else REFUSED
    )
    async with Craftkit(rotating("ck_test_old", "ck_test_new", "ck_test_new"), transport=transport) as craftkit:
        with pytest.raises(Exception, match="422"):
            await craftkit.renders.email("r1", to="a@b.example")

    assert len(transport.requests) == 2


@pytest.mark.parametrize("keys", [("ck_test_old",) * 3, ("ck_test_old", "ck_test_x", "ck_test_x", "ck_test_y")])
async def test_refused_twice_is_an_error(keys: tuple[str, ...]) -> None:
    """The same key again is not sent again, and a second refusal is final."""
    transport = FakeTransport(accepting("ck_test_new"))
    async with Craftkit(rotating(*keys), transport=transport) as craftkit:
        with pytest.raises(AuthenticationError):
            await craftkit.renders.get("r1")

    assert len(transport.requests) == len(set(keys) - {"ck_test_y"})


async def test_one_attempt_asks_once() -> None:
    """With `attempts=1` nothing is sent again."""
    transport = FakeTransport(accepting("ck_test_new"))
    policy = RetryPolicy(attempts=1)
    async with Craftkit(rotating("ck_test_old", "ck_test_new"), transport=transport, retries=policy) as craftkit:
        with pytest.raises(AuthenticationError):
            await craftkit.renders.get("r1")

    assert len(transport.requests) == 1


async def test_wait_survives_a_rotation() -> None:
    """A poll under the old key asks for the new one, and its waiters do not notice."""
    transport = FakeTransport(accepting("ck_test_new"))
    async with Craftkit(rotating("ck_test_old", "ck_test_new", "ck_test_new"), transport=transport) as craftkit:
        assert (await craftkit.wait("r1")).is_succeeded
