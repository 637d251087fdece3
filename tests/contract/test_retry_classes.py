"""Each operation is sent again where the contract allows it, and as the same request."""

from collections.abc import Iterator
from typing import Any

import pytest

from craftkit_async import ApiError, RetryPolicy, TransportError
from craftkit_async.testing import FakeReply, FakeTransport
from craftkit_async.testing.fake_transport import Scripted
from tests.contract.methods import METHODS, Method, invoke, make_client, minimal_body
from tests.contract.sending import by_operation

NOT_SENT = TransportError("nobody listens", maybe_sent=False)

IN_DOUBT: dict[str, Scripted] = {
    "lost": TransportError("the connection broke"),
    "500": FakeReply(status=500, json={"error": {"code": "internal"}}),
}

CERTAIN: dict[str, Scripted] = {
    "not sent": NOT_SENT,
    "429": FakeReply(status=429, json={"error": {"code": "rate_limited"}}),
}

_AT_ONCE = RetryPolicy(first_delay=0)

# These look at their file in a thread, which virtual time cannot wait for.
ON_DISK = [method for method in METHODS if "path" in method.further]
OTHERS = [method for method in METHODS if method not in ON_DISK]


def _cases(methods: list[Method]) -> Iterator[Any]:
    for method in methods:
        is_probe = method.operation == "get_health"
        is_safe = method.described.node["x-retry"] != "never" and not is_probe
        for name, failure in IN_DOUBT.items():
            yield pytest.param(method, failure, is_safe, id=f"{method.operation}-{name}")
        for name, failure in CERTAIN.items():
            yield pytest.param(method, failure, not is_probe, id=f"{method.operation}-{name}")


async def _sent(method: Method, failure: Scripted) -> tuple[FakeTransport, Exception]:
    """Let a call run into failure and then into an end; return what was sent, and the error."""
    transport = FakeTransport([failure, FakeReply(status=418)])
    async with make_client(method.described, transport, _AT_ONCE) as client:
        with pytest.raises((ApiError, TransportError)) as caught:
            await invoke(client, method.name, method.arguments(minimal_body(method)))
    return transport, caught.value


@pytest.mark.virtual_time
@pytest.mark.parametrize(("method", "failure", "is_resent"), [*_cases(OTHERS)])
async def test_operation_is_resent_where_the_contract_allows_it(
    method: Method, failure: Scripted, *, is_resent: bool
) -> None:
    """After a failure that leaves open what happened, by `x-retry`; after one that had no effect, always."""
    transport, error = await _sent(method, failure)

    assert len(transport.requests) == (2 if is_resent else 1)
    assert (getattr(error, "status", 0) == 418) is is_resent


@pytest.mark.parametrize(("method", "failure", "is_resent"), [*_cases(ON_DISK)])
async def test_download_is_resent(method: Method, failure: Scripted, *, is_resent: bool) -> None:
    """All of them are safe to repeat."""
    transport, _ = await _sent(method, failure)

    assert is_resent
    assert len(transport.requests) == 2


@pytest.mark.virtual_time
@pytest.mark.parametrize("method", [method for method in OTHERS if method.operation != "get_health"], ids=by_operation)
async def test_resend_is_the_same_request(method: Method) -> None:
    """Retries send the same bytes to the same place, under the same idempotency key."""
    transport, _ = await _sent(method, NOT_SENT)
    first, second = transport.requests

    assert (second.method, second.url, second.headers) == (first.method, first.url, first.headers)
    assert second.body is first.body
