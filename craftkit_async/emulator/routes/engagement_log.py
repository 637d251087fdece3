"""The engagement log: record events, without duplicates within five minutes."""

from typing import Any, Final

from craftkit_async.emulator.service import Service
from craftkit_async.emulator.storage.identifiers import new_id
from craftkit_async.emulator.storage.records import Engagement

KINDS: Final = ("viewed", "downloaded", "printed", "email_opened", "email_sent", "share_created", "share_revoked")
_WINDOW: Final = 5 * 60 * 1000  # milliseconds
_DEDUPED: Final = frozenset({"viewed", "downloaded", "printed"})


def record(service: Service, render_id: str, kind: str, **extra: Any) -> bool:
    """Record an event, unless it repeats one of the same share and IP address within the window."""
    now = service.clock.now()
    event = Engagement(id=new_id(now), render_id=render_id, kind=kind, created=now, **extra)
    if kind in _DEDUPED and _repeats(service, event):
        return False
    service.state.engagements.put(event)
    return True


def _repeats(service: Service, event: Engagement) -> bool:
    for earlier in reversed(service.state.engagements_of.all(event.render_id)):
        if event.created - earlier.created >= _WINDOW:
            return False
        if (earlier.kind, earlier.share_id, earlier.source) == (event.kind, event.share_id, event.source):
            return True
    return False
