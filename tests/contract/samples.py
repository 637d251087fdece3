"""Values made after a schema, so that no member of it can be forgotten."""

import re
from collections.abc import Mapping
from typing import Any

from tests.contract.document import merged, types_of

_BY_FORMAT = {
    "uuid": "01948f2e-7c10-7d3a-9b52-4f1f0c6a2e11",
    "email": "mira@example.com",
    "uri": "https://example.com/place",
    "date-time": "2026-06-05T10:00:00.000Z",
}

_BY_PATTERN = ("delivery-note", "items", "customer.name")

# Without blanks, since some of these texts are tokens.
_TEXT = "some-text"


def sample(schema: Mapping[str, Any], *, full: bool) -> Any:
    """Make a value with every member that the schema names, or with the required ones only."""
    schema = merged(schema)
    kind = next((name for name in types_of(schema) if name != "null"), "string")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object":
        return _object(schema, full=full)
    if kind == "array":
        return [sample(schema["items"], full=full)] if full or schema.get("minItems") else []
    if kind == "string":
        return _text(schema)
    return True if kind == "boolean" else schema.get("minimum", 1)


def _object(schema: Mapping[str, Any], *, full: bool) -> dict[str, Any]:
    if not schema["properties"] and full:
        values = schema.get("additionalProperties")
        return {"anything": sample(values, full=full) if isinstance(values, dict) else {"at": ["all", 1, None]}}
    wanted = schema["properties"] if full else schema["required"]
    return {name: sample(schema["properties"][name], full=full) for name in wanted}


def _text(schema: Mapping[str, Any]) -> str:
    if "pattern" in schema:
        return next(text for text in _BY_PATTERN if re.search(schema["pattern"], text))
    return _BY_FORMAT.get(schema.get("format", ""), _TEXT)


def wrong(schema: Mapping[str, Any]) -> list[Any]:
    """Return values of types that the schema does not allow; none where it allows everything."""
    types = types_of(merged(schema))
    allowed = {*types, "integer"} if "number" in types else {*types}
    others = {"string": "x", "integer": 7, "boolean": True, "array": [], "object": {}, "null": None}
    return [value for kind, value in others.items() if types and kind not in allowed]
