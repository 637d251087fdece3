"""Replies: any status, header and body becomes a value or the right error, and nothing else."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from craftkit_async import ApiError, CraftkitError, DecodeError, Issue, Render, TemplateSummary
from craftkit_async._sansio.calls.call import Call, Operation
from craftkit_async._sansio.calls.codec import build
from craftkit_async._sansio.calls.reply import is_answer, read_answer, read_error, read_retry_after
from craftkit_async.errors import InvalidRequestError, RateLimitedError, ServerError, class_of_reply
from tests.support.model_strategies import JSON
from tests.support.operations import OPERATIONS, READ_AS_JSON, begin
from tests.support.slow_path import without_speed

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
READ = Operation("get_render", "GET", "/v1/renders/{id}", Render)
LIST = Operation("list_templates", "GET", "/v1/templates", TemplateSummary, envelope="templates")


def error_of(body: bytes, status: int = 400, **headers: str) -> ApiError:
    return read_error(READ.call(id="r1"), status, headers, body, NOW.timestamp())


_TEXT = st.text(st.characters(), max_size=20)
_ERROR_FORMS = st.fixed_dictionaries(
    {
        "error": JSON
        | _TEXT
        | st.fixed_dictionaries(
            {},
            optional={
                "code": JSON | _TEXT,
                "message": JSON | _TEXT,
                "issues": JSON
                | st.fixed_dictionaries({}, optional={"formErrors": JSON, "fieldErrors": JSON})
                | st.lists(
                    st.fixed_dictionaries({}, optional={"path": JSON, "message": JSON, "code": JSON}), max_size=3
                ),
            },
        ),
    },
    optional={"message": JSON},
)
_BODIES = st.binary() | JSON.map(json.dumps).map(str.encode) | _ERROR_FORMS.map(json.dumps).map(str.encode)
_HEADERS = st.dictionaries(st.sampled_from(["retry-after", "date", "content-type"]), _TEXT)

HOSTILE = [
    b"[" * 100_000,
    b"\xef\xbb\xbf{}",
    b'{"id": NaN}',
    b'{"id": "\\ud800"}',
    b"\xff\xfe",
    b'{"error": {"code": ' + b"9" * 5000 + b"}}",
    b'{"error": {"issues": [%b]}}' % (b"[" * 1015 + b"]" * 1015),
    b'{"error": {"issues": [{"path": %b}]}}' % (b"[" * 1012 + b"]" * 1012),
    b'{"error": {"issues": {"fieldErrors": {"a": %b}}}}' % (b"[" * 1012 + b"]" * 1012),
]


@given(st.sampled_from(READ_AS_JSON), _BODIES | st.sampled_from(HOSTILE))
def test_any_answer_is_a_value_or_our_error(operation: Operation[Any], body: bytes) -> None:
    """Whatever comes with a 2xx is the operation's value or a `DecodeError`, on both paths."""
    fast = _outcome(operation, body)
    with without_speed():
        slow = _outcome(operation, body)

    assert type(fast) is type(slow)
    assert isinstance(fast, DecodeError | list | operation.reply)


def _outcome(operation: Operation[Any], body: bytes) -> Any:
    try:
        return read_answer(begin(operation), body)
    except CraftkitError as error:
        return error


@given(st.sampled_from(OPERATIONS), st.integers(100, 999), _HEADERS, _BODIES, st.floats(0, 1e10))
@example(OPERATIONS[0], 302, {}, b"", 0.0)
def test_any_error_reply_is_an_api_error(
    operation: Operation[Any], status: int, headers: dict[str, str], body: bytes, now: float
) -> None:
    """Whatever comes with another status is an `ApiError` whose class follows from status and code, on one line."""
    call = begin(operation)
    error = read_error(call, status, headers, body, now)
    with without_speed():
        slow = read_error(call, status, headers, body, now)

    assert type(error) is class_of_reply(status, error.code)
    assert (error.status, error.method, error.path) == (status, operation.method, call.shown_path)
    assert error.retry_after is None or error.retry_after >= 0
    assert str(error).isprintable() or "\n" not in str(error)
    assert str(error).encode()
    assert (str(slow), slow.issues) == (str(error), error.issues)


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: ascii(body[:40]))
def test_hostile_bodies_do_no_harm(body: bytes) -> None:
    """Deep nesting, byte order marks, half characters and endless numbers leave an error that can be printed."""
    error = error_of(body)

    assert type(error) is InvalidRequestError
    assert len(str(error)) < 2000


