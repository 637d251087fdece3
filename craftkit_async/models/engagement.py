"""Engagement: who viewed, downloaded or printed a document."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from craftkit_async.models.value import Value, model


@model
class EventRecorded(Value):
    """Whether an event was stored; False when it repeated one of the last five minutes."""

    recorded: bool


@model
class EngagementCounts(Value):
    """How often each kind of event happened."""

    viewed: int
    downloaded: int
    printed: int
    email_opened: int
    email_sent: int
    share_created: int
    share_revoked: int


@model
class EngagementEvent(Value):
    """One event; `event_type` and `actor_kind` are open sets."""

    id: str
    event_type: str
    actor_kind: str
    created_at: datetime
    share_id: str | None = None
    source_ip: str | None = attrs.field(default=None, repr=False)
    user_agent: str | None = attrs.field(default=None, repr=False)
    metadata: Mapping[str, Any] | None = attrs.field(default=None, repr=False)


@model
class Engagement(Value):
    """Totals, and the latest events, 25 at most."""

    counts: EngagementCounts
    link_opens: int
    """Views that came through a share."""
    total: int
    recent: tuple[EngagementEvent, ...]
