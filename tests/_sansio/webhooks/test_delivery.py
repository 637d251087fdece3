"""Deliveries: headers in any shape, bodies of any kind, and what a genuine one proves."""

import json
from collections import UserDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.message import Message
from typing import Any

import pytest
from hypothesis import given, strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from craftkit_async import (
    DeliveryError,
    DeliveryTooLargeError,
    FormSubmitted,
    MalformedDeliveryError,
    Render,
    RenderFailed,
    RenderStatus,
    RenderSucceeded,
    SignatureError,
    SignatureEvent,
    SignatureStatus,
    StaleDeliveryError,
    UnknownEvent,
    Webhook,
)
from craftkit_async._sansio.webhooks.delivery import (
    check_freshness,
    deduplication_key,
    finished_render,
    read_asgi_headers,
    read_body,
    read_event,
    read_headers,
    read_multidict,
    read_signature,
)
from craftkit_async._sansio.webhooks.fast_path import published_event, published_render, read_published
from craftkit_async.models.signatures import SignatureRecipient
from tests.contract.document import read, violations
from tests.support.model_strategies import JSON
from tests.support.slow_path import without_speed

HEX = "0123456789abcdef" * 4

RENDER = {
    "event": "render.succeeded",
    "renderId": "r1",
    "templateId": "t1",
    "status": "succeeded",
    "downloadUrl": "https://files.example/r1.pdf",
    "errorMessage": None,
    "createdAt": "2026-06-05T10:00:00.000Z",
    "completedAt": "2026-06-05T10:00:01.260Z",
}
SIGNED = {"event": "signature.signed", "signatureRequestId": "s1", "renderId": "r1", "status": "viewed"}
FORM: dict[str, Any] = {
    "event": "form.submitted",
    "sessionId": "e1",
    "templateSlug": "delivery-note",
    "templateVersion": 3,
    "renderId": None,
    "data": {"customer": {"name": "Halden Marine"}},
    "submittedAt": "2026-06-05T10:04:11.000Z",
}


def event_of(document: Any, named: str | bytes | None = None) -> Webhook:
    fields = {} if named is None else {b"x-craftkit-event": named}
    return read_event(json.dumps(document).encode(), fields)


# ---- bodies


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_are_a_body(kind: Callable[[bytes], Any]) -> None:
    """Servers collect bodies in a bytearray or hand out a view of one."""
    assert read_body(kind(b"body"), 4) == b"body"
    assert type(read_body(kind(b"body"), 4)) is bytes
    with pytest.raises(DeliveryTooLargeError, match="larger than the 3 bytes"):
        read_body(kind(b"body"), 3)


@pytest.mark.parametrize("body", ["text", None, {"event": "x"}, [98], 7, object()])
def test_what_is_no_bytes_is_refused(body: Any) -> None:
    """A str or a parsed body cannot be verified, and the sentence says what to pass."""
    with pytest.raises(MalformedDeliveryError, match="pass the raw bytes"):
        read_body(body, 100)


def test_view_that_cannot_be_read_is_refused() -> None:
    """A released view, and one with gaps."""
    released = memoryview(b"body")
    released.release()
    for view in (released, memoryview(b"body")[::2]):
        with pytest.raises(MalformedDeliveryError, match="no longer there, or not in one piece"):
            read_body(view, 100)


def test_size_of_a_view_is_in_bytes() -> None:
    """A view may count items of another size."""
    with pytest.raises(DeliveryTooLargeError):
        read_body(memoryview(b"12345678").cast("I"), 7)


# ---- headers


def message() -> Message:
    found = Message()
    found["X-Craftkit-Signature"] = HEX
    return found


SHAPES: dict[str, Any] = {
    "dict": {"X-Craftkit-Signature": HEX},
    "dict of bytes": {b"x-craftkit-signature": HEX.encode()},
    "mixed": {"X-CRAFTKIT-SIGNATURE": HEX.encode()},
    "pairs": [("x-craftkit-signature", HEX)],
    "tuple of byte pairs": ((b"X-Craftkit-Signature", HEX.encode()),),
    "generator": (pair for pair in [("X-Craftkit-Signature", HEX)]),
    "lists for pairs": [["x-craftkit-signature", HEX]],
    "multidict": CIMultiDict({"X-Craftkit-Signature": HEX}),
    "multidict proxy": CIMultiDictProxy(CIMultiDict({"X-Craftkit-Signature": HEX})),
    "mapping": UserDict({"X-Craftkit-Signature": HEX}),
    "message": message(),
    "blanks around": {"x-craftkit-signature": f" \t{HEX} "},
    "twice the same": [("x-craftkit-signature", HEX), ("X-Craftkit-Signature", HEX)],
    "among others": {
        "host": "x",
        "x-craftkit-signaturf": "no",
        "x": None,
        "Content-Length": 7,
        "x-craftkit-signature": HEX,
    },
}


