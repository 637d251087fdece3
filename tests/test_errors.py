"""Errors: one tree, all of it picklable, printable on one line, and caught by the names people expect."""

import copy
import inspect
import pickle
from typing import Any

import attrs
import pytest

import craftkit_async
from craftkit_async import (
    ApiError,
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    ConflictError,
    CraftkitError,
    DecodeError,
    DeliveryError,
    DeliveryTooLargeError,
    DownloadError,
    ForbiddenError,
    InvalidDataError,
    InvalidRequestError,
    Issue,
    JournalError,
    MalformedDeliveryError,
    MissingExtraError,
    NotFoundError,
    PaymentRequiredError,
    RateLimitedError,
    Render,
    ServerError,
    SignatureError,
    StaleDeliveryError,
    TransportError,
    TransportTimeoutError,
)
from craftkit_async.errors import class_of_reply


def _descend(kind: type[CraftkitError]) -> list[type[CraftkitError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _descend(child))]


CLASSES = [kind for kind in _descend(CraftkitError) if kind.__module__.startswith("craftkit_async.")]

# The tree of the design, as far as its branches exist: class, parent here, parent outside.
TREE: list[tuple[type, type, type]] = [
    (ConfigurationError, CraftkitError, ValueError),
    (MissingExtraError, ConfigurationError, ImportError),
    (ClientStateError, CraftkitError, RuntimeError),
    (InvalidDataError, CraftkitError, Exception),
    (TransportError, CraftkitError, Exception),
    (TransportTimeoutError, TransportError, TimeoutError),
    (ApiError, CraftkitError, Exception),
    (InvalidRequestError, ApiError, Exception),
    (AuthenticationError, ApiError, Exception),
    (PaymentRequiredError, ApiError, Exception),
    (ForbiddenError, ApiError, Exception),
    (NotFoundError, ApiError, Exception),
    (ConflictError, ApiError, Exception),
    (RateLimitedError, ApiError, Exception),
    (ServerError, ApiError, Exception),
    (DecodeError, CraftkitError, Exception),
    (DownloadError, CraftkitError, Exception),
    (JournalError, CraftkitError, Exception),
    (DeliveryError, CraftkitError, Exception),
    (SignatureError, DeliveryError, Exception),
    (StaleDeliveryError, DeliveryError, Exception),
    (MalformedDeliveryError, DeliveryError, Exception),
    (DeliveryTooLargeError, DeliveryError, Exception),
]


@pytest.mark.parametrize(("kind", "parent", "outside"), TREE)
def test_tree(kind: type, parent: type, outside: type) -> None:
    """Each class hangs where the design says, and is exported."""
    assert kind.__bases__[0] is parent
    assert issubclass(kind, outside)
    assert getattr(craftkit_async, kind.__name__) is kind


def test_the_tree_is_complete() -> None:
    """No class hides outside of the tree, and the drawing at the top of the module names them all."""
    drawing = inspect.getdoc(craftkit_async.errors) or ""

    assert {CraftkitError, *(kind for kind, _, _ in TREE)} <= set(CLASSES)
    assert [
        kind.__name__ for kind in CLASSES if kind.__module__.endswith(".errors") and kind.__name__ not in drawing
    ] == []


VALUES: dict[str, Any] = {
    "message": "what happened",
    "issues": (Issue("a.b", "is wrong", code="x"),),
    "status": 418,
    "code": "teapot",
    "method": "GET",
    "path": "/v1/renders/r1",
    "where": "/v1/renders/r1",
    "idempotency_key": "k",
    "attempts": 3,
    "retry_after": 1.5,
    "maybe_applied": True,
    "maybe_sent": False,
    "is_transient": True,
    "render": Render("r1", "failed"),
    "render_id": "r1",
}


def make(kind: type[CraftkitError]) -> CraftkitError:
    make_one: Any = kind
    if not attrs.has(kind):
        return kind("what happened")
    error: CraftkitError = make_one(**{each.name: VALUES[each.name] for each in attrs.fields(kind)})
    return error


def state(error: BaseException) -> Any:
    return type(error), str(error), error.args, vars(error)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_errors_can_be_pickled_and_copied(kind: type[CraftkitError]) -> None:
    """An error crosses process borders whole, also after more was learned about its call."""
    error = make(kind)
    if isinstance(error, TransportError | ApiError):
        error.attempts, error.message = 7, "more is known"

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert state(pickle.loads(pickle.dumps(error, protocol))) == state(error)  # noqa: S301 - our own bytes
    assert state(copy.copy(error)) == state(error)
    assert state(copy.deepcopy(error)) == state(error)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_errors_print_on_one_line(kind: type[CraftkitError]) -> None:
    """The text is a sentence, and no tuple of fields."""
    text = str(make(kind))

    assert "what happened" in text
    assert "\n" not in text
    assert not text.startswith("(")


def test_api_errors_say_what_happened_to_which_call() -> None:
    """Method and path, status and code, the message, up to three findings, and how often it was tried."""
    issues = tuple(Issue(f"a{number}", "bad") for number in range(5))

    assert str(ApiError("No.", 418)) == "418: No."
    assert str(ApiError("No.", 409, "not_ready", (), "POST", "/v1/x")) == "POST /v1/x: 409 not_ready: No."
    assert str(ApiError("No.", 400, None, issues, "PUT", "/v1/x", None, 2)) == (
        "PUT /v1/x: 400: No.; a0: bad; a1: bad; a2: bad (after 2 attempts)"
    )


def test_issues_print_where_and_what() -> None:
    """A finding about the input as a whole has no path."""
    assert str(Issue("a.b", "is wrong")) == "a.b: is wrong"
    assert str(Issue("", "is wrong")) == "is wrong"


BY_STATUS = {
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
    **dict.fromkeys(range(500, 600), ServerError),
}


@pytest.mark.parametrize("status", range(100, 600))
def test_class_by_status(status: int) -> None:
    """The status decides, unknown codes change nothing, and only `rate_limited` may come with any status."""
    expected = BY_STATUS.get(status, ApiError)

    assert class_of_reply(status, None) is expected
    assert class_of_reply(status, "brand_new") is expected
    assert class_of_reply(status, "rate_limited") is RateLimitedError


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (DeliveryError, 400),
        (SignatureError, 401),
        (StaleDeliveryError, 400),
        (MalformedDeliveryError, 400),
        (DeliveryTooLargeError, 413),
    ],
)
def test_refused_deliveries_say_what_to_answer(kind: type[DeliveryError], status: int) -> None:
    """A receiver answers with the hint of the error and needs no table of its own."""
    assert kind("no").status_hint == status
