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

    id: str | None
    project_id: str | None
    name: str | None
    prefix: str | None
    """Start of the key; safe to show."""
    key: str = attrs.field(repr=False)
    """The one member that is needed; the others are None where the reply has something odd in their place."""
    created_at: datetime | None
