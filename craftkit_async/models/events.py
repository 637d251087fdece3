"""Events: what a webhook brings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from craftkit_async.models.renders import Render
from craftkit_async.models.signatures import SignatureRecipient, SignatureStatus
from craftkit_async.models.value import Value, model


@model
class Webhook(Value):
    """The base of all events: the name of the event, and the whole body in wire names."""

    event: str
    raw: Mapping[str, Any] = attrs.field(repr=False)
    project: str | None = attrs.field(default=None, kw_only=True)
    """The project whose secret fitted. The inbox sets it; nothing in the body does."""


@model
class RenderSucceeded(Webhook):
    """A render ended with a document."""

    render: Render
    template_id: str | None = None


@model
class RenderFailed(Webhook):
    """A render ended without a document."""

    render: Render
    template_id: str | None = None


@model
class SignatureEvent(Webhook):
    """Something happened to a request to sign; only the two ids are sure to be there."""

    signature_request_id: str
    render_id: str
    status: SignatureStatus | str = ""
    """The status of the whole request, which one recipient's signature leaves as it was."""
    name: str | None = None
    recipients: tuple[SignatureRecipient, ...] = ()
    """No page confirms their members: recipients of another shape are in `raw` only."""
    reason: str | None = None


@model
class FormSubmitted(Webhook):
    """Somebody submitted a form; without a `render_id` nothing is rendered, and this is the only copy of the data."""

    session_id: str
    template_slug: str
    template_version: int
    data: Mapping[str, Any] = attrs.field(repr=False)
    """Merged and coerced: can be sent to be rendered as it is."""
    submitted_at: datetime
    render_id: str | None = None


@model
class UnknownEvent(Webhook):
    """A genuine event that this version does not know."""
