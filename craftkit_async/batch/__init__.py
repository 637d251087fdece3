"""Many renders: fan-out, journal and resume, row sources, report."""

from craftkit_async._sansio.calls.render_request import RenderRequest
from craftkit_async.batch.batch import Batch
from craftkit_async.batch.figures.report import BatchReport, Durations, FailedRow
from craftkit_async.batch.rows.requests import BadRow, Outcome
from craftkit_async.batch.rows.sources import read_csv, read_jsonl

__all__ = [
    "BadRow",
    "Batch",
    "BatchReport",
    "Durations",
    "FailedRow",
    "Outcome",
    "RenderRequest",
    "read_csv",
    "read_jsonl",
]
