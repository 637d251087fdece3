"""The asyncio SDK for Craftkit: render PDF documents from templates, many at a time."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

from craftkit_async._io.capture import CapturedResponse, capture_responses
from craftkit_async._io.transport import Reply, Transport
from craftkit_async._sansio.calls.call import OMITTED
from craftkit_async._sansio.calls.idempotency import derive_key
from craftkit_async._sansio.calls.request import Request
from craftkit_async._version import __version__
from craftkit_async.client import Craftkit, CraftkitAccount, CraftkitAdmin
from craftkit_async.errors import (
    ApiError,
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    ConflictError,
    CraftkitError,
    DecodeError,
    DeliveryError,
    DeliveryTooLargeError,
    DownloadError,
    ForbiddenError,
    InvalidDataError,
    InvalidRequestError,
    JournalError,
    MalformedDeliveryError,
    MissingExtraError,
    NotFoundError,
    PaymentRequiredError,
    RateLimitedError,
    RelayError,
    RenderFailedError,
    ServerError,
    SignatureError,
    StaleDeliveryError,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)
from craftkit_async.models.health import Health, HealthChecks, Liveness
from craftkit_async.models.issues import Issue
from craftkit_async.models.open_object import OpenObject
from craftkit_async.models.renders import Render, RenderStatus
from craftkit_async.models.templates import (
    Loop,
    Manifest,
    Template,
    TemplateDeleted,
    TemplatePublished,
    TemplateSummary,
    Variable,
)
from craftkit_async.observe.observers import Observer
from craftkit_async.observe.statistics import Statistics
from craftkit_async.options import Limits, PollPolicy, RetryPolicy, Timeouts

if _TYPE_CHECKING:
    from craftkit_async._sansio.calls.render_request import RenderRequest
    from craftkit_async.batch.batch import Batch
    from craftkit_async.batch.figures.report import BatchReport
    from craftkit_async.batch.rows.requests import Outcome
    from craftkit_async.models.embed import (
        BuilderTemplate,
        CatalogField,
        CatalogLoop,
        CatalogNamespace,
        CatalogPublished,
        CatalogRef,
        EmbedActor,
        EmbedForm,
        EmbedLimits,
        EmbedPermissions,
        EmbedScope,
        EmbedSession,
        EmbedTenant,
        UploadedImage,
        VariableCatalog,
    )
    from craftkit_async.models.engagement import Engagement, EngagementCounts, EngagementEvent, EventRecorded
    from craftkit_async.models.events import (
        FormSubmitted,
        RenderFailed,
        RenderSucceeded,
        SignatureEvent,
        UnknownEvent,
        Webhook,
    )
    from craftkit_async.models.projects import Project, ProjectDeleted, ProjectKey
    from craftkit_async.models.shares import EmailedRender, Share, ShareRevoked
    from craftkit_async.models.signatures import (
        AnchorTag,
        Recipient,
        SignaturePage,
        SignatureRecipient,
        SignatureRequest,
        SignatureStatus,
    )
    from craftkit_async.observe.events import (
        Abandoned,
        AttemptFailed,
        Completed,
        DeliveryReceived,
        DeliveryRefused,
        Downloaded,
        Event,
        HandlerFailed,
        Polled,
        Retried,
        Submitted,
        Throttled,
        TimedOut,
    )
    from craftkit_async.observe.logs import LoggingObserver
    from craftkit_async.waiting.deliveries import Receipt
    from craftkit_async.waiting.handle import RenderHandle
    from craftkit_async.waiting.inbox import WebhookInbox
    from craftkit_async.waiting.relay import Claim, Relay, SignedRender
    from craftkit_async.webhooks import WebhookVerifier, sign

# The rarer models and the events are imported when they are first asked for: most programs never pay for them.
_LATER = {
    "craftkit_async.batch.batch": ("Batch",),
    "craftkit_async.batch.figures.report": ("BatchReport",),
    "craftkit_async._sansio.calls.render_request": ("RenderRequest",),
    "craftkit_async.batch.rows.requests": ("Outcome",),
    "craftkit_async.observe.events": (
        "Abandoned",
        "AttemptFailed",
        "Completed",
        "DeliveryReceived",
        "DeliveryRefused",
        "Downloaded",
        "Event",
        "HandlerFailed",
        "Polled",
        "Retried",
        "Submitted",
        "Throttled",
        "TimedOut",
    ),
    "craftkit_async.observe.logs": ("LoggingObserver",),
    "craftkit_async.models.embed": (
        "BuilderTemplate",
        "CatalogField",
        "CatalogLoop",
        "CatalogNamespace",
        "CatalogPublished",
        "CatalogRef",
        "EmbedActor",
        "EmbedForm",
        "EmbedLimits",
        "EmbedPermissions",
        "EmbedScope",
        "EmbedSession",
        "EmbedTenant",
        "UploadedImage",
        "VariableCatalog",
    ),
    "craftkit_async.models.engagement": (
        "Engagement",
        "EngagementCounts",
        "EngagementEvent",
        "EventRecorded",
    ),
    "craftkit_async.models.events": (
        "FormSubmitted",
        "RenderFailed",
        "RenderSucceeded",
        "SignatureEvent",
        "UnknownEvent",
        "Webhook",
    ),
    "craftkit_async.models.projects": (
        "Project",
        "ProjectDeleted",
        "ProjectKey",
    ),
    "craftkit_async.models.shares": (
        "EmailedRender",
        "Share",
        "ShareRevoked",
    ),
    "craftkit_async.models.signatures": (
        "AnchorTag",
        "Recipient",
        "SignaturePage",
        "SignatureRecipient",
        "SignatureRequest",
        "SignatureStatus",
    ),
    "craftkit_async.waiting.handle": ("RenderHandle",),
    "craftkit_async.waiting.deliveries": ("Receipt",),
    "craftkit_async.waiting.inbox": ("WebhookInbox",),
    "craftkit_async.waiting.relay": ("Claim", "Relay", "SignedRender"),
    "craftkit_async.webhooks": (
        "WebhookVerifier",
        "sign",
    ),
}

__all__ = [
    "OMITTED",
    "Abandoned",
    "AnchorTag",
    "ApiError",
    "AttemptFailed",
    "AuthenticationError",
    "Batch",
    "BatchReport",
    "BuilderTemplate",
    "CapturedResponse",
    "CatalogField",
    "CatalogLoop",
    "CatalogNamespace",
    "CatalogPublished",
    "CatalogRef",
    "Claim",
    "ClientStateError",
    "Completed",
    "ConfigurationError",
    "ConflictError",
    "Craftkit",
    "CraftkitAccount",
    "CraftkitAdmin",
    "CraftkitError",
    "DecodeError",
    "DeliveryError",
    "DeliveryReceived",
    "DeliveryRefused",
    "DeliveryTooLargeError",
    "DownloadError",
    "Downloaded",
    "EmailedRender",
    "EmbedActor",
    "EmbedForm",
    "EmbedLimits",
    "EmbedPermissions",
    "EmbedScope",
    "EmbedSession",
    "EmbedTenant",
    "Engagement",
    "EngagementCounts",
    "EngagementEvent",
    "Event",
    "EventRecorded",
    "ForbiddenError",
    "FormSubmitted",
    "HandlerFailed",
    "Health",
    "HealthChecks",
    "InvalidDataError",
    "InvalidRequestError",
    "Issue",
    "JournalError",
    "Limits",
    "Liveness",
    "LoggingObserver",
    "Loop",
    "MalformedDeliveryError",
    "Manifest",
    "MissingExtraError",
    "NotFoundError",
    "Observer",
    "OpenObject",
    "Outcome",
    "PaymentRequiredError",
    "PollPolicy",
    "Polled",
    "Project",
    "ProjectDeleted",
    "ProjectKey",
    "RateLimitedError",
    "Receipt",
    "Recipient",
    "Relay",
    "RelayError",
    "Render",
    "RenderFailed",
    "RenderFailedError",
    "RenderHandle",
    "RenderRequest",
    "RenderStatus",
    "RenderSucceeded",
    "Reply",
    "Request",
    "Retried",
    "RetryPolicy",
    "ServerError",
    "Share",
    "ShareRevoked",
    "SignatureError",
    "SignatureEvent",
    "SignaturePage",
    "SignatureRecipient",
    "SignatureRequest",
    "SignatureStatus",
    "SignedRender",
    "StaleDeliveryError",
    "Statistics",
    "Submitted",
    "Template",
    "TemplateDeleted",
    "TemplatePublished",
    "TemplateSummary",
    "Throttled",
    "TimedOut",
    "Timeouts",
    "Transport",
    "TransportError",
    "TransportTimeoutError",
    "UnknownEvent",
    "UploadedImage",
    "Variable",
    "VariableCatalog",
    "WaitTimeoutError",
    "Webhook",
    "WebhookInbox",
    "WebhookVerifier",
    "__version__",
    "capture_responses",
    "derive_key",
    "sign",
]


def __getattr__(name: str) -> _Any:
    for module, names in _LATER.items():
        if name in names:
            return getattr(_import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
