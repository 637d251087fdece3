"""Engagement operations: record events that partners report, and return totals."""

from typing import Any, Final

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.http.answers import Answer
from craftkit_async.emulator.routes.engagement_log import KINDS, record
from craftkit_async.emulator.routes.renders import find_render
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.records import Engagement
from craftkit_async.emulator.storage.times import to_iso

_RECENT: Final = 25


def track_event(service: Service, call: Call) -> Answer:
    """Record an event in the partner's own viewer."""
    body = call.json()
    render = find_render(service, call)
    recorded = record(
        service,
        render.id,
        body["eventType"],
        actor="partner",
        source=call.source,
        user_agent=call.header("User-Agent"),
        metadata=body.get("metadata"),
    )
    return Answer(200, {"recorded": recorded})


def get_engagement(service: Service, call: Call) -> Answer:
    """Return the totals and the latest events of a render."""
    events = service.state.engagements_of.all(find_render(service, call).id)
    counts = dict.fromkeys(KINDS, 0)
    for event in events:
        counts[event.kind] += 1
    body = {
        "counts": counts,
        "linkOpens": sum(event.kind == "viewed" and event.share_id is not None for event in events),
        "total": len(events),
        "recent": [_describe_event(event) for event in reversed(events[-_RECENT:])],
    }
    return Answer(200, body)


def _describe_event(event: Engagement) -> dict[str, Any]:
    return {
        "id": event.id,
        "eventType": event.kind,
        "actorKind": event.actor,
        "shareId": event.share_id,
        "sourceIp": event.source,
        "userAgent": event.user_agent,
        "metadata": event.metadata,
        "createdAt": to_iso(event.created),
    }


HANDLERS = {"track_event": track_event, "get_engagement": get_engagement}
