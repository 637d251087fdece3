"""Shares: guest links to a finished render, and mails that carry one."""

from datetime import datetime

import attrs

from craftkit_async.models.value import Value, model


@model
class Share(Value):
    """A guest link; use `share_url` as it is, its host may be a custom one."""

    id: str
    share_token: str = attrs.field(repr=False)
    share_url: str = attrs.field(repr=False)
    channel: str | None
    created_at: datetime | None
    recipient_email: str | None = attrs.field(default=None, repr=False)
    message: str | None = attrs.field(default=None, repr=False)
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_reason: str | None = None
    click_count: int | None = None


@model
class ShareRevoked(Value):
    """A share whose link stopped working; `revoked_at` is None if only a resend learned that it is gone."""

    id: str
    revoked_at: datetime | None = None


@model
class EmailedRender(Value):
    """A mail that was handed to the provider; `id` is the share that was made for it."""

    id: str
    share_token: str | None = attrs.field(repr=False)
    share_url: str | None = attrs.field(repr=False)
    email_message_id: str | None
    sent_at: datetime | None
