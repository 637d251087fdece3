"""Look up the values of a manifest's keys in the data, and find the images among them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

# An image may be sent inline, as a `text` variable with a `data:` URL.
INLINE_IMAGE = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,", re.IGNORECASE)


def find_value(data: Any, key: str) -> Any:
    """Return the value at a dotted path, or None."""
    for step in key.split("."):
        if not isinstance(data, Mapping):
            return None
        data = data.get(step)
    return data


def find_rows(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return a loop's rows by its literal key: a dot in a loop key is not a path."""
    rows = data.get(key)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def list_fields(manifest: Mapping[str, Any], part: str = "variables") -> list[Mapping[str, Any]]:
    """Return the definitions with a valid key, from the manifest or from one of its loops."""
    listed = manifest.get(part)
    fields = listed if isinstance(listed, list) else []
    return [field for field in fields if isinstance(field, Mapping) and isinstance(field.get("key"), str)]


def is_image(field: Mapping[str, Any], value: Any) -> bool:
    """Return whether a value is an image."""
    if not isinstance(value, str) or not value:
        return False
    return field.get("dataType") == "image" or bool(INLINE_IMAGE.match(value))


def image_values(manifest: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    """Yield every image in a document's data, as a URL or inline."""
    for field in list_fields(manifest):
        value = find_value(data, field["key"])
        if is_image(field, value):
            yield value
    for loop in list_fields(manifest, "loops"):
        fields = list_fields(loop, "itemFields")
        for row in find_rows(data, loop["key"]):
            yield from (value for field in fields if is_image(field, value := find_value(row, field["key"])))


def image_urls(manifest: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """List the image URLs to fetch before compiling a document, without duplicates, in order."""
    wanted = dict.fromkeys(image_values(manifest, data))
    return [value for value in wanted if value.lower().startswith(("http://", "https://"))]