@pytest.mark.parametrize("headers", SHAPES.values(), ids=SHAPES)
def test_headers_of_any_shape(headers: Any) -> None:
    """Mappings and pairs, text and bytes, in any case."""
    assert read_signature(read_headers(headers)) == HEX


@pytest.mark.parametrize(
    "headers",
    [None, 7, [1, 2], [("a",)], ["abc"], [(1, 2)], [(None, "x")], [(("x",) * 16, "x")], object(), [("a", "b", "c")]],
)
def test_headers_of_no_shape(headers: Any) -> None:
    """What is neither a mapping nor pairs is no TypeError."""
    with pytest.raises(MalformedDeliveryError, match="a mapping or pairs"):
        read_headers(headers)


@pytest.mark.parametrize("value", [7, [HEX], {"a": 1}, 1.5])
def test_values_of_other_types(value: Any) -> None:
    """A value that is no text is refused when it is needed."""
    fields = read_headers({"x-craftkit-signature": value})

    with pytest.raises(MalformedDeliveryError, match="x-craftkit-signature is neither text nor bytes"):
        read_signature(fields)


NOT_SIGNATURES: dict[str, Any] = {
    "none": {},
    "null": {"x-craftkit-signature": None},
    "empty": {"x-craftkit-signature": ""},
    "blank": {"x-craftkit-signature": " " * 66},
    "short": {"x-craftkit-signature": HEX[:-1]},
    "long": {"x-craftkit-signature": HEX + "0"},
    "newline": {"x-craftkit-signature": HEX + "\n"},
    "prefix": {"x-craftkit-signature": f"sha256={HEX}"},
    "two": [("x-craftkit-signature", HEX), ("x-craftkit-signature", HEX[::-1])],
    "two in two spellings": {"x-craftkit-signature": HEX, "X-Craftkit-Signature": HEX[::-1]},
    "two in one": {"x-craftkit-signature": f"{HEX}, {HEX}"},
    "two of two types": [("x-craftkit-signature", HEX), (b"x-craftkit-signature", HEX[::-1].encode())],
    "not ASCII": {"x-craftkit-signature": "é" * 64},
    "surrogates": {"x-craftkit-signature": "\udcff" * 64},
    "high bytes": {b"x-craftkit-signature": b"\xff" * 64},
    "digits of another script": {"x-craftkit-signature": "\N{ARABIC-INDIC DIGIT ZERO}" * 64},
}


@pytest.mark.parametrize("headers", NOT_SIGNATURES.values(), ids=NOT_SIGNATURES)
def test_what_is_no_signature(headers: Any) -> None:
    """Absent, of another form, or two different ones: 401, before a byte is hashed."""
    with pytest.raises(SignatureError):
        read_signature(read_headers(headers))


@given(
    st.lists(
        st.tuples(
            st.text() | st.binary() | st.sampled_from([*SHAPES["dict"], b"x-craftkit-event"]), st.text() | st.binary()
        )
    )
)
def test_any_headers_are_read_or_refused(headers: list[tuple[str | bytes, str | bytes]]) -> None:
    """Nothing but a `DeliveryError` comes of headers."""
    with suppress(DeliveryError):
        assert read_signature(read_headers(headers)).isascii()


_NAMES = ["x-craftkit-signature", "x-craftkit-event", "x-craftkit-timestamp", "x-craftkit-delivery-id", "host", "x"]
_PAIRS = st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(["", "a", HEX])))


