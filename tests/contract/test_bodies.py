"""What each method sends fits the schema of the body, whole and in every part."""

import json
from collections.abc import Iterator
from datetime import datetime
from email.parser import BytesParser
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import pytest

from tests.contract.document import merged, snake, violations
from tests.contract.methods import (
    BY_OPERATION,
    LEFT_OUT,
    NEEDED,
    WHOLE,
    Method,
    body_of,
    full_bodies,
    method_of,
    minimal_body,
    signature_of,
)
from tests.contract.sending import (
    WITH_JSON,
    by_operation,
    each_method,
    each_with_body,
    each_with_json,
    each_with_query,
    sent_by,
)

# Arguments whose default is None, so that None is the same as leaving them out.
NONE_IS_LEFT_OUT = {
    "render_template": {"version", "filename"},
    "track_event": {"metadata"},
    "cancel_signature": {"reason"},
    "create_project_key": {"name"},
}


@each_with_body
def test_every_member_of_a_body_has_its_argument(method: Method) -> None:
    """What the contract lets one send, a caller can send, or it is listed here why not."""
    arguments = signature_of(method).parameters
    members = set(_members(method)) - set(LEFT_OUT.get(method.operation, ()))

    assert {method.argument(member) for member in members} - set(arguments) <= _open_names(method)


def _members(method: Method) -> Iterator[str]:
    """Name the members of a body, dotted where the table opens one up."""
    body = merged(method.described.body or {})
    opened = {dotted.partition(".")[0] for dotted in method.renamed if "." in dotted}
    for name, member in body["properties"].items():
        inside = merged(member)["properties"] if name in opened else {}
        yield from (f"{name}.{inner}" for inner in inside)
        if name not in opened:
            yield name


def _open_names(method: Method) -> set[str]:
    """Return the names that a method takes without declaring them."""
    takes_any = any(item.kind is item.VAR_KEYWORD for item in signature_of(method).parameters.values())
    return {method.argument(member) for member in _members(method)} if takes_any else set()


@each_with_query
def test_every_query_parameter_has_its_argument(method: Method) -> None:
    """What the contract lets one ask for, a caller can ask for."""
    names = {snake(parameter["name"]) for parameter in method.described.parameters("query")}

    assert names <= set(signature_of(method).parameters)


def test_what_is_left_out_is_in_the_contract() -> None:
    """The list of exceptions names nothing that is not there."""
    for operation, members in LEFT_OUT.items():
        assert set(members) <= set(_members(BY_OPERATION[operation]))


@each_with_json
async def test_smallest_body_is_sent_alone(method: Method) -> None:
    """What is omitted is not sent."""
    body = minimal_body(method)

    request = await sent_by(method)

    assert json.loads(request.body or b"") == body
    assert not violations(method.described.body or {}, body)


@each_with_json
async def test_full_body_arrives_whole(method: Method) -> None:
    """Every documented member, at any depth, goes out under its own name and fits the schema."""
    for body in full_bodies(method):
        request = await sent_by(method, method.arguments(body))

        assert json.loads(request.body or b"") == body
        assert not violations(method.described.body or {}, body)


@each_with_json
async def test_example_of_the_contract_can_be_sent(method: Method) -> None:
    """The document's own example goes out as it is."""
    example = (method.described.body or {})["example"]

    request = await sent_by(method, method.arguments(example))

    assert json.loads(request.body or b"") == example


@each_with_json
async def test_classes_say_the_same_as_mappings(method: Method) -> None:
    """Where a class is offered for a nested input it has every member of it, and goes out the same."""
    for body in full_bodies(method):
        arguments = method.arguments(body)
        hints = get_type_hints(method_of(method))
        typed = {name: _typed(hints.get(name, Any), value) for name, value in arguments.items()}

        times = {name: body[name] for name in body if isinstance(typed.get(method.argument(name)), datetime)}
        request = await sent_by(method, typed)
        sent = json.loads(request.body or b"")

        assert {**sent, **times} == body
        assert all(datetime.fromisoformat(sent[name]) == datetime.fromisoformat(times[name]) for name in times)


