"""What is to be printed: one template's manifest with the data for it."""

from collections.abc import Mapping
from typing import Any, Literal

import attrs

# The three pipelines of the service: only `canvas` draws loops, only `document` leaves images out.
Pipeline = Literal["canvas", "document", "overlay"]


@attrs.frozen
class Document:
    """Everything a page needs; `data` is validated, coerced and stripped to the manifest already."""

    name: str
    manifest: Mapping[str, Any]
    data: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    options: Mapping[str, Any] = attrs.field(factory=dict)
    watermark: bool = False
    images: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)
    pipeline: Pipeline = "canvas"


def choose_pipeline(content: Mapping[str, Any] | None, template_type: str | None = None) -> Pipeline:
    """Choose the pipeline of a published layout: overlays first, then anything with pages, else the canvas."""
    if template_type == "pdf-overlay":
        return "overlay"
    return "document" if content and isinstance(content.get("pages"), list) else "canvas"
