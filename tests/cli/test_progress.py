"""Progress: what it says, how fast, how long still."""

import pytest

from craftkit_async import BatchReport
from craftkit_async.batch import Durations
from craftkit_async.cli.figures import write_durations
from craftkit_async.cli.progress import RecentRate, describe, write_counts, write_seconds


@pytest.mark.parametrize(
    ("report", "total", "rate", "said"),
    [
        (BatchReport(rows=20, in_flight=5), 1200, 4.0, "20 of 1,200, 4.0/s, 4 min 55 s left, 5 in flight"),
        (BatchReport(rows=20, in_flight=5), None, 4.0, "20 done, 4.0/s, 5 in flight"),
        (BatchReport(rows=0), 10, 0.0, "0 of 10, 0.0/s, 0 in flight"),
        (BatchReport(rows=10), 10, 2.0, "10 of 10, 2.0/s, 0 in flight"),
        # A file that grew since its rows were counted.
        (BatchReport(rows=12), 10, 2.0, "12 of 10, 2.0/s, 0 in flight"),
        (
            BatchReport(rows=9, failed=3, by_error={"a": 1, "b": 2}),
            9,
            1.0,
            "9 of 9, 1.0/s, 0 in flight, 3 failed (b 2, a 1)",
        ),
    ],
)
def test_the_line(report: BatchReport, total: int | None, rate: float, said: str) -> None:
    """Everything there is to know at a glance, and nothing that is not known."""
    assert describe(report, total, rate) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0.0 s"), (3.21, "3.2 s"), (9.96, "10 s"), (59.4, "59 s"), (61, "1 min 01 s"), (3725, "1 h 02 min")],
)
def test_seconds(seconds: float, said: str) -> None:
    """As people say them."""
    assert write_seconds(seconds) == said


def test_counts() -> None:
    """The largest come first, and that there are more is said."""
    counts = {"a": 1, "b": 3, "c": 2}

    assert write_counts(counts) == "b 3, c 2, a 1"
    assert write_counts(counts, 2) == "b 3, c 2, …"
    assert write_counts({}) == ""


def test_the_pace_is_that_of_the_last_seconds() -> None:
    """What a journal gave at once is forgotten."""
    pace = RecentRate()

    assert pace.learn(0.0, 0) == 0.0
    assert pace.learn(1.0, 10_000) == 10_000.0
    assert pace.learn(11.0, 10_020) == pytest.approx(2.0)
    assert pace.learn(30.0, 10_058) == pytest.approx(2.0)


def test_durations() -> None:
    """Of nothing there are none."""
    assert write_durations(Durations()) == "-"
    assert write_durations(Durations(count=2, p50=0.5, p99=1.25)) == "0.50 s for half, 1.25 s for 99 %"
