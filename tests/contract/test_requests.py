"""What each method sends fits the operation: its address, query and headers."""

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from craftkit_async import ConfigurationError
from craftkit_async._sansio.documents.addresses import PRODUCTION
from craftkit_async.testing import FakeTransport
from tests.contract.document import types_of, violations
from tests.contract.methods import (
    BY_OPERATION,
    KEYS,
    SESSION_TOKEN,
    Method,
    call,
    minimal_body,
)
from tests.contract.sending import each_method, each_with_path, each_with_query, sent_by


@each_method
async def test_address_is_the_path_of_the_operation(method: Method) -> None:
    """Verb and path are the contract's, with every part in its place, and without a query nobody asked for."""
    operation = method.described
    path = operation.path
    for part in operation.parameters("path"):
        path = path.replace(f"{{{part['name']}}}", part["example"])

    request = await sent_by(method)

    assert request.method == operation.method
    assert request.url == PRODUCTION + path


@pytest.mark.parametrize("hostile", ["a/b", "a b?c#d", "%2e%2e", "Grüße", "..a"])
@each_with_path
async def test_part_of_a_path_stays_in_its_place(method: Method, hostile: str) -> None:
    """Whatever an id holds, the path has the same number of parts and the service reads the same id."""
    arguments = method.arguments(minimal_body(method))
    for part in method.described.parameters("path"):
        arguments[method.argument(part["name"])] = hostile

    url = urlsplit((await sent_by(method, arguments)).url)

    assert url.path.count("/") == method.described.path.count("/")
    assert quote(hostile, safe="") in url.path.split("/")
    assert not url.query


@pytest.mark.parametrize("empty", ["", " ", ".", "..", None, 7])
@each_with_path
async def test_part_that_would_mean_another_path_is_refused(method: Method, empty: object) -> None:
    """A path part that is empty, a dot segment or no text never leaves the process."""
    transport = FakeTransport([])
    for part in method.described.parameters("path"):
        arguments = method.arguments(minimal_body(method))
        arguments[method.argument(part["name"])] = empty

        with pytest.raises(ConfigurationError):
            await call(method, transport, arguments)

    assert not transport.requests


@each_with_query
async def test_every_query_parameter_can_be_sent(method: Method) -> None:
    """All of them arrive under their names and fit their schemas."""
    parameters = method.described.parameters("query")
    query = {parameter["name"]: parameter.get("example", 1) for parameter in parameters}

    request = await sent_by(method, method.arguments(query=query))
    sent = parse_qs(urlsplit(request.url).query, strict_parsing=True)

    assert sent == {name: [str(value)] for name, value in query.items()}
    for parameter in parameters:
        value: Any = sent[parameter["name"]][0]
        is_number = types_of(parameter["schema"]) == ["integer"]
        assert not violations(parameter["schema"], int(value) if is_number else value)


@each_with_query
async def test_query_has_no_null(method: Method) -> None:
    """A query cannot carry null, so None leaves the parameter out."""
    query = {parameter["name"]: None for parameter in method.described.parameters("query")}

    request = await sent_by(method, method.arguments(query=query))

    assert not urlsplit(request.url).query


@each_method
async def test_credential_is_the_one_of_the_operation(method: Method) -> None:
    """Each credential goes to its own operations; where none is asked for, none is sent."""
    kinds = method.described.credentials
    wanted = f"Bearer {KEYS.get(kinds[0], SESSION_TOKEN)}" if kinds else None

    request = await sent_by(method)

    assert request.headers.get("authorization") == wanted


@each_method
async def test_idempotency_key_goes_where_it_counts(method: Method) -> None:
    """Operations that honour the header always carry a key; no other one does."""
    is_honoured = method.described.node["x-idempotent"] == "header"
    declared = {parameter["name"].lower() for parameter in method.described.parameters("header")}

    request = await sent_by(method)

    assert ("idempotency-key" in request.headers) is is_honoured
    assert ("idempotency-key" in declared) is is_honoured


@pytest.mark.parametrize("operation", ["render_template", "create_signature"])
async def test_given_idempotency_key_is_sent_as_it_is(operation: str) -> None:
    """The caller's key is the caller's business."""
    method = BY_OPERATION[operation]

    request = await sent_by(method, {**method.arguments(minimal_body(method)), "idempotency_key": "order:4471/2"})

    assert request.headers["idempotency-key"] == "order:4471/2"


@each_method
async def test_content_type_is_that_of_the_body(method: Method) -> None:
    """A body says what it is; no body says nothing."""
    request = await sent_by(method)
    sent = request.headers.get("content-type", "").partition(";")[0]

    assert sent == (method.described.body_type or "")
    assert (request.body is None) is (method.described.body is None)


async def test_hook_is_signed_on_request() -> None:
    """The one other header of the contract appears with a secret, as lower-case hex over the body as sent."""
    hook = BY_OPERATION["trigger_hook"]
    [parameter] = hook.described.parameters("header")
    arguments = hook.arguments({"total": 1})

    plain = await sent_by(hook, arguments)
    signed = await sent_by(hook, {**arguments, "secret": "whsec"})

    assert parameter["name"] not in plain.headers
    # printf '{"total":1}' | openssl dgst -sha256 -hmac whsec
    assert signed.headers[parameter["name"]] == HOOK_SIGNATURE


HOOK_SIGNATURE = "cc2836cec6dfa3865d7dc6e730ea8edbd18a25c4c34bbc08d1b634c9bad44b60"
