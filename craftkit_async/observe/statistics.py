"""Statistics: what a client has done so far, and what it is doing now."""

import attrs

from craftkit_async.models.value import Value


@attrs.define(kw_only=True, eq=False, repr=False)
class Statistics(Value):
    """Counts since the client was made, and the gauges of this moment; shared by a client and its children."""

    pending: int = 0
    """Renders somebody waits for."""
    in_flight: int = 0
    """Requests that hold a place now, waiting out a rejection included."""
    waiting_for_place: int = 0
    window: int = 0
    """Requests that may be in flight now."""
    mailbox: int = 0
    """Deliveries kept for a submit that is not answered yet."""
    submitted: int = 0
    replayed: int = 0
    """Submits that the service answered with a render it already had."""
    completed_by_webhook: int = 0
    completed_by_poll: int = 0
    completed_by_relay: int = 0
    failed: int = 0
    """Renders that ended without success."""
    timed_out: int = 0
    """Waits that ended before their render did."""
    polls: int = 0
    retries: int = 0
    throttled: int = 0
    """Rejections because of the rate, each waited out."""
    deliveries: int = 0
    duplicates: int = 0
    refused: int = 0
    """Deliveries that were not to be trusted or not readable."""
    handler_failures: int = 0
    downloads: int = 0
