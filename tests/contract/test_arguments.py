"""Arguments of a wrong type are refused before anything is sent."""

from datetime import UTC, datetime

import pytest

from craftkit_async import ConfigurationError, InvalidDataError
from craftkit_async.testing import FakeTransport
from tests.contract.document import merged, snake, violations
from tests.contract.methods import (
    BY_OPERATION,
    Method,
    body_of,
    call,
    minimal_body,
)
from tests.contract.samples import sample, wrong
from tests.contract.sending import WITH_JSON, WITH_QUERY, by_operation

WRONG = [
    (method, method.argument(name), value)
    for method in WITH_JSON
    for name, member in merged(method.described.body or {})["properties"].items()
    if name in body_of(method, full=True) and not any(dotted.startswith(f"{name}.") for dotted in method.renamed)
    for value in wrong(member)
    if value is not None
] + [
    (method, snake(parameter["name"]), value)
    for method in WITH_QUERY
    for parameter in method.described.parameters("query")
    for value in wrong(parameter["schema"])
    if value is not None
]


@pytest.mark.parametrize(("method", "argument", "value"), WRONG, ids=by_operation)
async def test_argument_of_a_wrong_type_is_refused(method: Method, argument: str, value: object) -> None:
    """A wrong type is told in one sentence that names the argument, before anything is sent."""
    transport = FakeTransport([])
    arguments = {**method.arguments(minimal_body(method)), argument: value}

    with pytest.raises((ConfigurationError, InvalidDataError)) as caught:
        await call(method, transport, arguments)

    assert isinstance(caught.value, ConfigurationError) or argument == "data"
    assert argument == "data" or argument in str(caught.value)
    assert not transport.requests


# What no schema of a body speaks of: arguments under names of their own, items of lists, what is no JSON.
FURTHER_WRONG = [
    ("render_template", {"version": "3"}),
    ("render_template", {"version": True}),
    ("render_template", {"filename": 7}),
    ("render_template", {"idempotency_key": "two words"}),
    ("render_template", {"idempotency_key": ""}),
    ("render_template", {"idempotency_key": "k" * 201}),
    ("create_signature", {"idempotency_key": 7}),
    ("create_signature", {"recipients": []}),
    ("create_signature", {"recipients": ["mira@example.com"]}),
    ("create_signature", {"fields": [None]}),
    ("create_signature", {"anchor_tags": "x"}),
    ("create_signature", {"expiration_hours": float("nan")}),
    ("list_signatures", {"limit": 0}),
    ("list_signatures", {"limit": 101}),
    ("put_template", {"only_if_changed": 1}),
    ("download_render", {"what": 7}),
    ("download_render", {"max_bytes": 0}),
    ("get_embed_render", {"session_token": "two words"}),
    ("get_embed_render", {"session_token": None}),
    ("refresh_embed_session", {"renew_token": "short"}),
    ("upload_embed_form_image", {"image": "text"}),
    ("upload_embed_form_image", {"filename": "a\r\nb"}),
    ("upload_embed_form_image", {"content_type": ""}),
    ("trigger_hook", {"secret": 7}),
    ("trigger_hook", {"secret": ""}),
    ("get_render", {"timeout": -1}),
    ("get_render", {"timeout": "30"}),
    ("get_render", {"timeout": float("inf")}),
]


@pytest.mark.parametrize(("operation", "wrong_arguments"), FURTHER_WRONG, ids=repr)
async def test_argument_that_cannot_work_is_refused(operation: str, wrong_arguments: dict[str, object]) -> None:
    """So is a value that no service could make sense of."""
    method = BY_OPERATION[operation]
    transport = FakeTransport([])

    with pytest.raises(ConfigurationError):
        await call(method, transport, {**method.arguments(minimal_body(method)), **wrong_arguments})

    assert not transport.requests


async def test_catalog_is_given_in_one_way() -> None:
    """The contract lets a session have a catalog or a reference to one."""
    method = BY_OPERATION["mint_embed_session"]

    with pytest.raises(ConfigurationError, match="not both"):
        await call(method, FakeTransport([]), method.arguments(body_of(method, full=True)))


@pytest.mark.parametrize("operation", ["email_render", "create_share"])
async def test_time_without_an_offset_is_refused(operation: str) -> None:
    """Nobody can tell which moment a naive time means, so it is not guessed."""
    method = BY_OPERATION[operation]
    naive = datetime(2026, 6, 5, 10, tzinfo=UTC).replace(tzinfo=None)

    with pytest.raises(ConfigurationError, match="expires_at"):
        await call(method, FakeTransport([]), {**method.arguments(minimal_body(method)), "expires_at": naive})


def test_samples_fit_their_schemas() -> None:
    """The values that these tests send are themselves what the contract asks for."""
    for method in WITH_JSON:
        schema = method.described.body or {}
        for full in (False, True):
            assert not violations(schema, sample(schema, full=full))
