"""Embed: sessions, catalogs and templates of the embedded builder and form."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs


@attrs.frozen
class EmbedTenant:
    """The customer of yours on whose behalf a session runs; created or updated on each mint."""

    external_id: str
    display_name: str
    branding: Mapping[str, Any] | None = None


@attrs.frozen
class EmbedActor:
    """The person who uses the session."""

    external_id: str
    display_name: str | None = None
    email: str | None = attrs.field(default=None, repr=False)
    avatar_url: str | None = None


@attrs.frozen
class EmbedScope:
    """What a session is for: edit (the default), create, view or fill."""

    mode: str | None = None
    template_external_id: str | None = None
    """A fill session needs a template whose external id is a UUID."""


@attrs.frozen
class EmbedPermissions:
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


@attrs.frozen
class EmbedForm:
    """Settings of a fill session; `capture_mode="collect"` renders nothing and sends `form.submitted`."""

    prefill: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    show_preview: bool | None = None
    show_document_after_submit: bool | None = None
    redirect_url: str | None = None
    capture_mode: str | None = None


@attrs.frozen
class EmbedLimits:
    """Caps of a session; the service suggests 10 publishes, 200 drafts and 5 MiB of uploads."""

    max_publishes: int | None = None
    max_save_drafts: int | None = None
    max_uploads_bytes: int | None = None


@attrs.frozen
class CatalogRef:
    """A published catalog; the current version when none is named."""

    name: str
    version: int | None = None


@attrs.frozen
class CatalogField:
    """One variable on offer in the builder; `required` is a hint that the service does not enforce."""

    key: str
    label: str
    data_type: str
    required: bool | None = None
    format: str | None = None
    description: str | None = None
    preview_data: str | float | bool | None = None


@attrs.frozen
class CatalogNamespace:
    """A group of variables on offer."""

    key: str
    label: str
    fields: tuple[CatalogField, ...]
    icon: str | None = None


@attrs.frozen
class CatalogLoop:
    """A table on offer."""

    key: str
    label: str
    item_fields: tuple[CatalogField, ...]
    preview_data: tuple[Mapping[str, Any], ...] | None = None


@attrs.frozen
class VariableCatalog:
    """All that the builder offers to a person who designs a template."""

    namespaces: tuple[CatalogNamespace, ...] = ()
    loops: tuple[CatalogLoop, ...] = ()
    allow_custom: bool | None = None


@attrs.frozen
class EmbedSession:
    """A session for the browser; `renew_token` works once, and `expires_at` is the only lifetime to go by."""

    session_id: str
    session_token: str = attrs.field(repr=False)
    iframe_url: str = attrs.field(repr=False)
    expires_at: datetime
    renew_token: str = attrs.field(repr=False)


@attrs.frozen
class CatalogPublished:
    """The version that a publish made current."""

    id: str
    name: str
    version: int


@attrs.frozen
class BuilderTemplate:
    """A template as listed for an embedding host."""

    id: str
    name: str
    slug: str
    created_at: datetime
    updated_at: datetime
    category: str | None = None


@attrs.frozen
class UploadedImage:
    """Where an uploaded image now lies, for everybody to see."""

    url: str
