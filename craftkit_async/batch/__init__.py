"""Many renders: fan-out, journal and resume, row sources, report."""

from craftkit_async.batch.batch import Batch
from craftkit_async.batch.report import BatchReport, Durations, FailedRow
from craftkit_async.batch.requests import BadRow, Outcome, RenderRequest
from craftkit_async.batch.sources import read_csv, read_jsonl

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
