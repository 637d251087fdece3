"""Convert a manifest to the draft-07 JSON Schema of its data."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from craftkit_async.emulator.manifests.binding import MAX_ROWS

_TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {"type": "string"},
    "longtext": {"type": "string"},
    "number": {"type": "number"},
    "currency": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "email": {"type": "string", "format": "email"},
    "image": {"type": "string", "format": "uri", "pattern": "^https?://"},
    "url": {"type": "string", "format": "uri", "pattern": "^https?://"},
}


def to_json_schema(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a manifest to a JSON Schema."""
    schema = _describe_object(manifest.get("variables") or ())
    for loop in manifest.get("loops") or ():
        rows = {"type": "array", "maxItems": MAX_ROWS, "items": _describe_object(loop.get("itemFields") or ())}
        schema["properties"][loop["key"]] = _entitle(rows, loop)
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema}


def _describe_object(definitions: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    for definition in definitions:
        _add_property(schema, definition["key"].split("."), definition)
    return schema


def _add_property(schema: dict[str, Any], path: list[str], definition: Mapping[str, Any]) -> None:
    for part in path[:-1]:
        _mark_required(schema, part, definition)
        inner = schema["properties"].get(part)
        if not inner or "properties" not in inner:
            inner = schema["properties"][part] = {"type": "object", "properties": {}}
        schema = inner
    _mark_required(schema, path[-1], definition)
    described = dict(_TYPES.get(definition.get("dataType") or "text", _TYPES["text"]))
    schema["properties"][path[-1]] = _entitle(described, definition)


def _mark_required(schema: dict[str, Any], name: str, definition: Mapping[str, Any]) -> None:
    if definition.get("required") and name not in schema.setdefault("required", []):
        schema["required"].append(name)


def _entitle(schema: dict[str, Any], definition: Mapping[str, Any]) -> dict[str, Any]:
    named = {"title": definition.get("label"), "description": definition.get("description")}
    return schema | {name: text for name, text in named.items() if isinstance(text, str)}
