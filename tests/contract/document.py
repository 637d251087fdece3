"""The contract as the tests read it: the one copy in the repository, with its references resolved."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import attrs
import yaml
from jsonschema import Draft202012Validator, FormatChecker

import craftkit_async

JSON = "application/json"

_METHODS = ("get", "put", "post", "patch", "delete")

_SOURCE = files(craftkit_async) / "emulator" / "openapi.yaml"

# Where a schema came from, kept when its reference is resolved.
NAME = "x-name"


@cache
def read() -> Mapping[str, Any]:
    """Read the document and put what each reference names in its place; no schema of it contains itself."""
    document = yaml.safe_load(_SOURCE.read_text("utf-8"))
    return {name: _resolve(document, part) for name, part in document.items()}


def _resolve(document: Mapping[str, Any], node: Any) -> Any:
    if isinstance(node, list):
        return [_resolve(document, item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" not in node:
        return {name: _resolve(document, member) for name, member in node.items()}
    target: Any = document
    for step in node["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return {NAME: node["$ref"].rpartition("/")[2], **_resolve(document, target)}


@attrs.frozen
class Described:
    """One operation of the document."""

    path: str
    method: str
    node: Mapping[str, Any] = attrs.field(repr=False)
    shared: tuple[Mapping[str, Any], ...] = attrs.field(repr=False)

    @property
    def id(self) -> str:
        """The operation's id."""
        return str(self.node["operationId"])

    @property
    def credentials(self) -> list[str]:
        """The kinds of credential that it takes, none where it is open."""
        return [name for choice in self.node["security"] for name in choice]

    def parameters(self, place: str) -> list[Mapping[str, Any]]:
        """Return the parameters in the path, the query or the headers."""
        every = (*self.shared, *self.node.get("parameters", ()))
        return [parameter for parameter in every if parameter["in"] == place]

    @property
    def body(self) -> Mapping[str, Any] | None:
        """The schema of the request's body."""
        content = self.node.get("requestBody", {}).get("content", {})
        return next((media["schema"] for media in content.values()), None)

    @property
    def body_type(self) -> str | None:
        """The media type of the request's body."""
        return next(iter(self.node.get("requestBody", {}).get("content", {})), None)

    def replies(self) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
        """Go over the replies that are an answer: status, media type, and the media with schema and examples."""
        for status, reply in self.node["responses"].items():
            for kind, media in reply.get("content", {}).items():
                if status != "default" and media["schema"].get(NAME) != "ErrorBody":
                    yield int(status), kind, media

    @property
    def example(self) -> Any:
        """The example of the first reply that is an answer."""
        return next(media["schema"]["example"] for _, _, media in self.replies())

    def error_examples(self) -> Iterator[tuple[str, Any]]:
        """Go over the examples of all replies that are an error: status and body."""
        for status, reply in self.node["responses"].items():
            for media in reply.get("content", {}).values():
                if media["schema"].get(NAME) == "ErrorBody":
                    yield from ((status, example) for example in examples(media))


def _described() -> Iterator[Described]:
    for path, item in read()["paths"].items():
        for method in _METHODS:
            if method in item:
                yield Described(path, method.upper(), item[method], tuple(item.get("parameters", ())))


OPERATIONS = tuple(_described())

BY_ID = {operation.id: operation for operation in OPERATIONS}


def examples(media: Mapping[str, Any]) -> list[Any]:
    """Return the examples of a media type: its own, and that of its schema."""
    own = [media["example"]] if "example" in media else []
    named = [example["value"] for example in media.get("examples", {}).values()]
    return [*own, *named, media["schema"]["example"]]


def merged(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put the parts of an `allOf` together, and of an `anyOf` with null take the rest, which may then be null."""
    parts = [merged(part) for part in schema.get("allOf", ())]
    rest = [merged(part) for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    is_nullable = len(rest) < len(schema.get("anyOf", ()))
    whole: dict[str, Any] = {}
    for part in (*parts, *rest[:1], schema):
        properties = {**whole.get("properties", {})}
        for name, member in part.get("properties", {}).items():
            properties[name] = {**properties.get(name, {}), **member}
        required = [*whole.get("required", ()), *part.get("required", ())]
        whole = {**whole, **part, "properties": properties, "required": list(dict.fromkeys(required))}
    return {**whole, "type": [*types_of(whole), "null"]} if is_nullable else whole


def types_of(schema: Mapping[str, Any]) -> list[str]:
    """Return the types that a schema allows; none where it says nothing."""
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def is_nullable(schema: Mapping[str, Any]) -> bool:
    """May the value be null?"""
    return "null" in types_of(merged(schema))


_FORMATS = FormatChecker(["email", "uuid"])


@_FORMATS.checks("date-time")
def _is_moment(text: object) -> bool:
    """Is this a time with an offset? The library would need another one to tell."""
    return not isinstance(text, str) or re.fullmatch(r"[\d-]+T[\d:.]+(Z|[+-]\d\d:\d\d)", text) is not None


def violations(schema: Mapping[str, Any], value: Any) -> list[str]:
    """Say how a value fails a schema, formats included."""
    checker = Draft202012Validator(schema, format_checker=_FORMATS)
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(value)]


def snake(name: str) -> str:
    """Spell a name of the wire as Python does; written here anew, so that the product's own way is tested."""
    return re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", name)
