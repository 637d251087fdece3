"""The fast path: a delivery that says how a render finished, in every point as published.

Nearly all deliveries are such, and most of what reading one costs is the number of steps on the way. So this takes few
steps and builds nothing that is not asked for. It has no rule of its own: what it is not sure of goes to `read_event`,
and a test holds the two together.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from craftkit_async._sansio.calls import codec
from craftkit_async._sansio.webhooks.delivery import NAMED_EVENT, Fields
from craftkit_async.models.events import RenderFailed, RenderSucceeded
from craftkit_async.models.renders import Render, RenderStatus
from craftkit_async.models.value import Value

# The parsed body, and what its render is built of: status, address, reason, the two moments.
Published = tuple[Mapping[str, Any], RenderStatus, str | None, str | None, datetime, datetime | None]


def read_published(body: bytes, fields: Fields) -> Published | None:
    """Read a genuine body, and check all that `read_event` would; None leaves it to that."""
    try:
        document = codec.parse_json(body)
        name, render_id = document["event"], document["renderId"]
        status = _PUBLISHED[name, document["status"]]
        get = document.get
        url, reason = get("downloadUrl"), get("errorMessage")
        template_id, named = get("templateId"), fields.get(NAMED_EVENT)
        if (
            type(render_id) is not str
            or url.__class__ not in _TEXT_OR_NONE
            or reason.__class__ not in _TEXT_OR_NONE
            or template_id.__class__ not in _TEXT_OR_NONE
            or not (named is None or (named.decode() if type(named) is bytes else named) == name)
            or "durationMs" in document
            or "pollUrl" in document
        ):
            return None
        created = _moment(document["createdAt"])
        completed = get("completedAt")
        if completed is not None:
            completed = _moment(completed)
            if completed.tzinfo is None:
                return None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, BytesWarning):
        return None
    return None if created.tzinfo is None else (document, status, url, reason, created, completed)


def published_render(published: Published) -> Render:
    """Build the render."""
    document, status, url, reason, created, completed = published
    # attrs fills in a frozen instance through `object.__setattr__`, which takes three times as long. So the fields are
    # set on a class with the same slots that is not frozen, and the object then changes its class.
    draft: Any = _Draft()
    draft.id = document["renderId"]
    draft.status = status
    draft.download_url = url
    draft.error_message = reason
    draft.created_at = created
    draft.completed_at = completed
    draft.duration_ms = draft.poll_url = None
    draft._has_odd_proof = False  # noqa: SLF001 - filled in as attrs would
    draft.__class__ = Render
    render: Render = draft
    return render


def published_event(published: Published, render: Render, project: str | None) -> RenderSucceeded | RenderFailed:
    """Build the event around its render."""
    document, status = published[:2]
    kind = RenderSucceeded if status == RenderStatus.SUCCEEDED else RenderFailed
    return kind(document["event"], document, render, document.get("templateId"), project=project)


_TEXT_OR_NONE = frozenset({str, type(None)})

_moment = datetime.fromisoformat

_PUBLISHED = {
    ("render.succeeded", "succeeded"): RenderStatus.SUCCEEDED,
    ("render.failed", "failed"): RenderStatus.FAILED,
}


class _Draft(Value):
    """A render that can still be filled in."""

    __slots__ = Render.__slots__