def test_answers_are_read_as_described() -> None:
    """An operation's reply is one model, or a list under its name."""
    when = "2026-01-02T03:04:05Z"
    item = {"id": "t", "name": "n", "slug": "s", "published": True, "createdAt": when, "updatedAt": when}

    assert read_answer(READ.call(id="r1"), b'{"id": "r1"}') == Render("r1")
    assert read_answer(LIST.call(), json.dumps({"templates": [item]}).encode()) == [build(TemplateSummary, item)]


@pytest.mark.parametrize(
    ("status", "is_one"), [(199, False), (200, True), (204, True), (299, True), (300, False), (503, False)]
)
def test_answers_are_told_from_errors(status: int, is_one: bool) -> None:  # noqa: FBT001 - a column of the table
    """All of 2xx is an answer, and whatever else an operation says it reads."""
    also = Operation("get_health", "GET", "/v1/health", Render, also_reads=frozenset({503}))

    assert is_answer(READ.call(id="r"), status) is is_one
    assert is_answer(also.call(), 503)


ENVELOPES: list[tuple[Any, str | None, str]] = [
    ({"error": {"code": "slug_conflict", "message": "Taken."}}, "slug_conflict", "Taken."),
    ({"error": {"code": "slug_conflict"}}, "slug_conflict", "slug_conflict"),
    ({"error": {"message": "Taken."}}, None, "Taken."),
    ({"error": "partner_suspended"}, "partner_suspended", "partner_suspended"),
    ({"error": "partner_suspended", "message": "Ask us."}, "partner_suspended", "Ask us."),
    ({"error": "partner_suspended", "message": 7}, "partner_suspended", "partner_suspended"),
    ({"error": ""}, None, "no readable error body (13 bytes of text/html)"),
    ({"error": {"code": 7, "message": []}}, None, "no readable error body (37 bytes of text/html)"),
    ({"error": {"code": "", "message": ""}}, None, "no readable error body (38 bytes of text/html)"),
    ({"error": None}, None, "no readable error body (15 bytes of text/html)"),
    ([], None, "no readable error body (2 bytes of text/html)"),
    ({"error": {"code": "x\ny", "message": "a\r\n\tb\x00\u2028c"}}, "x y", "a b c"),
    ({"error": {"message": "m" * 1000}}, None, "m" * 300 + "…"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "code", "message"), ENVELOPES)
def test_both_envelopes_are_read(document: Any, code: str | None, message: str) -> None:
    """The error lies in an object or is a bare code, on every route; both become one printable line."""
    error = read_error(READ.call(id="r1"), 400, {"content-type": "text/html"}, json.dumps(document).encode(), 0.0)

    assert (error.code, error.message) == (code, message)


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b'{"error": {"code": "unauthori'])
def test_bodies_that_are_no_json(body: bytes) -> None:
    """Without a readable body the status decides alone, and the message says how much came."""
    error = error_of(body, 502)

    assert type(error) is ServerError
    assert str(error) == f"GET /v1/renders/r1: 502: no readable error body ({len(body)} bytes of nothing)"


ISSUES: list[tuple[Any, tuple[Issue, ...]]] = [
    ({"formErrors": ["bad"], "fieldErrors": {"a.b": ["x"]}}, (Issue("", "bad"), Issue("a.b", "x"))),
    ({"fieldErrors": {"a": ["x", "y"]}}, (Issue("a", "x"), Issue("a", "y"))),
    ({"fieldErrors": {"a": "x"}}, (Issue("a", "x"),)),
    ({"formErrors": "bad"}, (Issue("", "bad"),)),
    ({"fieldErrors": ["x"]}, ()),
    ({"fieldErrors": {"a\nb": [None, 1]}}, (Issue("a b", "None"), Issue("a b", "1"))),
    ([{"path": ["rows", 0, "a"], "message": "x", "code": "too_big"}], (Issue("rows.0.a", "x", code="too_big"),)),
    ([{"path": "name"}], (Issue("name", "invalid"),)),
    ([{"message": None, "code": 7}], (Issue("", "invalid"),)),
    (["plain", 7], (Issue("", "plain"), Issue("", "7"))),
    ("text", ()),
    (None, ()),
]  # fmt: skip


@pytest.mark.parametrize(("issues", "expected"), ISSUES)
def test_issues_are_read_in_every_form(issues: Any, expected: tuple[Issue, ...]) -> None:
    """Issues come as an object with either member missing, or as an array."""
    body = json.dumps({"error": {"code": "invalid_request", "message": "No.", "issues": issues}}).encode()

    assert error_of(body).issues == expected


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 399])
def test_redirects_have_a_code(status: int) -> None:
    """No redirect is followed; the error says so by its code and names the likely mistake."""
    error = error_of(b"<html>Moved</html>", status)

    assert type(error) is ApiError
    assert error.code == "redirect"
    assert "check base_url" in str(error)