def _typed(hint: Any, value: Any) -> Any:
    """Build the class that a hint offers, and a time where it takes one."""
    offered = _alternatives(hint)
    model = next((kind for kind in offered if attrs.has(kind)), None)
    if isinstance(value, dict) and model is not None:
        hints = get_type_hints(model)
        return model(**{snake(name): _typed(hints[snake(name)], member) for name, member in value.items()})
    items = next((get_args(kind)[0] for kind in offered if get_origin(kind) is not None and get_args(kind)), None)
    if isinstance(value, list) and items is not None:
        return tuple(_typed(items, member) for member in value)
    return datetime.fromisoformat(value) if datetime in offered else value


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


OPTIONAL = [
    (method, name)
    for method in WITH_JSON
    for name in merged(method.described.body or {})["properties"]
    if name not in (method.described.body or {}).get("required", ())
    and name not in LEFT_OUT.get(method.operation, ())
    and name not in NEEDED.get(method.operation, ())
    and name in body_of(method, full=True)
    and not any(dotted.startswith(f"{name}.") for dotted in method.renamed)
]


@pytest.mark.parametrize(("method", "name"), OPTIONAL, ids=by_operation)
async def test_none_is_null(method: Method, name: str) -> None:
    """None is sent as null, unless it is the argument's own default."""
    body = minimal_body(method)
    argument = method.argument(name)
    is_left_out = argument in NONE_IS_LEFT_OUT.get(method.operation, ())

    request = await sent_by(method, {**method.arguments(body), argument: None})

    assert json.loads(request.body or b"") == (body if is_left_out else {**body, name: None})


@each_method
def test_default_that_is_none_is_listed(method: Method) -> None:
    """An optional member of a body is left out by default, by None where the list says so and nowhere else."""
    parameters = signature_of(method).parameters
    body = merged(method.described.body or {})
    members = set(_members(method)) - set(body["required"])
    none = {
        argument
        for member in members
        if (argument := method.argument(member)) in parameters and parameters[argument].default is None
    }

    assert none == NONE_IS_LEFT_OUT.get(method.operation, set())


@pytest.mark.parametrize("operation", ["render_template", "submit_embed_form", "trigger_hook"])
async def test_data_goes_out_as_it_is(operation: str) -> None:
    """The data of a template is nobody's to rename, whatever its keys look like."""
    method = BY_OPERATION[operation]
    data = {"customer_name": "x", "customer.city": None, "Rows": [{"unit_price": 1.5}]}
    body = data if WHOLE in method.renamed else {**minimal_body(method), "data": data}

    request = await sent_by(method, method.arguments(body))

    assert json.loads(request.body or b"") == body


@pytest.mark.parametrize("operation", ["provision_org", "update_provisioned_org"])
async def test_unknown_fields_are_passed_on(operation: str) -> None:
    """Where the contract does not know the members of a body, any keyword goes out, in the spelling of the API."""
    method = BY_OPERATION[operation]

    request = await sent_by(method, {"external_org_id": "org-77", "display_name": "Halden", "emailFrom": None})

    assert json.loads(request.body or b"") == {
        "externalOrgId": "org-77",
        "displayName": "Halden",
        "emailFrom": None,
    }


async def test_image_goes_out_as_a_form() -> None:
    """The upload is a form with the one part of the contract, its name, its type and its bytes unchanged."""
    method = BY_OPERATION["upload_embed_form_image"]
    image = b"\x89PNG\r\n\r\n--\r\n" + bytes(range(256))
    arguments = {**method.arguments({"file": image}), "filename": 'a "b".png'}

    request = await sent_by(method, arguments)
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    form = BytesParser().parsebytes(head + (request.body or b""))
    [part] = [part for part in form.walk() if part is not form]

    assert part.get_payload(decode=True) == image
    assert part.get_content_type() == "image/png"
    assert part.get_param("name", header="content-disposition") == "file"
    assert part.get_filename() == "a %22b%22.png"
