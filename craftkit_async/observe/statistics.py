"""Statistics: what a client has done so far, and what it is doing now."""

import attrs

from craftkit_async.models.value import Value


@attrs.define(kw_only=True, eq=False, repr=False)
class Statistics(Value):
    """Counts since the client was made, and the gauges of this moment; shared by a client and its children."""

    pending: int = 0
    """Renders somebody waits for."""
    in_flight: int = 0
    """Requests that hold a slot now, waiting out a rejection included."""
    waiting_for_slot: int = 0
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
    """Renders that finished without success."""
    timed_out: int = 0
    """Waits that ended before their render finished."""
    polls: int = 0
    retries: int = 0
    throttled: int = 0
    """Rejections because of the rate, each waited out."""
    deliveries: int = 0
    duplicates: int = 0
    refused: int = 0
    """Deliveries that were not to be trusted or not readable."""
    handler_failures: int = 0
    """Handlers that raised, took too long, or were dropped when the client closed."""
    downloads: int = 0
    relay_failures: int = 0
    """Uses of the relay that failed or took too long."""
    relay_refused: int = 0
    """Records of the relay about renders that are waited for here which did not belong to their project or their id."""
    busy: int = 0
    """Deliveries that another process was at work on when they came in here."""
