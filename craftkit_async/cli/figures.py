"""The figures of a batch, for people and for programs: no row's data, no document's address."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from craftkit_async.batch.figures.report import BatchReport, Durations
from craftkit_async.cli.progress import write_counts, write_seconds
from craftkit_async.cli.terminal import say_aside, show_table

# More than these are in the report.
_FAILURES_SHOWN: Final = 10


def show_report(report: BatchReport) -> None:
    """Print what was done, and the first failures beside it."""
    for failure in sorted(report.failures, key=lambda failure: failure.index)[:_FAILURES_SHOWN]:
        where = f" (render {failure.render_id})" if failure.render_id else ""
        say_aside(f"row {failure.index + 1} failed: {failure.code}{where}")
    show_table(("", ""), _lines(report))


def describe_report(report: BatchReport) -> Mapping[str, Any]:
    """Write all of it for programs."""
    plain = attrs.asdict(report, recurse=True)
    return plain | {"throughput": report.throughput, "webhook_share": report.webhook_share}


def _lines(report: BatchReport) -> Iterator[tuple[str, str]]:
    yield "rows", f"{report.rows:,}"
    yield "succeeded", f"{report.succeeded:,}"
    yield "failed", f"{report.failed:,} ({write_counts(report.by_error)})" if report.failed else "0"
    yield "saved", f"{report.saved:,}"
    yield "results by", write_counts(report.by_source) or "-"
    yield "elapsed", f"{write_seconds(report.elapsed)}, {report.throughput:,.1f} rows a second"
    yield "rendering", write_durations(report.render_seconds)
    yield "known after", write_durations(report.detection_seconds)
    yield "retries", f"{report.retries:,}, and {report.throttled:,} rate limited"


def write_durations(durations: Durations) -> str:
    """Write the median and the tail of a distribution."""
    if not durations.count:
        return "-"
    return f"{durations.p50:.2f} s for half, {durations.p99:.2f} s for 99 %"
