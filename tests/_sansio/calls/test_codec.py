"""The codec: models round, wrong types refused with their path, unknown things kept or ignored."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from craftkit_async import (
    CatalogPublished,
    DecodeError,
    EmbedSession,
    Engagement,
    Manifest,
    OpenObject,
    Project,
    ProjectKey,
    Render,
    RenderStatus,
    SignaturePage,
    SignatureStatus,
    Template,
    TemplateSummary,
    Variable,
)
from craftkit_async._sansio.calls.codec import build, build_list, read_json
from craftkit_async._sansio.calls.data import encode_data
from tests.support.model_strategies import JSON, MODELS, instances
from tests.support.slow_path import without_speed

# Per model, so that all of them together get more than one property usually does.
a_few = settings(max_examples=settings().max_examples // 4)

WHEN = "2026-01-02T03:04:05.678Z"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@a_few
@given(st.data())
def test_decode_undoes_encode(model: type, data: st.DataObject) -> None:
    """What is written and read again is the same, for every model and on both paths."""
    instance = data.draw(instances(model))
    with without_speed():
        slow: Any = build(model, read_json(encode_data(instance)))

    assert build(model, read_json(encode_data(instance))) == instance
    assert slow == instance


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@a_few
@given(st.data())
def test_any_json_is_a_model_or_a_decode_error(model: type, data: st.DataObject) -> None:
    """JSON of any shape becomes the model or a `DecodeError` whose path begins at the root."""
    sound = json.loads(encode_data(data.draw(instances(model))))
    document = data.draw(JSON | st.fixed_dictionaries({name: st.just(value) | JSON for name, value in sound.items()}))
    built = _outcome(lambda: build(model, document))

    assert isinstance(built, model) or built.startswith("the reply does not fit: $")


MISFITS: list[tuple[type, Any, str]] = [
    (Render, [], "$ is an array, not an object"),
    (Render, None, "$ is null, not an object"),
    (Render, "text", "$ is text, not an object"),
    (Render, {}, "$.id is missing"),
    (Render, {"id": None}, "$.id is null, not text"),
    (Render, {"id": 7}, "$.id is a number, not text"),
    (Render, {"id": "r", "status": 1}, "$.status is a number, not text"),
    (Render, {"id": "r", "downloadUrl": True}, "$.downloadUrl is a boolean, not text or null"),
    (Render, {"id": "r", "createdAt": "soon"}, "$.createdAt is no ISO 8601 time"),
    (Render, {"id": "r", "createdAt": 1}, "$.createdAt is a number, not a time"),
    (Render, {"id": "r", "durationMs": "9"}, "$.durationMs is text, not a number"),
    (Render, {"id": "r", "durationMs": True}, "$.durationMs is a boolean, not a number"),
    (Project, {"id": "p", "slug": "s"}, "$.name is missing"),
    (Manifest, 1, "$ is a number, not an object"),
    (Manifest, {"variables": {}}, "$.variables is an object, not an array"),
    (Manifest, {"variables": [{"key": "a"}, {"label": "b"}]}, "$.variables[1].key is missing"),
    (Manifest, {"variables": [{"key": "a", "required": 1}]}, "$.variables[0].required is a number, not a boolean"),
    (Manifest, {"variables": [{"key": "a", "previewData": []}]}, "$.variables[0].previewData is an array, not text"),
    (Manifest, {"loops": [{"key": "a", "itemFields": [1.5]}]}, "$.loops[0].itemFields[0] is a number, not an object"),
    (Manifest, {"loops": [{"key": "a", "previewData": [1]}]}, "$.loops[0].previewData[0] is a number, not an object"),
    (TemplateSummary, {"id": "t", "name": "n", "slug": "s", "published": 1}, "$.published is a number, not a boolean"),
    (EmbedSession, {"session_id": "s", "session_token": None}, "$.session_token is null, not text"),
    (CatalogPublished, {"id": "c", "name": "n", "version": 1.0}, "$.version is a number, not a whole number"),
    (Engagement, {"counts": {"viewed": "1"}}, "$.counts.viewed is text, not a whole number"),
    (SignaturePage, {"signatures": [], "hasMore": None}, "$.hasMore is null, not a boolean"),
    (OpenObject, [], "$ is an array, not an object"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "document", "sentence"), MISFITS)
def test_misfits_are_named_by_their_path(model: type, document: Any, sentence: str) -> None:
    """A wrong type is refused with the JSON path in wire names and what was found there."""
    with pytest.raises(DecodeError) as caught:
        build(model, document)

    assert str(caught.value).startswith(f"the reply does not fit: {sentence}")
    assert caught.value.path == sentence.split(" ", maxsplit=1)[0]
    assert caught.value.__cause__ is None


def test_unknown_members_are_ignored() -> None:
    """Every reply may gain members."""
    assert build(Render, {"id": "r", "brandNew": {"deep": [1]}}) == Render("r")


def test_unknown_members_of_a_manifest_are_kept() -> None:
    """A manifest is read in order to be written again, so what this version does not know stays in it."""
    variable = build(Variable, {"key": "a", "dataType": "number", "isInteger": True})

    assert variable == Variable("a", data_type="number", extra={"isInteger": True})
    assert build(Variable, {"key": "a"}).extra == {}


def test_known_statuses_become_members_and_unknown_ones_stay_text() -> None:
    """An enumeration of the service is open."""
    known, unknown = build(Render, {"id": "r", "status": "failed"}), build(Render, {"id": "r", "status": "paused"})
    page = build(SignaturePage, {"hasMore": False, "signatures": [_signature("sent"), _signature("signed")]})

    assert known.status is RenderStatus.FAILED
    assert unknown.status == "paused"
    assert not isinstance(unknown.status, RenderStatus)
    assert page.signatures[0].status is SignatureStatus.SENT
    assert not isinstance(page.signatures[1].status, SignatureStatus)


def _signature(status: str) -> Mapping[str, Any]:
    return {"id": status, "renderId": "r", "name": "n", "status": status, "createdAt": WHEN, "recipients": []}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (WHEN, datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_times_are_aware(text: str, moment: datetime) -> None:
    """A time without an offset is UTC, as all published times are; none leaves naive."""
    read = build(Render, {"id": "r", "createdAt": text}).created_at

    assert read == moment
    assert read is not None
    assert read.tzinfo is not None


def test_an_optional_model_may_be_null() -> None:
    """A template without a published version has no manifest."""
    document = {"id": "t", "name": "n", "slug": "s", "published": False, "createdAt": WHEN, "updatedAt": WHEN}

    assert build(Template, {**document, "manifest": None}).manifest is None
    assert build(Template, {**document, "manifest": {}}).manifest == Manifest()


@pytest.mark.parametrize(
    "document",
    [
        {"projects": [{"id": "p", "slug": "s", "name": "n"}], "others": []},
        {"data": [{"id": "p", "slug": "s", "name": "n"}], "total": 1},
        [{"id": "p", "slug": "s", "name": "n"}],
    ],
)
def test_lists_are_found(document: Any) -> None:
    """A list lies under its name; where that is missing, under the only other array, or it is the whole reply."""
    assert build_list(Project, document, "projects") == [Project("p", "s", "n")]


@pytest.mark.parametrize("document", [{}, None, "text", 1, {"projects": None, "data": []}, {"a": [], "b": []}])
def test_missing_lists_are_refused(document: Any) -> None:
    """Where no list can be told to be the one, the path of the expected one is named."""
    with pytest.raises(DecodeError, match=r"\$\.projects is missing or no array") as caught:
        build_list(Project, document, "projects")

    assert caught.value.path == "$.projects"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"projects": [{"id": "p", "slug": "s", "name": "n"}, {"id": "q"}]}, "$.projects[1].slug"),
        ({"data": [1]}, "$.data[0]"),
        ([{"id": "p"}], "$[0].slug"),
    ],
)
def test_misfits_in_lists_are_named_by_their_path(document: Any, path: str) -> None:
    """The path leads through the member that holds the list, and the place in it."""
    with pytest.raises(DecodeError) as caught:
        build_list(Project, document, "projects")

    assert caught.value.path == path


NO_JSON = [
    b"",
    b" ",
    b"<html>",
    b'{"id": "r',
    b"{'id': 1}",
    b'{"id": NaN}',
    b'{"id": Infinity}',
    b'{"id": -Infinity}',
    b'{"id": 1e999}',
    b"\xef\xbb\xbf{}",
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'{"id": "\\ud800"}',
    b'{"\\uDFFF": 1}',
    b"9" * 5000,
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b"{} {}",
    b"\x00",
]


@pytest.mark.parametrize("body", NO_JSON, ids=lambda body: ascii(body[:20]))
def test_what_is_not_json_is_refused(body: bytes) -> None:
    """A proxy's page, a truncated body, or what only some parsers take is no JSON, on both paths; the path is empty."""
    with pytest.raises(DecodeError) as fast:
        read_json(body)
    with without_speed(), pytest.raises(DecodeError) as slow:
        read_json(body)

    assert fast.value.path == ""
    assert str(fast.value) == str(slow.value) == f"the reply is not JSON ({len(body)} bytes)"