@given(_PAIRS)
def test_headers_of_servers_are_read_as_any_others(headers: list[tuple[str, str]]) -> None:
    """Each value is the same, or the fact that there were two, whichever server hands them on."""
    pairs = [(name.encode(), value.encode()) for name, value in headers]
    ways = [
        read_headers(pairs),
        read_asgi_headers(pairs),
        read_asgi_headers(iter(pairs)),
        read_multidict(CIMultiDict((name.title(), value) for name, value in headers)),
    ]

    for name in _NAMES[:4]:
        values = [fields.get(name.encode()) for fields in ways]
        shown = {value.decode() if isinstance(value, bytes) else value for value in values}
        assert len({"two" if value and "," in value else value for value in shown}) == 1


# ---- freshness


@pytest.mark.parametrize(
    ("timestamp", "now"), [("1000", 1000), ("1000", 1300.0), ("1000", 700), (b"1000", 1000), (" 1000 ", 1000)]
)
def test_fresh(timestamp: str | bytes, now: float) -> None:
    """Within the tolerance, on both sides."""
    check_freshness({b"x-craftkit-timestamp": timestamp}, now, 300)


@pytest.mark.parametrize(
    ("timestamp", "now"),
    [
        ("1000", 1300.5), ("1000", 699), ("nan", 1000), ("inf", 1000), ("-1000", 1000), ("+1000", 1000), ("1e3", 1000),
        ("1000.0", 1000), ("1_000", 1000), ("\N{ARABIC-INDIC DIGIT ONE}" * 4, 1000),
        ("", 1000), ("9" * 5000, 1000), ("1000, 1000", 1000),
        ("1000", float("nan")), ("1000", float("inf")), ("1000", 10**400), ("\ud800", 1000),
    ],
)  # fmt: skip
def test_stale(timestamp: str, now: float) -> None:
    """Too old, too far ahead, or not digits; a NaN is not near anything."""
    with pytest.raises(StaleDeliveryError):
        check_freshness({b"x-craftkit-timestamp": timestamp}, now, 300)


def test_absent_timestamp_is_stale() -> None:
    """Who asks for freshness gets no delivery that says nothing about it."""
    with pytest.raises(StaleDeliveryError, match="missing"):
        check_freshness({}, 1000, 300)


# ---- events


