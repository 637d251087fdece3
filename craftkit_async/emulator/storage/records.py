"""What is kept, one class per noun; every field is plain JSON, moments are milliseconds."""

from typing import Any

from attrs import define, field

from craftkit_async.emulator.documents import Pipeline


@define
class Project:
    """A project; `embed` says whether its keys may use the embed partner routes."""

    id: str
    slug: str
    name: str
    created: int
    updated: int
    embed: bool = False
    watermark: bool = False
    email_from: str | None = None
    deleted: int | None = None


@define
class ApiKey:
    """A project key; only its hash is kept."""

    id: str
    project_id: str
    digest: str
    name: str
    prefix: str
    created: int


@define
class Template:
    """A template; unpublished while it has no current version."""

    id: str
    project_id: str
    slug: str
    name: str
    description: str | None
    created: int
    updated: int
    hook_token: str
    hook_secret: str
    hook_enforced: bool = False
    template_type: str = "document"
    current_version: int | None = None
    deleted: int | None = None


@define
class Version:
    """A published version of a template, which never changes."""

    id: str
    template_id: str
    number: int
    manifest: dict[str, Any]
    layout: dict[str, Any] | None = None
    page_config: dict[str, Any] | None = None
    pipeline: Pipeline = "canvas"


@define
class Render:
    """A render; its data is kept apart, because it is not read again."""

    id: str
    project_id: str
    template_id: str
    version_id: str
    created: int
    due: int
    watermark: bool
    status: str = "queued"
    completed: int | None = None
    error: str | None = None
    filename: str | None = None
    idempotency_key: str | None = None
    session_id: str | None = None
    faults: str = ""


@define
class Share:
    """A guest link to a render."""

    id: str
    project_id: str
    render_id: str
    token: str
    channel: str
    created: int
    recipient: str | None = None
    message: str | None = None
    expires: int | None = None
    revoked: int | None = None
    revoked_reason: str | None = None
    clicks: int = 0


@define
class Engagement:
    """Something that happened to a document."""

    id: str
    render_id: str
    kind: str
    actor: str
    created: int
    share_id: str | None = None
    source: str | None = None
    user_agent: str | None = None
    metadata: dict[str, Any] | None = None


@define
class Mail:
    """A mail that a real service would have sent."""

    id: str
    project_id: str
    render_id: str
    sender: str | None
    to: str
    name: str | None
    message: str | None
    share_url: str
    sent: int


@define
class Signature:
    """A signature request; recipients are kept as the contract writes them."""

    id: str
    project_id: str
    render_id: str
    name: str
    recipients: list[dict[str, Any]]
    created: int
    status: str = "sent"
    expiration_hours: int | None = None
    idempotency_key: str | None = None
    completed: int | None = None
    archived: bool = False
    error: str | None = None


@define
class Session:
    """An embed session; the renew token works once."""

    id: str
    project_id: str
    mode: str
    created: int
    expires: int
    renew_token: str
    template_external_id: str | None
    permissions: dict[str, Any]
    tenant: dict[str, Any]
    actor: dict[str, Any]
    scope: dict[str, Any]
    form: dict[str, Any]


@define
class Catalog:
    """One published version of a variable catalog."""

    id: str
    project_id: str
    name: str
    version: int
    catalog: dict[str, Any]


@define
class Upload:
    """An image that a form session uploaded; its bytes are a file of the store."""

    id: str
    content_type: str


@define
class Organisation:
    """A provisioned organisation; the key is sealed under the admin key."""

    id: str
    project_id: str
    sealed_key: str


@define
class Subscription:
    """Where events go; `project_id` None means every project."""

    id: str
    url: str
    secret: str
    events: list[str] = field(factory=list)
    active: bool = True
    project_id: str | None = None


@define
class Delivery:
    """One event for one subscriber, with every attempt made."""

    id: str
    event: str
    url: str
    secret: str
    body: str
    subject: str
    created: int
    next: int
    state: str = "pending"
    forged: bool = False
    attempts: list[dict[str, Any]] = field(factory=list)
    faults: str = ""