def test_status_first_then_code() -> None:
    """An unknown code leaves the class of its status; `rate_limited` wins over any."""
    assert type(error_of(b'{"error": "brand_new"}', 422)) is InvalidRequestError
    assert type(error_of(b'{"error": {"code": "rate_limited"}}', 503)) is RateLimitedError


def test_error_tells_the_call() -> None:
    """The error carries what was asked, the key it was asked with, and the server's wish to wait."""
    call = Call(READ, "/v1/renders/r1", idempotency_key="key")
    error = read_error(call, 429, {"retry-after": "7"}, b"", 0.0)

    assert (error.method, error.path, error.idempotency_key) == ("GET", "/v1/renders/r1", "key")
    assert error.retry_after == 7


def http_date(**offset: float) -> str:
    return format_datetime(NOW + timedelta(**offset), usegmt=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("1.", 1.0),
        ("007", 7.0),
        (http_date(seconds=90), 90.0),
        (http_date(days=-1), 0.0),
        (http_date(seconds=0), 0.0),
        ("Fri, 02 Jan 2026 03:04:15 -0000", 10.0),
        ("Friday, 02-Jan-26 03:04:15 GMT", 10.0),
        ("Fri Jan  2 03:04:15 2026", 10.0),
        ("9" * 10, 1e9),
        ("9" * 1000, 1e9),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("nan", None),
        ("NaN", None),
        ("inf", None),
        ("soon", None),
        ("٣", None),
        ("1,5", None),
        ("7 s", None),
        ("Fri, 32 Jan 2026 03:04:15 GMT", None),
        ("Fri, 02 Jan 99999999 03:04:15 GMT", None),
        ("Fri, 02 Jan 2026 03:04:15 +9999999999", None),
        ("\ud800", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    """Seconds or a date; what is neither, or negative, counts as absent; what is endless is thirty years."""
    assert read_retry_after({"retry-after": text}, NOW.timestamp()) == seconds


def test_retry_after_is_absent() -> None:
    """Without the header there is no hint."""
    assert read_retry_after({}, 0.0) is None


@pytest.mark.parametrize("wrong_clock", [0.0, 4e9])
def test_dates_are_held_against_the_servers_clock(wrong_clock: float) -> None:
    """A date is measured from the reply's own `Date`, so a wrong clock here does no harm."""
    headers = {"retry-after": http_date(seconds=30), "date": http_date()}

    assert read_retry_after(headers, wrong_clock) == 30
    assert read_retry_after({**headers, "date": "rubbish"}, NOW.timestamp() + 10) == 20


def test_half_characters_of_a_header_do_not_reach_the_message() -> None:
    """A header that is no UTF-8 is decoded to lone surrogates; a message that holds one could not be printed."""
    error = error_of(b"", 400, **{"content-type": "text/\udcff"})

    assert str(error) == "GET /v1/renders/r1: 400: no readable error body (0 bytes of text/?)"


def test_a_date_at_the_epoch_counts() -> None:
    """The first second of 1970 is a time like any other."""
    headers = {"retry-after": "Thu, 01 Jan 1970 00:00:09 GMT", "date": "Thu, 01 Jan 1970 00:00:00 GMT"}

    assert read_retry_after(headers, 5.0) == 9


@given(_TEXT | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{1,8} [A-Z+0-9-]{1,6}"), _TEXT)
def test_any_retry_after_is_seconds_or_absent(text: str, date: str) -> None:
    """No header text raises, and no result is negative, NaN or endless."""
    seconds = read_retry_after({"retry-after": text, "date": date}, NOW.timestamp())

    assert seconds is None or 0 <= seconds < 1e12


@pytest.mark.parametrize(
    ("operation", "document", "path"),
    [
        (Operation("get_render", "GET", "/v1/renders/{id}", Render, needs="status"), {"id": "r1"}, "$.status"),
        (Operation("submit", "POST", "/v1/renders/{id}", Render), {"id": ""}, "$.id"),
    ],
)
def test_replies_that_fit_and_say_nothing_are_refused(operation: Any, document: Any, path: str) -> None:
    """A render without a status was not described, and an empty id names nothing."""
    with pytest.raises(DecodeError) as caught:
        read_answer(operation.call(id="r1"), json.dumps(document).encode())

    assert caught.value.path == path
    assert caught.value.raw == document


def test_what_was_left_out_is_noted() -> None:
    """So that it can be logged, and nothing is noted of a reply that fits."""
    operation = Operation("submit", "POST", "/v1/renders/{id}", Render)
    odd, sound = operation.call(id="r1"), operation.call(id="r1")
    read_answer(odd, b'{"id":"r1","createdAt":7}')
    read_answer(sound, b'{"id":"r1"}')

    assert odd.dropped == ["$.createdAt"]
    assert sound.dropped is None
