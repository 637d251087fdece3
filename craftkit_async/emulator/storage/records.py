"""The stored records; every field is plain JSON, and times are milliseconds since 1970."""

from typing import Any

from attrs import define, field

from craftkit_async.emulator.documents import Pipeline


@define
class Project:
    """A project; its keys may use the embed partner routes if `embed` is true."""

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
    """A project key; only its hash is stored."""

    id: str
    project_id: str
    digest: str
    name: str
    prefix: str
    created: int


@define
class Template:
    """A template; it is unpublished while `current_version` is None."""

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
    """An immutable published version of a template."""

    id: str
    template_id: str
    number: int
    manifest: dict[str, Any]
    layout: dict[str, Any] | None = None
    page_config: dict[str, Any] | None = None
    pipeline: Pipeline = "canvas"


@define
class Render:
    """A render; its input data is stored separately, because only the PDF workers read it."""

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
    """An event in the engagement log of a render."""

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
    """An e-mail that the real service would send."""

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
    """A signature request; recipients are stored in the contract's form."""

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
    """An embed session; the renew token is valid once."""

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
    """An image uploaded in a form session; the store has its bytes as a file."""

    id: str
    content_type: str


@define
class Organisation:
    """A provisioned organisation; its API key is encrypted with the admin key."""

    id: str
    project_id: str
    sealed_key: str


@define
class Subscription:
    """A webhook subscription; it receives the events of all projects if `project_id` is None."""

    id: str
    url: str
    secret: str
    events: list[str] = field(factory=list)
    active: bool = True
    project_id: str | None = None


@define
class Delivery:
    """The delivery of one event to one subscriber, with all attempts."""

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