@pytest.mark.parametrize("body", [b'"\\ud83d\\ude00"', b'"\\\\ud800"', b"[1.5, -2, true, null, {}]", b" {} \n"])
def test_both_parsers_take_the_same(body: bytes) -> None:
    """Whole surrogate pairs, and what only looks like half of one, are read on both paths alike."""
    with without_speed():
        slow = read_json(body)

    assert read_json(body) == slow == json.loads(body)


@given(st.binary() | JSON.map(json.dumps).map(str.encode) | st.text(st.characters()).map(json.dumps).map(str.encode))
def test_both_parsers_agree(body: bytes) -> None:
    """Bytes of any kind are read alike or refused alike."""
    with without_speed():
        slow = _outcome(lambda: read_json(body))

    assert _outcome(lambda: read_json(body)) == slow


def _outcome(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except DecodeError as error:
        return str(error)


def test_keys_and_tokens_survive_reading() -> None:
    """A minted key is read as it is, it is just not shown."""
    key = build(
        ProjectKey, {"id": "k", "projectId": "p", "name": "n", "prefix": "ck", "key": "ck_live_1", "createdAt": WHEN}
    )

    assert key.key == "ck_live_1"
    assert "ck_live_1" not in repr(key)


ODD: list[tuple[type, Any, Any, list[str]]] = [
    (Render, {"id": "r", "status": 1}, Render("r"), ["$.status"]),
    (Render, {"id": "r", "createdAt": "soon", "durationMs": "9"}, Render("r"), ["$.createdAt", "$.durationMs"]),
    (Manifest, {"variables": {}, "loops": 1}, Manifest(), ["$.variables", "$.loops"]),
    (Manifest, {"variables": [{"key": "a", "label": 1}]}, Manifest((Variable("a"),)), ["$.variables[0].label"]),
    (Variable, {"key": "a", "required": 1}, Variable("a", required=True), ["$.required"]),
    (Manifest, {"variables": [{"key": "a"}, {"label": "b"}]}, Manifest(), ["$.variables[1].key"]),
    (SignaturePage, {"signatures": [], "hasMore": 7}, SignaturePage((), has_more=True), ["$.hasMore"]),
    (ProjectKey, {"key": "k", "name": 1}, ProjectKey(None, None, None, None, "k", None), ["$.name"]),
]  # fmt: skip


@pytest.mark.parametrize(("model", "document", "expected", "paths"), ODD)
def test_optional_members_that_do_not_fit_are_none(model: type, document: Any, expected: Any, paths: list[str]) -> None:
    """The rest of a reply may be the only copy of a key or an id, so it is kept; what was left out is told."""
    dropped: list[str] = []

    assert build(model, document, dropped=dropped) == expected
    assert sorted(dropped) == sorted(paths)


@pytest.mark.parametrize("name", ["completedAt", "downloadUrl", "errorMessage"])
def test_odd_proof_of_an_end_is_a_proof(name: str) -> None:
    """A member that proves an end proves it though its value does not fit; null proves nothing."""
    assert build(Render, {"id": "r", "status": "brand-new", name: 7}, dropped=[]).is_final
    assert not build(Render, {"id": "r", "status": "brand-new", name: None, "createdAt": 7}, dropped=[]).is_final


def test_what_came_is_kept() -> None:
    """A reply that cannot be used may hold what is needed: it is in `raw`, and in no message."""
    with pytest.raises(DecodeError) as caught:
        build(ProjectKey, {"key": 7, "name": "secret"})

    shown = f"{caught.value} {caught.value!r}"
    assert "secret" not in shown
    assert caught.value.raw == {"key": 7, "name": "secret"}
