"""Each operation is sent again where the contract allows it, and as the same request."""

from collections.abc import Iterator

import pytest

from craftkit_async import ApiError, RetryPolicy, TransportError
from craftkit_async.testing import FakeReply, FakeTransport
from craftkit_async.testing.fake_transport import Scripted
from tests.contract.methods import METHODS, Method, invoke, make_client, minimal_body

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


def _retried(method: Method) -> Iterator[tuple[str, Scripted, bool]]:
    is_never = method.described.node["x-retry"] == "never" or method.operation == "get_health"
    for name, trouble in IN_DOUBT.items():
        yield name, trouble, not is_never
    for name, trouble in CERTAIN.items():
        yield name, trouble, method.operation != "get_health"


def _marks(method: Method) -> list[pytest.MarkDecorator]:
    """Save the waits, except where a file is looked at in a thread, which virtual time cannot wait for."""
    return [] if "path" in method.further else [pytest.mark.virtual_time]


CASES = [
    pytest.param(method, trouble, again, id=f"{method.operation}-{name}", marks=_marks(method))
    for method in METHODS
    for name, trouble, again in _retried(method)
]


@pytest.mark.parametrize(("method", "trouble", "is_resent"), CASES)
async def test_operation_is_resent_where_the_contract_allows_it(
    method: Method, trouble: Scripted, *, is_resent: bool
) -> None:
    """After a failure that leaves open what happened, by `x-retry`; after one that had no effect, always."""
    conclusion = FakeReply(status=418)
    transport = FakeTransport([trouble, conclusion])

    async with make_client(method.described, transport, _AT_ONCE) as client:
        with pytest.raises((ApiError, TransportError)) as caught:
            await invoke(client, method.name, method.arguments(minimal_body(method)))

    assert len(transport.requests) == (2 if is_resent else 1)
    assert (getattr(caught.value, "status", 0) == 418) is is_resent


@pytest.mark.parametrize(
    "method", [pytest.param(method, id=method.operation, marks=_marks(method)) for method in METHODS]
)
async def test_resend_is_the_same_request(method: Method) -> None:
    """Retries send the same bytes to the same place, under the same idempotency key."""
    transport = FakeTransport([NOT_SENT, FakeReply(status=418)])

    async with make_client(method.described, transport, _AT_ONCE) as client:
        with pytest.raises((ApiError, TransportError)):
            await invoke(client, method.name, method.arguments(minimal_body(method)))

    first, *others = transport.requests
    assert all((sent.method, sent.url, sent.headers) == (first.method, first.url, first.headers) for sent in others)
    assert all(sent.body is first.body for sent in others)
