"""The report of a batch: what became of its rows, in figures without personal data."""

from collections.abc import Mapping

import attrs

from craftkit_async.models.value import Value


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Durations(Value):
    """How long something took, in seconds; percentiles are right to 2.5 %."""

    count: int = 0
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    most: float = 0.0
    histogram: tuple[tuple[float, int], ...] = ()
    """Upper bounds, each twice the one before, and how many durations are in each step."""


@attrs.frozen(eq=False, repr=False)
class FailedRow(Value):
    """A row that ended in an error: the fields that contain no personal data."""

    index: int
    template: str | None
    render_id: str | None
    code: str


@attrs.frozen(eq=False, repr=False, kw_only=True)
class BatchReport(Value):
    """What a batch has done so far."""

    rows: int = 0
    """Rows with an outcome."""
    in_flight: int = 0
    """Rows that were begun and have none yet."""
    succeeded: int = 0
    failed: int = 0
    saved: int = 0
    """Rows whose document is in `download_to`, those of earlier runs included."""
    by_error: Mapping[str, int] = attrs.field(factory=dict)
    """Failed rows by the service's code or status, or else by the class of the error."""
    by_source: Mapping[str, int] = attrs.field(factory=dict)
    """Results by who brought them: webhook, poll, replay, relay or journal."""
    elapsed: float = 0.0
    row_seconds: Durations = attrs.field(factory=Durations)
    """From the start of a row to its outcome, waiting for slots and the download included."""
    render_seconds: Durations = attrs.field(factory=Durations)
    """What the service took, as it says itself."""
    detection_seconds: Durations = attrs.field(factory=Durations)
    """From the completion of a render to its detection here."""
    retries: int = 0
    """Requests that the client retried during the batch, for this batch or anything else."""
    throttled: int = 0
    """Rate-limit rejections that the client waited out during the batch."""
    failures: tuple[FailedRow, ...] = ()
    """The first thousand failed rows."""

    @property
    def throughput(self) -> float:
        """Outcomes per second."""
        return self.rows / self.elapsed if self.elapsed else 0.0

    @property
    def webhook_share(self) -> float:
        """Share of the webhooks in what webhooks and polls brought together."""
        webhook, poll = (self.by_source.get(source, 0) for source in ("webhook", "poll"))
        return webhook / (webhook + poll) if webhook + poll else 0.0

    def to_html(self, title: str = "Batch report") -> str:
        """Write the report as one page that needs nothing from anywhere."""
        from craftkit_async.batch.figures.html import to_html  # noqa: PLC0415 - most batches never want it

        return to_html(self, title)
