"""Progress: one line on how a batch is getting on, which a terminal keeps up to date and a pipe gets now and then."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from craftkit_async.batch.figures.report import BatchReport
from craftkit_async.cli.terminal import is_terminal, say_aside

# Often enough to get_report alive; each costs about a millisecond.
_SECONDS_BETWEEN_FRAMES: Final = 0.1

# Seldom enough for a log.
_SECONDS_BETWEEN_LINES: Final = 5.0

# What is resumed from a journal comes at once, and must not count for long.
_SECONDS_REMEMBERED: Final = 10.0

# More codes than these make no line.
_CODES_SHOWN: Final = 3

# Below this, a tenth of a second says something.
_FEW_SECONDS: Final = 9.95

_BAR_WIDTH: Final = 60


class RecentRate:
    """How many rows a second there were lately."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(0.0, 0)])

    def learn(self, elapsed: float, rows: int) -> float:
        """Take in how far it is, and return the rate."""
        while len(self._seen) > 1 and self._seen[0][0] < elapsed - _SECONDS_REMEMBERED:
            self._seen.popleft()
        then, before = self._seen[0]
        self._seen.append((elapsed, rows))
        return (rows - before) / (elapsed - then) if elapsed > then else 0.0


def describe(report: BatchReport, total: int | None, rate: float) -> str:
    """Describe progress: rows done, rate, time left, rows in flight and failures."""
    parts = [f"{report.rows:,} of {total:,}" if total is not None else f"{report.rows:,} done"]
    parts.append(f"{rate:,.1f}/s")
    left = 0 if total is None else max(0, total - report.rows)
    if left and rate:
        parts.append(f"{write_seconds(left / rate)} left")
    parts.append(f"{report.in_flight:,} in flight")
    if report.failed:
        parts.append(f"{report.failed:,} failed ({write_counts(report.by_error, _CODES_SHOWN)})")
    return ", ".join(parts)


def write_seconds(seconds: float) -> str:
    """Write a time as people say it."""
    if seconds < _FEW_SECONDS:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def write_counts(counts: Mapping[str, int], most: int | None = None) -> str:
    """Write the largest counts with their names."""
    largest = sorted(counts.items(), key=lambda item: -item[1])
    shown = [f"{name} {count:,}" for name, count in largest[:most]]
    return ", ".join([*shown, "…"] if len(shown) < len(largest) else shown)


class Display(Protocol):
    """Shows reports."""

    seconds_between: float

    def show(self, report: BatchReport) -> None:
        """Show how far it is."""
        ...


class _Lines:
    """For a log: a line now and then."""

    seconds_between = _SECONDS_BETWEEN_LINES

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._rate = RecentRate()

    def show(self, report: BatchReport) -> None:
        say_aside(describe(report, self._total, self._rate.learn(report.elapsed, report.rows)))


class _Screen:
    """For people: a bar, and the same line below it."""

    seconds_between = _SECONDS_BETWEEN_FRAMES

    def __init__(self, total: int | None, live: Live) -> None:
        self._total = total
        self._live = live
        self._rate = RecentRate()

    def show(self, report: BatchReport) -> None:
        line = Text(describe(report, self._total, self._rate.learn(report.elapsed, report.rows)))
        self._live.update(line if self._total is None else _stack(self._total, report.rows, line), refresh=True)


def _stack(total: int, done: int, line: Text) -> Table:
    """Put a bar above the line; of nothing, all is done."""
    stack = Table.grid()
    stack.add_row(
        ProgressBar(
            max(1, total), done if total else 1, width=_BAR_WIDTH, complete_style="green", finished_style="green"
        )
    )
    stack.add_row(line)
    return stack


@asynccontextmanager
async def showing(get_report: Callable[[], BatchReport], total: int | None) -> AsyncIterator[None]:
    """Show how a batch is getting on for as long as the block runs, and how it ended."""
    with _open_display(total) as display:
        ticking = asyncio.get_running_loop().create_task(_tick(display, get_report))
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.wait([ticking])
            display.show(get_report())


@contextmanager
def _open_display(total: int | None) -> Iterator[Display]:
    if not is_terminal(sys.stderr):
        yield _Lines(total)
        return
    with Live(console=Console(stderr=True), auto_refresh=False) as live:
        yield _Screen(total, live)


async def _tick(display: Display, get_report: Callable[[], BatchReport]) -> None:
    while True:
        await asyncio.sleep(display.seconds_between)
        display.show(get_report())
