"""Every reply of the contract is read whole, more than is known does no harm, and less than is needed is told."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from craftkit_async import DecodeError, Manifest, OpenObject, Render
from craftkit_async.testing import FakeReply, FakeTransport
from tests.contract.document import JSON, OPERATIONS, merged, types_of
from tests.contract.methods import BY_OPERATION, Method, call
from tests.contract.samples import wrong
from tests.contract.shapes import (
    LENIENT,
    Place,
    documents,
    is_open,
    lost,
    open_enums,
    places,
    with_unknown_members,
    with_value,
    without,
)


@attrs.frozen
class Answered:
    """One document that one operation may answer with."""

    operation: str
    status: int
    number: int
    schema: Mapping[str, Any] = attrs.field(repr=False)
    document: Any = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.operation}-{self.status}-{self.number}"

    @property
    def method(self) -> Method:
        return BY_OPERATION[self.operation]


def _answers() -> Iterator[Answered]:
    for operation in OPERATIONS:
        for status, kind, media in operation.replies():
            for number, document in enumerate(documents(media)):
                if kind == JSON:
                    yield Answered(operation.id, status, number, media["schema"], document)


ANSWERS = tuple(_answers())

# Unknown shapes are taken as they come, and a degraded service's report is an answer only if it is one.
STRICT = tuple(answer for answer in ANSWERS if not is_open(answer.schema) and answer.status != 503)

each_answer = pytest.mark.parametrize("answer", ANSWERS, ids=str)
each_strict_answer = pytest.mark.parametrize("answer", STRICT, ids=str)


async def read(answer: Answered, document: Any) -> Any:
    """Let an operation be answered with a document, and return what its caller gets."""
    reply = FakeReply(status=answer.status, body=json.dumps(document).encode())
    return await call(answer.method, FakeTransport([reply]), answer.method.arguments_about(document))


def unwrapped(document: Any, value: Any) -> Any:
    """Take the list out of its envelope, where the caller gets the list alone."""
    if not isinstance(value, list) or not isinstance(document, dict):
        return document
    [items] = [member for member in document.values() if isinstance(member, list)]
    return items


async def refused(answer: Answered, document: Any) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        await read(answer, document)
    return caught.value


@each_answer
async def test_every_member_arrives(answer: Answered) -> None:
    """Nothing that the contract shows is dropped on the way into the model."""
    value = await read(answer, answer.document)

    assert not list(lost(unwrapped(answer.document, value), value))


@each_answer
async def test_unknown_members_do_no_harm(answer: Answered) -> None:
    """Every object of a reply may gain members."""
    document = with_unknown_members(answer.schema, answer.document)

    value = await read(answer, document)
    expected = document if is_open(answer.schema) else answer.document

    assert not list(lost(unwrapped(expected, value), value))


@each_strict_answer
async def test_optional_members_may_be_absent(answer: Answered) -> None:
    """What the contract does not promise is not needed, nor is what is only there to say null."""
    optional = [place.steps for place in places(answer.schema, answer.document) if place.may_be_absent]
    rest = without(answer.document, *sorted(optional, key=len, reverse=True))

    value = await read(answer, rest)

    assert not list(lost(unwrapped(rest, value), value))


@each_strict_answer
async def test_required_member_is_needed(answer: Answered) -> None:
    """A required member that is missing is told by its path, in the names of the wire."""
    for place in places(answer.schema, answer.document):
        if place.is_required and not is_left_out(answer, place):
            error = await refused(answer, without(answer.document, place.steps))

            assert error.path == str(place)
            assert f"{place} is missing" in str(error)


@each_strict_answer
async def test_wrong_type_is_refused(answer: Answered) -> None:
    """A required value of another type is told by its path and not shown; an optional one is left out."""
    for place, value in _wrong_values(answer):
        document = with_value(answer.document, place.steps, value)
        if is_left_out(answer, place):
            assert await read(answer, document) is not None
            continue
        error = await refused(answer, document)

        assert error.path == str(place)
        assert str(place) in str(error)
        assert "yesterday" not in str(error)


def is_left_out(answer: Answered, place: Place) -> bool:
    """Is the member, or one around it, one that is left out where it does not fit?"""
    known = {each.steps: each for each in places(answer.schema, answer.document)}
    around = [known[place.steps[: length + 1]] for length in range(len(place.steps))]
    members = [each for each in around if isinstance(each.steps[-1], str)]
    if "list" in answer.operation and answer.operation != "list_signatures":
        # The envelope itself is looked for.
        members = members[1:]
    return any(not each.is_required or each.steps[-1] in {"hasMore", "required"} for each in members)


def _wrong_values(answer: Answered) -> Iterator[tuple[Place, Any]]:
    for place in places(answer.schema, answer.document):
        # For a member that may be absent, null says no more than that.
        yield from ((place, value) for value in wrong(place.schema) if value is not None or not place.may_be_absent)
        if merged(place.schema).get("format") == "date-time" and place.steps[-1] != "nextCursor":
            yield place, "yesterday"


@each_strict_answer
async def test_reply_of_another_shape_is_refused(answer: Answered) -> None:
    """A scalar where an object is due is a misfit and never an accident."""
    shapes: list[Any] = [7, "x", True, None]
    for document in shapes if "list" in answer.operation else [*shapes, []]:
        error = await refused(answer, document)

        assert error.path.startswith("$")


@each_answer
async def test_new_words_are_kept(answer: Answered) -> None:
    """Where the service may find new words, they arrive as their text."""
    for place in open_enums(answer.schema, answer.document):
        document = with_value(answer.document, place.steps, "brand-new")

        value = await read(answer, document)

        assert not list(lost(unwrapped(document, value), value))


def test_lenient_members_are_required_by_the_contract() -> None:
    """The list of exceptions names nothing that is optional anyway."""
    schemas = {answer.schema.get("x-name"): merged(answer.schema) for answer in ANSWERS}

    rows = {
        name: merged(row)
        for schema in list(schemas.values())
        for member in schema.get("properties", {}).values()
        if (name := (row := member.get("items", {})).get("x-name")) is not None
    }
    schemas |= rows
    assert set(LENIENT) <= set(schemas)
    assert all(members <= set(schemas[name]["required"]) for name, members in LENIENT.items())


@pytest.mark.parametrize("operation", ["render_template", "submit_embed_form", "trigger_hook"])
async def test_only_the_id_of_a_render_is_needed(operation: str) -> None:
    """Pages disagree on what a submit answers with, and the id is all that is needed to go on."""
    [answer, *_] = [answer for answer in ANSWERS if answer.operation == operation]

    assert await read(answer, {"id": "r1"}) == Render("r1")
    assert (await refused(answer, {"status": "queued"})).path == "$.id"
    assert (await refused(answer, {"id": None})).path == "$.id"


LISTS = [
    answer
    for answer in STRICT
    if answer.number == 0 and "list" in answer.operation and answer.operation != "list_signatures"
]


@pytest.mark.parametrize("answer", LISTS, ids=str)
async def test_list_is_found_under_another_name(answer: Answered) -> None:
    """The name of one list is not confirmed, so the only list of a reply is taken, and a bare one too."""
    items = next(iter(answer.document.values()))
    expected = await read(answer, answer.document)

    assert await read(answer, {"items": items, "total": 1}) == expected
    assert await read(answer, items) == expected
    assert expected


@pytest.mark.parametrize("answer", LISTS, ids=str)
async def test_list_is_not_guessed(answer: Answered) -> None:
    """With two candidates, with none, or with something else under its name, nothing is guessed."""
    [(name, items)] = answer.document.items()

    assert (await refused(answer, {"items": items, "others": []})).path == f"$.{name}"
    assert (await refused(answer, {})).path == f"$.{name}"
    assert (await refused(answer, {name: None, "items": items})).path == f"$.{name}"
    assert await read(answer, {name: items, "others": []}) == await read(answer, answer.document)


@pytest.mark.parametrize("answer", LISTS, ids=str)
async def test_path_leads_through_the_list_as_it_came(answer: Answered) -> None:
    """The path names the list as the reply does."""
    items = next(iter(answer.document.values()))

    assert (await refused(answer, {"items": [*items, 7]})).path == f"$.items[{len(items)}]"
    assert (await refused(answer, [*items, {}])).path.startswith(f"$[{len(items)}].")


async def test_unknown_members_of_a_manifest_are_kept() -> None:
    """A manifest that is read, changed and written again loses nothing, known or not."""
    [answer, *_] = [answer for answer in ANSWERS if answer.operation == "put_template"]
    document = with_unknown_members(answer.schema, answer.document)["manifest"]

    published = await read(answer, {**answer.document, "manifest": document})
    put = BY_OPERATION["put_template"]
    transport = FakeTransport([FakeReply(json=answer.document)])
    await call(put, transport, {"slug": answer.document["slug"], "name": "x", "manifest": published.manifest})

    assert isinstance(published.manifest, Manifest)
    for_sure = {"required": False}
    variables = [{**for_sure, **variable} for variable in document["variables"]]
    assert transport.bodies() == [{"name": "x", "manifest": {**document, "variables": variables}}]


@pytest.mark.parametrize("answer", [answer for answer in ANSWERS if is_open(answer.schema)], ids=str)
async def test_unknown_shape_is_passed_on(answer: Answered) -> None:
    """What no page settles is handed over as it came, and is an object in any case."""
    value = await read(answer, answer.document)

    assert value == OpenObject(answer.document)
    assert (await refused(answer, [])).path == "$"
    assert repr(value) == "OpenObject()"


PDFS = [(operation.id, status) for operation in OPERATIONS for status, kind, _ in operation.replies() if kind != JSON]


@pytest.mark.parametrize(("operation", "status"), PDFS)
async def test_document_arrives_unchanged(operation: str, status: int, tmp_path: Path) -> None:
    """The PDF is saved byte for byte."""
    method = BY_OPERATION[operation]
    pdf = b"%PDF-1.7\r\n" + bytes(range(256)) * 20
    place = tmp_path / "document.pdf"
    arguments = {**method.arguments(), "path": place}

    saved = await call(method, FakeTransport([FakeReply(status=status, body=pdf)]), arguments)

    assert saved == place
    assert place.read_bytes() == pdf


def test_every_reply_is_covered() -> None:
    """Each operation answers with JSON or with a document, and both are tested above."""
    covered = {answer.operation for answer in ANSWERS} | {operation for operation, _ in PDFS}

    assert covered == {operation.id for operation in OPERATIONS}
    assert all(types_of(merged(answer.schema)) == ["object"] for answer in ANSWERS)
