"""Every error of the contract becomes the right class, whichever form its body has, and so does anything else."""

from collections.abc import Iterator
from typing import Any

import pytest

from craftkit_async import (
    ApiError,
    AuthenticationError,
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    Issue,
    NotFoundError,
    PaymentRequiredError,
    RateLimitedError,
    ServerError,
)
from craftkit_async.testing import FakeReply, FakeTransport
from tests.contract.document import OPERATIONS, read
from tests.contract.methods import BY_OPERATION, Method, call
from tests.contract.sending import by_operation, each_method

CLASSES: dict[int, type[ApiError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitedError,
    500: ServerError,
    502: ServerError,
    503: ServerError,
    504: ServerError,
    599: ServerError,
}

# A code for the statuses for which the contract knows none.
_UNHEARD = "brand_new"


def _documented() -> Iterator[tuple[Method, int, str]]:
    for operation in OPERATIONS:
        for table in (operation.node["x-error-codes"], read()["x-global-error-codes"]):
            for status, codes in table.items():
                yield from ((BY_OPERATION[operation.id], int(status), code) for code in codes or [_UNHEARD])


DOCUMENTED = tuple(_documented())

each_documented = pytest.mark.parametrize(("method", "status", "code"), DOCUMENTED, ids=by_operation)


async def refusal(method: Method, reply: FakeReply) -> ApiError:
    """Let an operation be answered with an error, and return what its caller catches."""
    with pytest.raises(ApiError) as caught:
        await call(method, FakeTransport(lambda _: reply))
    return caught.value


@each_documented
async def test_envelope_becomes_its_class(method: Method, status: int, code: str) -> None:
    """The class follows from the status; code, message and issues are kept, and the call is named."""
    issues = {"formErrors": ["Too much."], "fieldErrors": {"customer.name": ["Required", "Text"]}}
    body = {"error": {"code": code, "message": "Said so.", "issues": issues}}

    error = await refusal(method, FakeReply(status=status, json=body))

    assert type(error) is CLASSES[status]
    assert (error.status, error.code, error.message) == (status, code, "Said so.")
    assert error.issues == (
        Issue("", "Too much."),
        Issue("customer.name", "Required"),
        Issue("customer.name", "Text"),
    )
    assert error.method == method.described.method
    assert error.attempts == 1
    assert (error.idempotency_key is not None) is (method.described.node["x-idempotent"] == "header")


@each_documented
async def test_flat_form_becomes_the_same_class(method: Method, status: int, code: str) -> None:
    """Which routes use the flat form is not settled, so every route reads it."""
    error = await refusal(method, FakeReply(status=status, json={"error": code}))

    assert type(error) is CLASSES[status]
    assert (error.status, error.code, error.message, error.issues) == (status, code, code, ())


EXAMPLES = [
    (BY_OPERATION[operation.id], int(status.replace("default", "500")), example)
    for operation in OPERATIONS
    for status, example in operation.error_examples()
]


@pytest.mark.parametrize(("method", "status", "example"), EXAMPLES, ids=by_operation)
async def test_example_becomes_its_class(method: Method, status: int, example: Any) -> None:
    """The document's own error bodies are read."""
    detail = example["error"]

    error = await refusal(method, FakeReply(status=status, json=example))

    assert type(error) is CLASSES[status]
    assert error.code == (detail if isinstance(detail, str) else detail["code"])
    assert error.message == (detail if isinstance(detail, str) else detail["message"])
    assert len(error.issues) == (len(detail["issues"]["fieldErrors"]) if "issues" in detail else 0)


def test_every_status_of_the_contract_is_known() -> None:
    """No status of an error is documented that these tests have no class for."""
    statuses = {status for operation in OPERATIONS for status in operation.node["responses"] if status != "default"}
    errors = {int(status) for status in statuses if int(status) >= 400}

    assert errors <= set(CLASSES)
    assert {status for _, status, _ in DOCUMENTED} >= errors


@each_method
async def test_path_of_an_error_holds_no_secret(method: Method) -> None:
    """The path says which call it was, and keeps a token to itself."""
    path = method.described.path.replace("{token}", "…")
    for part in method.described.parameters("path"):
        path = path.replace(f"{{{part['name']}}}", part["example"])

    error = await refusal(method, FakeReply(status=404, json={"error": "not_found"}))

    assert error.path == path
    assert path in str(error)


UNREADABLE = {
    "empty": b"",
    "html": b"<html><body><h1>502 Bad Gateway</h1></body></html>",
    "truncated": b'{"error": {"code": "not_f',
    "text": b"upstream connect error",
    "no object": b"[1]",
    "no error": b'{"detail": "x"}',
    "null": b'{"error": null}',
    "number": b'{"error": 7}',
    "empty envelope": b'{"error": {}}',
    "odd members": b'{"error": {"code": 7, "message": ["x"], "issues": 7}}',
    "bytes": b"\xff\xfe\x00",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("status", CLASSES)
async def test_status_alone_is_enough(status: int, body: bytes) -> None:
    """A body that is absent, cut, or a proxy's own leaves the class as it is, and the message readable."""
    reply = FakeReply(status=status, body=body, headers={"content-type": "text/html"})

    error = await refusal(BY_OPERATION["get_template"], reply)

    assert type(error) is CLASSES[status]
    assert (error.status, error.code, error.issues) == (status, None, ())
    assert f"{len(body)} bytes of text/html" in error.message
    assert "\n" not in str(error)


@each_method
async def test_proxy_page_is_an_error_of_its_status(method: Method) -> None:
    """A proxy in front of the service answers with a page, whatever was asked, the health included."""
    reply = FakeReply(status=503, body=b"<html>Service Unavailable</html>", headers={"content-type": "text/html"})

    error = await refusal(method, reply)

    assert type(error) is ServerError
    assert error.status == 503


@each_method
async def test_redirect_is_not_followed(method: Method) -> None:
    """A redirect of an API call means a wrong path or host; the key must not go along."""
    reply = FakeReply(status=308, headers={"location": "https://www.craftkit.dev/elsewhere"})
    transport = FakeTransport(lambda _: reply)

    with pytest.raises(ApiError) as caught:
        await call(method, transport)

    assert caught.value.code == "redirect"
    assert len(transport.requests) == 1


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("body", [b"", b"<html>Moved</html>", b'{"error": "moved"}', b'{"error": {"code": "x"}}'])
async def test_redirect_has_its_own_code(status: int, body: bytes) -> None:
    """Whatever body comes with it, a redirect is told as one, with what to do about it."""
    reply = FakeReply(status=status, body=body, headers={"location": "https://www.craftkit.dev/elsewhere"})

    error = await refusal(BY_OPERATION["get_template"], reply)

    assert type(error) is ApiError
    assert (error.status, error.code) == (status, "redirect")
    assert "base_url" in error.message


@pytest.mark.parametrize("status", [402, 405, 406, 408, 410, 411, 418, 425, 428, 431, 451, 499])
async def test_other_status_is_an_api_error(status: int) -> None:
    """A status without a class of its own keeps its code and its message."""
    body = {"error": {"code": "odd", "message": "Said so."}}

    error = await refusal(BY_OPERATION["get_render"], FakeReply(status=status, json=body))

    assert type(error) is CLASSES.get(status, ApiError)
    assert (error.status, error.code, error.message) == (status, "odd", "Said so.")


@pytest.mark.parametrize("status", [400, 403, 409, 418, 429, 500, 503])
@pytest.mark.parametrize("form", [{"error": "rate_limited"}, {"error": {"code": "rate_limited", "message": "Slow."}}])
async def test_rate_limit_is_known_by_its_code_too(status: int, form: Any) -> None:
    """The code is named on two pages, neither of which gives the status."""
    error = await refusal(BY_OPERATION["get_render"], FakeReply(status=status, json=form))

    assert type(error) is RateLimitedError
    assert error.status == status


ISSUES: dict[str, tuple[Any, tuple[Issue, ...]]] = {
    "form errors only": ({"formErrors": ["Too much."]}, (Issue("", "Too much."),)),
    "field errors only": ({"fieldErrors": {"name": ["Required"]}}, (Issue("name", "Required"),)),
    "first part of the path": (
        {"formErrors": [], "fieldErrors": {"customer": ["Invalid"]}},
        (Issue("customer", "Invalid"),),
    ),
    "dotted path": ({"fieldErrors": {"items.0.qty": ["Number"]}}, (Issue("items.0.qty", "Number"),)),
    "neither": ({}, ()),
    "null": (None, ()),
    "null members": ({"formErrors": None, "fieldErrors": None}, ()),
    "one text for a list": (
        {"formErrors": "Too much.", "fieldErrors": {"a": "Bad"}},
        (Issue("", "Too much."), Issue("a", "Bad")),
    ),
    "array of texts": (["Too much."], (Issue("", "Too much."),)),
    "array of objects": (
        [
            {"path": ["items", 0, "qty"], "message": "Number", "code": "invalid_type"},
            {"path": "name"},
            {"message": "x"},
        ],
        (Issue("items.0.qty", "Number", code="invalid_type"), Issue("name", "invalid"), Issue("", "x")),
    ),
    "empty array": ([], ()),
}


@pytest.mark.parametrize(("issues", "expected"), ISSUES.values(), ids=ISSUES)
@pytest.mark.parametrize(("status", "code"), [(400, "invalid_input_data"), (422, "invalid_request")])
async def test_issues_are_read_in_every_form(status: int, code: str, issues: Any, expected: tuple[Issue, ...]) -> None:
    """Pages show an object with one or both members, keys whole or cut, and an array."""
    body = {"error": {"code": code, "message": "Does not fit.", "issues": issues}}

    error = await refusal(BY_OPERATION["render_template"], FakeReply(status=status, json=body))

    assert type(error) is InvalidRequestError
    assert (error.code, error.message, error.issues) == (code, "Does not fit.", expected)


async def test_message_may_be_absent() -> None:
    """The contract requires the code only; it then stands for the message."""
    error = await refusal(BY_OPERATION["get_render"], FakeReply(status=404, json={"error": {"code": "not_found"}}))

    assert (error.code, error.message) == ("not_found", "not_found")


async def test_cut_error_body_is_still_an_error_of_its_status() -> None:
    """The connection broke inside the body of an error: the status was there and is enough."""
    body = b'{"error": {"code": "not_found", "message": "Nothing here."}}'

    error = await refusal(BY_OPERATION["get_render"], FakeReply(status=404, body=body, cut_at=20))

    assert type(error) is NotFoundError
    assert error.code is None
