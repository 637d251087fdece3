"""Engagement: record that a document was viewed, and read the totals."""

from collections.abc import Mapping
from typing import Any

from craftkit_async._sansio.calls.arguments import allow, need
from craftkit_async._sansio.calls.call import OMITTED, Operation, TimeoutOption
from craftkit_async.models.engagement import Engagement, EventRecorded
from craftkit_async.resources.resource import Resource

_TRACK = Operation("track_event", "POST", "/v1/renders/{id}/events", EventRecorded)
_GET = Operation("get_engagement", "GET", "/v1/renders/{id}/engagement", Engagement)


class EngagementEvents(Resource):
    """Who viewed a document."""

    __slots__ = ()

    async def track(
        self,
        render_id: str,
        event_type: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> EventRecorded:
        """Note that a document was viewed, downloaded or printed in a viewer of your own.

        All calls of one backend share an address, so a second event of a type within five minutes is dropped.
        """
        need(str, event_type=event_type)
        allow(Mapping, metadata=metadata)
        fields = {"event_type": event_type, "metadata": OMITTED if metadata is None else metadata}
        return await self._send(_TRACK.call(id=render_id).with_body(fields), timeout)

    async def get(self, render_id: str, *, timeout: TimeoutOption = OMITTED) -> Engagement:
        """Read the totals and the latest events."""
        return await self._send(_GET.call(id=render_id), timeout)
