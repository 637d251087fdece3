"""Embed: sessions, catalogs and templates of the embedded builder and form."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from craftkit_async.models.value import Value, model


@model
class EmbedTenant(Value):
    """The customer of yours on whose behalf a session runs; created or updated on each mint."""

    external_id: str
    display_name: str
    branding: Mapping[str, Any] | None = None


@model
class EmbedActor(Value):
    """The person who uses the session."""

    external_id: str
    display_name: str | None = None
    email: str | None = attrs.field(default=None, repr=False)
    avatar_url: str | None = None


@model
class EmbedScope(Value):
    """What a session is for: edit (the default), create, view or fill."""

    mode: str | None = None
    template_external_id: str | None = None
    """A fill session needs a template whose external id is a UUID."""


@model
class EmbedPermissions(Value):
    """Rights of a session; what an omitted right defaults to is not published."""

    publish: bool | None = None
    save_draft: bool | None = None
    delete: bool | None = None
    rename: bool | None = None
    rollback: bool | None = None
    create_custom_variables: bool | None = None
    change_page_settings: bool | None = None
    view_version_history: bool | None = None
    submit_form: bool | None = None
    save_form_draft: bool | None = None
    share_document: bool | None = None
    email_document: bool | None = None
    view_engagement: bool | None = None


@model
class EmbedForm(Value):
    """Settings of a fill session; `capture_mode="collect"` renders nothing and sends `form.submitted`."""

    prefill: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    show_preview: bool | None = None
    show_document_after_submit: bool | None = None
    redirect_url: str | None = None
    capture_mode: str | None = None


@model
class EmbedLimits(Value):
    """Caps of a session; the service suggests 10 publishes, 200 drafts and 5 MiB of uploads."""

    max_publishes: int | None = None
    max_save_drafts: int | None = None
    max_uploads_bytes: int | None = None


@model
class CatalogRef(Value):
    """A published catalog; the current version when none is named."""

    name: str
    version: int | None = None


@model
class CatalogField(Value):
    """One variable on offer in the builder; `required` is a hint that the service does not enforce."""

    key: str
    label: str
    data_type: str
    required: bool | None = None
    format: str | None = None
    description: str | None = None
    preview_data: str | float | bool | None = None


@model
class CatalogNamespace(Value):
    """A group of variables on offer."""

    key: str
    label: str
    fields: tuple[CatalogField, ...]
    icon: str | None = None


@model
class CatalogLoop(Value):
    """A table on offer."""

    key: str
    label: str
    item_fields: tuple[CatalogField, ...]
    preview_data: tuple[Mapping[str, Any], ...] | None = None


@model
class VariableCatalog(Value):
    """All that the builder offers to a person who designs a template."""

    namespaces: tuple[CatalogNamespace, ...] = ()
    loops: tuple[CatalogLoop, ...] = ()
    allow_custom: bool | None = None


@model
class EmbedSession(Value):
    """A session for the browser; `renew_token` works once, and `expires_at` is the only lifetime to go by."""

    session_id: str
    session_token: str = attrs.field(repr=False)
    iframe_url: str = attrs.field(repr=False)
    expires_at: datetime | None
    renew_token: str = attrs.field(repr=False)


@model
class CatalogPublished(Value):
    """The version that a publish made current."""

    id: str
    name: str
    version: int


@model
class BuilderTemplate(Value):
    """A template as listed for an embedding host."""

    id: str
    name: str
    slug: str
    created_at: datetime
    updated_at: datetime
    category: str | None = None


@model
class UploadedImage(Value):
    """The public address of an uploaded image."""

    url: str