EXAMPLES = {
    name: item["post"]["requestBody"]["content"]["application/json"] for name, item in read()["webhooks"].items()
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_events_of_the_contract(name: str) -> None:
    """Each published example is valid, and is read as the kind of its name."""
    example = EXAMPLES[name]["example"]
    event = event_of(example, name)
    prefix, _, what = name.partition(".")
    kinds = {"signature": SignatureEvent, "form": FormSubmitted}
    kinds_of_render = {"succeeded": RenderSucceeded, "failed": RenderFailed}

    assert not violations(EXAMPLES[name]["schema"], example)
    assert type(event) is (kinds_of_render[what] if prefix == "render" else kinds[prefix])
    assert event.event == name
    assert event.raw == example


def test_render_event() -> None:
    """The flat body is a render."""
    assert event_of(RENDER) == RenderSucceeded(
        "render.succeeded",
        RENDER,
        Render(
            "r1",
            RenderStatus.SUCCEEDED,
            "https://files.example/r1.pdf",
            created_at=datetime(2026, 6, 5, 10, tzinfo=UTC),
            completed_at=datetime(2026, 6, 5, 10, 0, 1, 260000, tzinfo=UTC),
        ),
        "t1",
    )


def test_render_event_with_the_least() -> None:
    """Only the id is needed to know whose end this is."""
    event = event_of({"event": "render.failed", "renderId": "r1"})

    assert event == RenderFailed("render.failed", {"event": "render.failed", "renderId": "r1"}, Render("r1"))


def test_signature_event() -> None:
    """Members that come sometimes are empty when they do not, null or not."""
    bare = {"event": "signature.viewed", "signatureRequestId": "s1", "renderId": "r1"}
    nulls = {**bare, "status": None, "name": None, "recipients": None, "reason": None}

    assert event_of(bare) == SignatureEvent("signature.viewed", bare, "s1", "r1")
    assert event_of(nulls) == SignatureEvent("signature.viewed", nulls, "s1", "r1")


def test_unknown_status_stays_text() -> None:
    """Both enumerations are open."""
    signed, known = event_of({**SIGNED, "status": "paused"}), event_of(SIGNED)
    render = event_of({**RENDER, "status": "archived"})

    assert isinstance(signed, SignatureEvent)
    assert signed.status == "paused"
    assert isinstance(known, SignatureEvent)
    assert known.status is SignatureStatus.VIEWED
    assert isinstance(render, RenderSucceeded)
    assert render.render.status == "archived"


def test_recipients() -> None:
    """Of the shape that replies have they are typed; their addresses are not shown."""
    event = event_of({**SIGNED, "recipients": [{"firstName": "Mira", "email": "mira@example.com", "new": 1}]})

    assert isinstance(event, SignatureEvent)
    assert event.recipients == (SignatureRecipient(first_name="Mira", email="mira@example.com"),)
    assert "mira@" not in repr(event)


@pytest.mark.parametrize(
    "recipients", [["mira@example.com"], "mira", {"a": 1}, {"recipients": []}, [{"email": 7}], [[]]]
)
def test_recipients_of_another_shape_do_not_lose_the_event(recipients: Any) -> None:
    """No page confirms their members, so they stay in `raw`."""
    event = event_of({**SIGNED, "recipients": recipients})

    assert isinstance(event, SignatureEvent)
    assert event.recipients == ()
    assert event.raw["recipients"] == recipients


def test_form_event() -> None:
    """In collect mode there is no render; what was filled in is not shown."""
    event = event_of(FORM)
    rendered = event_of({**FORM, "renderId": "r1"})
    absent = event_of({name: member for name, member in FORM.items() if name != "renderId"})

    assert event == FormSubmitted(
        "form.submitted", FORM, "e1", "delivery-note", 3, FORM["data"], datetime(2026, 6, 5, 10, 4, 11, tzinfo=UTC)
    )
    assert isinstance(rendered, FormSubmitted)
    assert rendered.render_id == "r1"
    assert isinstance(absent, FormSubmitted)
    assert absent.render_id is None
    assert "Halden" not in repr(event)


@pytest.mark.parametrize(
    "name", ["render.archived", "signature.failed", "brand.new", "x", "Ünïcode", "render.succeeded "]
)
def test_unknown_events_are_passed_on(name: str) -> None:
    """The set of events is open; a member called `raw` is nothing special."""
    document = {"event": name, "renderId": 7, "raw": 1}

    assert event_of(document) == UnknownEvent(name, document)


def test_member_called_raw_is_not_the_body() -> None:
    """The model's own fields cannot be written by a sender."""
    for document in (RENDER, SIGNED, FORM):
        found = event_of({**document, "raw": {"x": 1}, "render": {"id": "other"}, "id": "other"})

        assert found.raw["event"] == document["event"]
        assert not isinstance(found, RenderSucceeded) or found.render.id == "r1"


MISFITS: list[tuple[Mapping[str, Any], str]] = [
    ({**RENDER, "renderId": None}, "$.renderId"),
    ({**RENDER, "renderId": 7}, "$.renderId"),
    ({"event": "render.succeeded", "id": "r1"}, "$.renderId"),
    ({**RENDER, "templateId": 7}, "$.templateId"),
    ({"event": "signature.signed", "renderId": "r1"}, "$.signatureRequestId"),
    ({**FORM, "data": []}, "$.data"),
    ({**FORM, "templateVersion": "3"}, "$.templateVersion"),
]


@pytest.mark.parametrize("odd", [{"status": 7}, {"completedAt": "soon"}, {"createdAt": 7, "durationMs": "x"}])
def test_odd_members_do_not_lose_an_end(odd: Mapping[str, Any]) -> None:
    """A member that does not fit is None; of a status that is no text, the name of the event decides."""
    event = event_of({**RENDER, **odd})

    assert isinstance(event, RenderSucceeded)
    assert finished_render(event) is not None


@pytest.mark.parametrize(("document", "path"), MISFITS, ids=lambda value: value if isinstance(value, str) else "")
def test_misfits_are_named_by_their_path(document: Mapping[str, Any], path: str) -> None:
    """In the names of the body, and without its values."""
    with pytest.raises(MalformedDeliveryError) as caught:
        event_of(document)

    assert f"but {path} is missing or of another type" in str(caught.value)
    assert caught.value.__cause__ is None


UNREADABLE: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{",
    "not UTF-8": b'{"event":"\xff"}',
    "UTF-16": json.dumps(RENDER).encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "NaN": b'{"event":"x","a":NaN}',
    "lone surrogate": b'{"event":"\\ud800"}',
    "deep array": b"[" * 100_000,
    "deep arrays, closed": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"event":' * 100_000 + b"1" + b"}" * 100_000,
    "deep member": b'{"event":"render.succeeded","renderId":"r","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "huge number": b'{"event":"x","a":' + b"9" * 10_000 + b"",
    "null": b"null",
    "array": b"[]",
    "number": b"7",
    "text": b'"render.succeeded"',
    "no event": b"{}",
    "null event": b'{"event":null}',
    "empty event": b'{"event":""}',
    "number for event": b'{"event":7}',
    "wrapper": json.dumps({"data": RENDER}).encode(),
    "two values": b"{}{}",
    "zero byte": b"\0",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_bodies(body: bytes) -> None:
    """Genuine and unreadable is 400, with and without the fast parser, and no foreign exception."""
    with pytest.raises(MalformedDeliveryError) as fast:
        read_event(body, {})
    with without_speed(), pytest.raises(MalformedDeliveryError) as slow:
        read_event(body, {})

    assert str(fast.value) == str(slow.value)
    assert str(fast.value).startswith("the body is genuine and")


@given(
    JSON
    | st.fixed_dictionaries(
        {"event": st.sampled_from([*EXAMPLES, "new"])},
        optional={name: JSON for document in (RENDER, SIGNED, FORM) for name in document if name != "event"},
    )
)
def test_any_json_is_an_event_or_refused(document: Any) -> None:
    """Whatever the members are, the outcome is an event of that name or a `MalformedDeliveryError`."""
    with suppress(MalformedDeliveryError):
        assert event_of(document).event == document["event"]


def test_header_names_the_event() -> None:
    """It may be missing and must not disagree, be it empty or twice."""
    assert event_of(RENDER, "render.succeeded") == event_of(RENDER)
    for named in ("render.failed", "", "Render.Succeeded", "render.succeeded, render.failed", "\ud800"):
        with pytest.raises(MalformedDeliveryError, match="names another event"):
            event_of(RENDER, named)


# ---- repeats


ID = b"x-craftkit-delivery-id"
A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize("event", ["render.succeeded", "render.failed", "render.new", "form.submitted"])
def test_signed_bytes_alone_make_a_repeat(event: str) -> None:
    """A repeat under another id is still a repeat."""
    assert deduplication_key(event, A, {ID: "1"}) == deduplication_key(event, A, {ID: "2"}) == A


@pytest.mark.parametrize("event", ["signature.signed", "brand.new", "form.other", "renders"])
def test_equal_bodies_of_two_deliveries_are_two_events(event: str) -> None:
    """Two people who sign can cause the same body; an attempt to deliver again has the same id."""
    assert deduplication_key(event, A, {ID: "1"}) == deduplication_key(event, A, {ID: b" 1"})
    assert len({deduplication_key(event, key, {ID: given}) for key in (A, B) for given in ("1", "2", "")}) == 6
    assert deduplication_key(event, A, {}) == deduplication_key(event, A, {ID: ""}) == A


@given(st.sampled_from([A, B]), st.sampled_from([A, B]), st.text(max_size=9), st.text(max_size=9))
def test_keys_are_short_and_never_shared(one: str, other: str, id: str, other_id: str) -> None:
    """However long the made-up id of a sender is, and whatever stands in it."""
    key, second = deduplication_key("x", one, {ID: id}), deduplication_key("x", other, {ID: other_id})

    assert len(key) in (64, 128)
    assert key.isascii()
    assert (key == second) is ((one, id.strip(" \t")) == (other, other_id.strip(" \t")))
    assert deduplication_key("x", one, {ID: "\udcff"}).isascii()


# ---- ends


@pytest.mark.parametrize(
    ("event", "members", "is_end"),
    [
        ("render.succeeded", {"status": "succeeded"}, True),
        ("render.failed", {"status": "failed"}, True),
        ("render.failed", {"status": "cancelled"}, True),
        ("render.succeeded", {"status": "failed"}, False),
        ("render.failed", {"status": "succeeded"}, False),
        ("render.succeeded", {"status": "rendering"}, False),
        ("render.succeeded", {"status": "archived"}, False),
        ("render.succeeded", {"status": "archived", "downloadUrl": "u"}, True),
        ("render.succeeded", {"status": "archived", "errorMessage": "e"}, False),
        ("render.failed", {"status": "broken", "errorMessage": "e"}, True),
        ("render.failed", {}, False),
    ],
)
def test_ends(event: str, members: Mapping[str, Any], is_end: bool) -> None:  # noqa: FBT001 - a column of the table
    """An event whose name and members do not agree proves nothing; a look at the render will."""
    found = event_of({"event": event, "renderId": "r1", **members})

    assert isinstance(found, RenderSucceeded | RenderFailed)
    assert finished_render(found) == (found.render if is_end else None)


@pytest.mark.parametrize("document", [SIGNED, FORM, {"event": "render.new", "status": "succeeded"}])
def test_other_events_end_no_render(document: Mapping[str, Any]) -> None:
    """Nor do unknown ones."""
    assert finished_render(event_of(document)) is None


@pytest.mark.parametrize("event", ["render.succeeded", "render.failed"])
@pytest.mark.parametrize("named", [None, str, str.encode], ids=["unnamed", "text", "bytes"])
@pytest.mark.parametrize("left_out", [None, "completedAt", "downloadUrl", "errorMessage", "templateId"])
def test_the_fast_path_reads_what_the_long_one_does(
    event: str, named: Callable[[str], Any] | None, left_out: str | None
) -> None:
    """What is as published is the same event either way, as frozen, and with its render."""
    document = {**RENDER, "event": event, "status": event.removeprefix("render."), "errorMessage": "no font"}
    document.pop(left_out or "", None)
    body = json.dumps(document).encode()
    fields = {} if named is None else {b"x-craftkit-event": named(event)}
    published = read_published(body, fields)

    assert published is not None
    render = published_render(published)
    found = published_event(published, render, None)
    assert found == read_event(body, fields)
    assert render == finished_render(found)
    with pytest.raises(AttributeError):
        render.id = "other"  # type: ignore[misc]  # which is the point


@pytest.mark.parametrize(
    "odd",
    [
        {"event": "render.cancelled"},
        {"event": ["render.succeeded"]},
        {"status": "failed"},
        {"status": None},
        {"renderId": 5},
        {"downloadUrl": 5},
        {"errorMessage": 5},
        {"templateId": 5},
        {"createdAt": None},
        {"createdAt": "yesterday"},
        {"createdAt": "2026-06-05T10:00:00"},
        {"completedAt": "2026-06-05T10:00:00"},
        {"completedAt": 5},
        {"durationMs": 1260},
        {"pollUrl": "https://api.example/v1/renders/r1"},
    ],
    ids=str,
)
def test_the_fast_path_leaves_everything_odd_to_the_long_one(odd: Mapping[str, Any]) -> None:
    """It decides nothing: neither what is wrong, nor what may be right all the same."""
    assert read_published(json.dumps({**RENDER, **odd}).encode(), {}) is None


@pytest.mark.parametrize("named", ["render.failed", b"render.failed", b"\xff", 5])
def test_the_fast_path_knows_the_header_that_disagrees(named: Any) -> None:
    """The long way says that it does."""
    assert read_published(json.dumps(RENDER).encode(), {b"x-craftkit-event": named}) is None


@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*RENDER, "durationMs"], JSON)))
def test_the_fast_path_never_differs_from_the_long_one(members: dict[str, Any]) -> None:
    """Whatever the members are."""
    body = json.dumps({**RENDER, **members}).encode()
    published = read_published(body, {})

    if published is not None:
        assert published_event(published, published_render(published), None) == read_event(body, {})


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'"event"'])
def test_the_fast_path_and_no_object(body: bytes) -> None:
    """It raises nothing."""
    assert read_published(body, {}) is None


def test_every_published_event_has_its_class() -> None:
    """A new event of the contract is a new entry in the table of readers, and no more."""
    published = [name for name in read()["webhooks"] if "." in name]

    assert len(published) == 10
    for name in published:
        example = next(iter(read()["webhooks"][name]["post"]["requestBody"]["content"].values()))["example"]
        assert not isinstance(event_of(example), UnknownEvent)
        assert event_of(example).event == name
