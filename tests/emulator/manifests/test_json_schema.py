"""The JSON Schema of a manifest."""

from typing import Any

import jsonschema

from craftkit_async.emulator.manifests.json_schema import to_json_schema

MANIFEST: dict[str, Any] = {
    "variables": [
        {"key": "customer.name", "label": "Customer", "dataType": "text", "required": True},
        {"key": "customer.email", "dataType": "email", "description": "Where it goes."},
        {"key": "customer", "dataType": "text"},
        {"key": "paid", "dataType": "boolean"},
    ],
    "loops": [
        {"key": "items", "label": "Items", "itemFields": [{"key": "qty", "dataType": "number", "required": True}]}
    ],
}


def test_a_manifest_becomes_draft_7() -> None:
    """What is required on the way to a required value is required, too."""
    manifest = MANIFEST | {"variables": [each for each in MANIFEST["variables"] if each["key"] != "customer"]}
    schema = to_json_schema(manifest)
    good: dict[str, Any] = {"customer": {"name": "Ada"}, "items": [{"qty": 1}]}

    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert jsonschema.Draft7Validator(schema).is_valid(good)
    wrong: list[Any] = [{}, {"customer": {}}, good | {"items": [{}]}, good | {"paid": "yes"}]
    for data in wrong:
        assert not jsonschema.Draft7Validator(schema).is_valid(data)
    assert schema["properties"]["customer"]["properties"]["name"]["title"] == "Customer"
    assert schema["properties"]["customer"]["properties"]["email"]["description"] == "Where it goes."


def test_a_key_inside_another_takes_its_place() -> None:
    """`a` as a text and `a.b` cannot both be described; the later one is."""
    assert to_json_schema({"variables": [{"key": "a"}, {"key": "a.b"}]})["properties"]["a"]["type"] == "object"
    assert to_json_schema(MANIFEST)["properties"]["customer"]["type"] == "string"
