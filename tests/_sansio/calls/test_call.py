"""Calls: paths that nothing can leave, queries, bodies, and what is shown of them."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given, strategies as st

from craftkit_async import OMITTED, ConfigurationError, InvalidDataError, OpenObject, Request
from craftkit_async._sansio.calls.call import Call, Credential, Operation, quote_part
from craftkit_async._sansio.calls.request import make_request
from craftkit_async._version import __version__
from tests.support.operations import OPERATIONS, begin

GET = Operation("get", "GET", "/v1/things/{id}", OpenObject)
HOOK = Operation("hook", "POST", "/v1/hooks/{token}", OpenObject, credential=Credential.NONE)


@pytest.mark.parametrize(
    ("part", "quoted"),
    [
        ("r1", "r1"),
        ("a/b", "a%2Fb"),
        ("../up", "..%2Fup"),
        ("%2e%2e", "%252e%252e"),
        ("%2F", "%252F"),
        ("a?b#c", "a%3Fb%23c"),
        ("a b\r\n", "a%20b%0D%0A"),
        ("ü😀", "%C3%BC%F0%9F%98%80"),
        ("...", "..."),
        ("a:b@c;d=e", "a%3Ab%40c%3Bd%3De"),
        ("{id}", "%7Bid%7D"),
    ],
)
def test_parts_are_quoted(part: str, quoted: str) -> None:
    """Whatever is in a part stays one part, also where it looks quoted already."""
    assert GET.call(id=part).path == f"/v1/things/{quoted}"


@pytest.mark.parametrize("part", ["", " ", ".", "..", " .. ", "\t"])
def test_parts_that_mean_another_path_are_refused(part: str) -> None:
    """Empty parts and dot segments are refused by the name of the argument."""
    with pytest.raises(ConfigurationError, match="id takes a non-empty text other than"):
        GET.call(id=part)


@pytest.mark.parametrize(("part", "kind"), [(None, "NoneType"), (7, "int"), (b"x", "bytes")])
def test_parts_are_text(part: object, kind: str) -> None:
    """Another type is refused, and not turned into text."""
    with pytest.raises(ConfigurationError, match=f"id takes text, not a {kind}"):
        GET.call(id=part)  # type: ignore[arg-type]  # the wrong type is the point


def test_lone_surrogates_are_refused() -> None:
    """Half a character has no form in an address, neither in the path nor in the query."""
    with pytest.raises(ConfigurationError, match="id holds a lone surrogate"):
        GET.call(id="\ud800")
    with pytest.raises(ConfigurationError, match="cursor: a lone surrogate"):
        GET.call(id="x").with_query(cursor="\udfff")


@given(st.text(st.characters()))
def test_no_part_leaves_its_place(part: str) -> None:
    """Any text is refused, or stays one part of the path that gives the text back."""
    try:
        quoted = quote_part("id", part)
    except ConfigurationError:
        return
    path = urlsplit(f"https://example.com/a/{quoted}/b").path

    assert quoted.isascii()
    assert path.count("/") == 3
    assert unquote(quoted) == part


def test_queries_leave_out_what_is_not_given() -> None:
    """Names are spelled as the API does; omitted and None are left out, zero is not."""
    when = datetime(2026, 1, 2, tzinfo=UTC)
    call = GET.call(id="x").with_query(page_size=0, cursor="a&b=c ü", since=when, gone=None, never=OMITTED)

    assert parse_qs(urlsplit(call.path).query) == {
        "pageSize": ["0"],
        "cursor": ["a&b=c ü"],
        "since": ["2026-01-02T00:00:00+00:00"],
    }
    assert GET.call(id="x").with_query(gone=None).path == "/v1/things/x"


def test_bodies_tell_null_from_omitted() -> None:
    """Omitted is not sent, None is null, and what cannot be sent is refused with its wire name."""
    call = HOOK.call(token="t").with_body({"external_id": None, "display_name": OMITTED, "seen_at": (1,)})

    assert call.body == b'{"externalId":null,"seenAt":[1]}'
    with pytest.raises(InvalidDataError, match=r"pageConfig\.a is a set"):
        HOOK.call(token="t").with_body({"page_config": {"a": set()}})


def test_secrets_are_not_shown() -> None:
    """A hook's token is in the path that is sent, and in none that is shown."""
    call = HOOK.call(token="s3cret").with_body({"name": "pri-vate"})
    call.own_credential, call.headers["x-craftkit-signature"] = "t0ken", "s1gned"
    request = make_request(call, "https://example.com", None)

    assert call.path == "/v1/hooks/s3cret"
    assert call.shown_path == "/v1/hooks/…"
    assert not [word for word in ("s3cret", "pri-vate", "t0ken", "s1gned") if word in repr(call) + repr(request)]
    assert GET.call(id="x").shown_path == "/v1/things/x"


def test_omitted_shows_as_its_name() -> None:
    """Signatures with this default are readable."""
    assert repr(OMITTED) == "OMITTED"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_can_be_begun(operation: Operation[object]) -> None:
    """Each description gives a path without holes; one without parts is used as it is."""
    call = begin(operation)

    assert "{" not in call.path
    assert call.operation is operation
    assert operation.method in {"GET", "POST", "PUT", "PATCH", "DELETE"}


def test_requests_are_complete() -> None:
    """Everything a request needs is in it: address, credential, key, type and our name."""
    call = Call(HOOK, "/v1/hooks/t", b"{}", headers={"x-extra": "1"}, idempotency_key="k")
    request = make_request(call, "https://example.com/p", "ck_test_1")

    assert (request.method, request.url, request.body) == ("POST", "https://example.com/p/v1/hooks/t", b"{}")
    assert request.headers == {
        "user-agent": f"craftkit-async/{__version__}",
        "accept-encoding": "identity",
        "x-extra": "1",
        "authorization": "Bearer ck_test_1",
        "content-type": "application/json",
        "idempotency-key": "k",
    }


def test_requests_carry_nothing_that_was_not_asked_for() -> None:
    """Without key, body and idempotency key their headers are not there."""
    request = make_request(Call(GET, "/v1/things/x"), "https://example.com", None)

    assert set(request.headers) == {"user-agent", "accept-encoding"}
    assert request.body is None
    assert isinstance(request, Request)


def test_a_token_of_the_call_takes_the_place_of_the_key() -> None:
    """A session's token is what counts on the routes of its browser."""
    request = make_request(Call(GET, "/v1/things/x", own_credential="token"), "", "ck_test_1")

    assert request.headers["authorization"] == "Bearer token"
