"""Tally: counts the outcomes of a batch as they come, in bounded memory."""

from collections import Counter

import attrs

from craftkit_async.batch.figures.percentiles import PercentileSketch
from craftkit_async.batch.figures.report import BatchReport, Durations, FailedRow
from craftkit_async.batch.journal.row_errors import code_of
from craftkit_async.batch.rows.requests import Outcome
from craftkit_async.models.renders import Render
from craftkit_async.observe.statistics import Statistics

# More rows than this are too many for one page; the counts include all of them.
_FAILURES_LISTED = 1000

# An error's code is the service's to choose: past so many different ones, the rest is counted together.
_CODES_COUNTED = 100
_OTHER_CODES = "other"


@attrs.define(eq=False, repr=False)
class Tally:
    """What came of the rows so far."""

    rows: int = 0
    succeeded: int = 0
    saved: int = 0
    errors: Counter[str] = attrs.field(factory=Counter)
    sources: Counter[str] = attrs.field(factory=Counter)
    row_seconds: PercentileSketch = attrs.field(factory=PercentileSketch)
    render_seconds: PercentileSketch = attrs.field(factory=PercentileSketch)
    detection_seconds: PercentileSketch = attrs.field(factory=PercentileSketch)
    failures: list[FailedRow] = attrs.field(factory=list)

    def count(self, outcome: Outcome, seconds: float) -> None:
        """Take in one outcome and how long its row took."""
        self.rows += 1
        self.row_seconds.add(seconds)
        self.saved += outcome.path is not None
        if outcome.source is not None:
            self.sources[outcome.source] += 1
        if outcome.error is None:
            self.succeeded += 1
        else:
            self._count_failure(outcome, code_of(outcome.error))

    def count_render(self, render: Render, seconds: float) -> None:
        """Take in how long a render took, of which `seconds` passed here between its submit and its result."""
        if render.completed_at is None or render.created_at is None:
            return
        # Both times are the service's own and `seconds` is ours, so it does not matter whose clock is right.
        taken = max(0.0, (render.completed_at - render.created_at).total_seconds())
        self.render_seconds.add(taken)
        self.detection_seconds.add(max(0.0, seconds - taken))

    def report(self, elapsed: float, begun: int, before: Statistics, now: Statistics) -> BatchReport:
        """Return the figures of this moment, when so many rows were begun."""
        return BatchReport(
            rows=self.rows,
            in_flight=begun - self.rows,
            succeeded=self.succeeded,
            failed=self.rows - self.succeeded,
            saved=self.saved,
            by_error=dict(self.errors.most_common()),
            by_source=dict(self.sources.most_common()),
            elapsed=elapsed,
            row_seconds=_durations(self.row_seconds),
            render_seconds=_durations(self.render_seconds),
            detection_seconds=_durations(self.detection_seconds),
            retries=now.retries - before.retries,
            throttled=now.throttled - before.throttled,
            failures=tuple(self.failures),
        )

    def _count_failure(self, outcome: Outcome, code: str) -> None:
        known = code in self.errors or len(self.errors) < _CODES_COUNTED
        self.errors[code if known else _OTHER_CODES] += 1
        if len(self.failures) < _FAILURES_LISTED:
            template = outcome.request.template if outcome.request else None
            render_id = outcome.render.id if outcome.render else None
            self.failures.append(FailedRow(outcome.index, template, render_id, code))


def _durations(sketch: PercentileSketch) -> Durations:
    p50, p90, p99 = (sketch.percentile(share) for share in (0.5, 0.9, 0.99))
    return Durations(count=sketch.count, p50=p50, p90=p90, p99=p99, most=sketch.most, histogram=sketch.histogram())
