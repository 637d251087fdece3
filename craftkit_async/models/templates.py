"""Templates: what can be rendered, and the manifest that says which data each wants."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from craftkit_async.models.value import Value, model


@model
class Variable(Value):
    """One value that a template takes, found in the data at the dot path `key`."""

    key: str
    label: str | None = None
    data_type: str | None = None
    """text, longtext, number, currency, date, datetime, boolean, image, url or email; others may come."""
    required: bool = False
    format: str | None = None
    """A display hint such as `currency:EUR` or `date:DD/MM/YYYY`."""
    description: str | None = None
    preview_data: str | float | bool | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)
    """Members this version does not know, in wire names; written back as they came."""


@model
class Loop(Value):
    """One table that a template takes: an array of objects at the top level of the data under `key`."""

    key: str
    label: str | None = None
    item_fields: tuple[Variable, ...] = ()
    preview_data: tuple[Mapping[str, Any], ...] | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@model
class Manifest(Value):
    """What a template version takes as data."""

    variables: tuple[Variable, ...] = ()
    loops: tuple[Loop, ...] = ()
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@model
class TemplateSummary(Value):
    """A template as listed."""

    id: str
    name: str
    slug: str
    published: bool
    created_at: datetime
    updated_at: datetime
    template_type: str | None = None
    current_version_number: int | None = None


@model
class Template(Value):
    """A template with its published manifest; `manifest` is None while nothing is published."""

    id: str
    name: str
    slug: str
    published: bool
    created_at: datetime
    updated_at: datetime
    template_type: str | None = None
    current_version_number: int | None = None
    description: str | None = None
    manifest: Manifest | None = None
    json_schema: Mapping[str, Any] | None = None
    """Draft-07 JSON Schema of the data."""


@model
class TemplatePublished(Value):
    """The version that a create or a put left current."""

    id: str
    slug: str
    current_version_number: int
    manifest: Manifest


@model
class TemplateDeleted(Value):
    """A deleted template; `id` and `deleted_at` are None if only a resend learned that it is gone."""

    slug: str
    id: str | None = None
    deleted_at: datetime | None = None
