"""The input of the typesetter: a template's manifest and the data for it."""

from collections.abc import Mapping
from typing import Any, Literal

import attrs

# The service's three pipelines: only `canvas` draws loops, only `document` omits images.
Pipeline = Literal["canvas", "document", "overlay"]


@attrs.frozen
class Document:
    """One document to compile; `data` has been validated, coerced and stripped to the manifest."""

    name: str
    manifest: Mapping[str, Any]
    data: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    options: Mapping[str, Any] = attrs.field(factory=dict)
    watermark: bool = False
    images: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)
    pipeline: Pipeline = "canvas"


def choose_pipeline(content: Mapping[str, Any] | None, template_type: str | None = None) -> Pipeline:
    """Choose the pipeline of a published layout: `overlay` by type, `document` if it has pages, else `canvas`."""
    if template_type == "pdf-overlay":
        return "overlay"
    return "document" if content and isinstance(content.get("pages"), list) else "canvas"
