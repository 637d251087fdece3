"""Projects: what an account key manages."""

from datetime import datetime

import attrs

from craftkit_async.models.value import Value, model


@model
class Project(Value):
    """A project; a create leaves the two times out."""

    id: str
    slug: str
    name: str
    created_at: datetime | None = None
    updated_at: datetime | None = None


@model
class ProjectDeleted(Value):
    """A deleted project, whose keys have stopped working."""

    id: str
    deleted: bool


@model
class ProjectKey(Value):
    """A new key; `key` is shown in this reply only, so store it now."""

    id: str
    project_id: str
    name: str
    prefix: str
    """Start of the key; safe to show."""
    key: str = attrs.field(repr=False)
    created_at: datetime
