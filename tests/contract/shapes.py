"""Documents that a service could answer with, and what may be done to them."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

import attrs

from craftkit_async import OpenObject
from tests.contract.document import NAME, examples, is_nullable, merged, snake, types_of
from tests.contract.samples import sample

Steps = tuple[str | int, ...]

# Members that the contract calls required and the models do not, and why.
LENIENT = {
    # Other pages show a shorter reply to a submit; only the id is needed to go on.
    "Render": {"pollUrl", "createdAt"},
    "RenderSubmission": {"status", "pollUrl", "createdAt"},
    "FormSubmission": {"status", "pollUrl", "createdAt"},
    "HookSubmission": {"status", "pollUrl"},
    # A rename may answer with the short form, by a note on one page.
    "Project": {"createdAt", "updatedAt"},
    # The rest of these replies is the only copy of a key, a link, a mail or a session.
    "ProjectKey": {"id", "projectId", "name", "prefix", "createdAt"},
    "EmailedRender": {"shareToken", "shareUrl", "emailMessageId", "sentAt"},
    "Share": {"channel", "createdAt"},
    "ShareListItem": {"channel", "createdAt"},
    "SignatureRequest": {"renderId", "name", "status", "createdAt"},
    "EmbedSession": {"expires_at"},
    # Not known where only a resend told that the thing is gone.
    "TemplateDeleted": {"id", "deletedAt"},
    "ShareRevoked": {"revokedAt"},
}

# The name of this list is not confirmed, so the contract does not require it; but some list has to be there.
_NEEDED = {"ProjectList": {"projects"}}

# Known from one example, with members that look like a database's own; passed on as it is.
_OPEN_BY_CHOICE = {"BuilderTemplateCreated"}


@attrs.frozen
class Place:
    """A value somewhere in a document, and what the contract says about it."""

    steps: Steps
    schema: Mapping[str, Any] = attrs.field(repr=False)
    is_required: bool
    """A member that the contract requires; absent, it is no other way to say null."""
    may_be_absent: bool
    """A member that can be left out without harm."""

    def __str__(self) -> str:
        return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps)


def is_open(schema: Mapping[str, Any]) -> bool:
    """Is the shape unknown, so that everything is taken as it comes?"""
    return schema.get("x-confidence") == "unknown" or schema.get(NAME) in _OPEN_BY_CHOICE


def documents(media: Mapping[str, Any]) -> list[Any]:
    """Return the examples of a reply, a document with every member there is, and one with the required ones."""
    schema = media["schema"]
    smallest = sample(schema, full=False)
    return [*examples(media), sample(schema, full=True), *([smallest] if _is_enough(schema, smallest) else [])]


def _is_enough(schema: Mapping[str, Any], document: Any) -> bool:
    return all(name in document for name in _NEEDED.get(schema.get(NAME, ""), ()))


def places(schema: Mapping[str, Any], document: Any, steps: Steps = ()) -> Iterator[Place]:
    """Go over every value inside a document, from the outside in."""
    schema = merged(schema)
    if isinstance(document, dict):
        lenient = LENIENT.get(schema.get(NAME, ""), set())
        for name, member in schema["properties"].items():
            if name in document:
                is_required = name in schema["required"] and name not in lenient and not is_nullable(member)
                is_needed = name in _NEEDED.get(schema.get(NAME, ""), ())
                yield Place((*steps, name), member, is_required, not is_required and not is_needed)
                yield from places(member, document[name], (*steps, name))
    if isinstance(document, list):
        for index, item in enumerate(document):
            yield Place((*steps, index), schema["items"], is_required=False, may_be_absent=False)
            yield from places(schema["items"], item, (*steps, index))


def without(document: Any, *steps: Steps) -> Any:
    """Return a copy without some members, given the innermost first."""
    changed = deepcopy(document)
    for way in steps:
        del _owner(changed, way)[way[-1]]
    return changed


def with_value(document: Any, steps: Steps, value: Any) -> Any:
    """Return a copy with another value in one place."""
    changed = deepcopy(document)
    _owner(changed, steps)[steps[-1]] = value
    return changed


def _owner(document: Any, steps: Steps) -> Any:
    for step in steps[:-1]:
        document = document[step]
    return document


def with_unknown_members(schema: Mapping[str, Any], document: Any) -> Any:
    """Return a copy in which every object has a member that no version knows yet."""
    schema = merged(schema)
    if isinstance(document, list):
        return [with_unknown_members(schema["items"], item) for item in document]
    if not isinstance(document, dict) or not schema["properties"]:
        return document
    known = schema["properties"]
    return {
        "xBrandNew": {"deep": [1, None]},
        **{name: with_unknown_members(known.get(name, {}), member) for name, member in document.items()},
    }


def open_enums(schema: Mapping[str, Any], document: Any) -> Iterator[Place]:
    """Go over the texts for which the service may find new words."""
    for place in places(schema, document):
        if place.schema.get("x-open-enum") and "string" in types_of(place.schema):
            yield place


def lost(document: Any, value: Any, path: str = "$") -> Iterator[str]:
    """Name what did not arrive of a document in the value that was read from it."""
    if isinstance(value, OpenObject):
        value = value.raw
    if attrs.has(type(value)):
        yield from _lost_members(document, value, path)
    elif isinstance(document, list) and isinstance(value, list | tuple) and len(document) == len(value):
        for index, (item, arrived) in enumerate(zip(document, value, strict=True)):
            yield from lost(item, arrived, f"{path}[{index}]")
    elif isinstance(value, datetime):
        if value.tzinfo is None or value != datetime.fromisoformat(document):
            yield path
    elif value != document or not isinstance(value, type(document)):
        yield path


def _lost_members(document: Any, value: Any, path: str) -> Iterator[str]:
    for name, member in document.items():
        extra = getattr(value, "extra", {})
        arrived = extra.get(name, _NOWHERE) if name in extra else getattr(value, snake(name), _NOWHERE)
        yield from lost(member, arrived, f"{path}.{name}")


_NOWHERE = object()
