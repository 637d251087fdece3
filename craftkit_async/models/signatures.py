"""Signatures: requests to sign a finished render."""

from datetime import datetime
from enum import StrEnum

import attrs

from craftkit_async.models.value import Value, model


class SignatureStatus(StrEnum):
    """The statuses that are published; one old page knows `signed` as well, which stays its text."""

    SENT = "sent"
    VIEWED = "viewed"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


@model
class Recipient(Value):
    """Somebody who is asked to sign; if one has an `order`, the orders of all must be exactly 1..N."""

    first_name: str
    email: str = attrs.field(repr=False)
    last_name: str | None = None
    designation: str | None = None
    order: int | None = None


@model
class AnchorTag(Value):
    """A field that is placed at a text found in the PDF; `recipient_index` counts from zero."""

    anchor_string: str
    type: str = "signature"
    recipient_index: int = 0
    required: bool | None = None


@model
class SignatureRecipient(Value):
    """Somebody who was asked to sign, and what came of it."""

    id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = attrs.field(default=None, repr=False)
    designation: str | None = None
    order: int | None = None
    signed_at: datetime | None = None
    declined_at: datetime | None = None


@model
class SignatureRequest(Value):
    """A request to sign; the two addresses are None until the signed file is archived."""

    id: str
    render_id: str | None
    name: str | None
    status: SignatureStatus | str | None
    created_at: datetime | None
    recipients: tuple[SignatureRecipient, ...]
    """Can be empty in a listing and after a cancel."""
    expiration_hours: float | None = None
    signed_download_url: str | None = attrs.field(default=None, repr=False)
    certificate_url: str | None = attrs.field(default=None, repr=False)
    error_message: str | None = None
    """Holds the reason after a cancel."""
    completed_at: datetime | None = None


@model
class SignaturePage(Value):
    """One page of a listing; only `has_more` says whether another may follow."""

    signatures: tuple[SignatureRequest, ...]
    has_more: bool
    next_cursor: str | None = None
    """A creation time, kept as text so that it is sent back exactly as it came."""
