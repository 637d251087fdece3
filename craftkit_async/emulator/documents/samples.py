"""The bundled templates, in the dashboard's format, each with sample data."""

import json
from importlib.resources import files
from typing import Any

SLUGS = ("invoice", "charter-handover", "certificate")


def read_template(slug: str) -> dict[str, Any]:
    """Read one bundled template: slug, name, description, manifest, pageConfig and sampleData."""
    if slug not in SLUGS:
        raise KeyError(slug)
    template: dict[str, Any] = json.loads((files(__package__) / "templates" / f"{slug}.json").read_text("utf-8"))
    return template


def ready_templates() -> list[dict[str, Any]]:
    """Read all bundled templates."""
    return [read_template(slug) for slug in SLUGS]
