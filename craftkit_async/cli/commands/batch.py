"""`craftkit-async batch`: as many documents as a file has rows."""

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any, BinaryIO, cast

import attrs
import click

from craftkit_async._sansio.calls.render_request import RenderRequest
from craftkit_async.batch.batch import Batch
from craftkit_async.batch.figures.report import BatchReport
from craftkit_async.batch.rows.requests import BadRow
from craftkit_async.batch.rows.sources import read_csv, read_jsonl
from craftkit_async.cli.documents import PIPE
from craftkit_async.cli.exit_codes import FAILED, GOOD, INTERRUPTED, NotStartedError
from craftkit_async.cli.figures import describe_report, show_report
from craftkit_async.cli.interrupts import Interrupts, interrupts
from craftkit_async.cli.progress import showing
from craftkit_async.cli.service import open_client, run, service_options
from craftkit_async.cli.terminal import say, say_aside, say_json
from craftkit_async.client import Craftkit
from craftkit_async.errors import CraftkitError, JournalError
from craftkit_async.models.templates import Manifest

Rows = AsyncGenerator[RenderRequest | BadRow, None]


@attrs.frozen(kw_only=True)
class Job:
    """The arguments of the command."""

    rows: str
    template: str | None
    out: str | None
    journal: str | None
    key: str | None
    namespace: str | None
    concurrency: int | None
    resume: bool
    retry_failed: bool
    limit: int | None
    dry_run: bool
    report: str | None
    as_json: bool

    @property
    def is_csv(self) -> bool:
        """Are the rows in CSV?"""
        return self.rows.lower().endswith(".csv")

    def check(self) -> None:
        """Refuse arguments that contradict each other, before anything is read."""
        if self.rows != PIPE and not os.access(self.rows, os.R_OK):
            raise click.UsageError(f"{self.rows} is not there, or may not be read")
        if self.is_csv and self.template is None:
            raise click.UsageError("the rows of a CSV file need --template")
        if (self.resume or self.retry_failed) and self.journal is None:
            raise click.UsageError("--resume and --retry-failed need --journal")
        if self.journal is not None and not self.resume and _has_content(Path(self.journal)):
            raise click.UsageError(f"{self.journal} is the journal of an earlier run; go on with it by --resume")
        if self.report is not None and not Path(self.report).absolute().parent.is_dir():
            raise click.UsageError(f"--report {self.report}: the directory does not exist")


@click.command()
@click.argument("rows")
@click.option("--template", metavar="SLUG", help="Template to render; without it, each line names its own.")
@click.option("--out", metavar="DIRECTORY", help="Directory to save the documents in.")
@click.option("--journal", metavar="FILE", help="Record progress here, so that the run can be resumed.")
@click.option("--key", metavar="PATH", help="Dotted path of the value that identifies a row.")
@click.option("--namespace", metavar="TEXT", help="Reuse an earlier run's namespace to find its documents.")
@click.option("--concurrency", type=click.IntRange(min=1), metavar="N", help="Maximum number of open renders.")
@click.option("--resume", is_flag=True, help="Resume the run that the journal belongs to.")
@click.option("--retry-failed", is_flag=True, help="Render the failed rows of the journal again.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Stop after this many rows.")
@click.option("--dry-run", is_flag=True, help="Read and check the rows without rendering.")
@click.option("--report", metavar="FILE.html", help="Write an HTML report.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@service_options
def batch(**words: Any) -> int:
    """Render one document per row of a file.

    ROWS is a file of JSON lines or CSV, or - for JSON lines from standard input. Ctrl-C finishes the rows in flight;
    a second one stops at once.
    """
    job = Job(**{field.name: words.pop(field.name) for field in attrs.fields(Job)})
    job.check()
    return run(_dry_run(job, words) if job.dry_run else _batch(job, words))


async def _dry_run(job: Job, service: dict[str, Any]) -> int:
    manifest = None
    if job.is_csv:
        async with open_client(**service) as craftkit:
            manifest = await _prepare(craftkit, job)
    good = bad = 0
    with _open(job) as source:
        async for row in _read(job, source, manifest):
            if isinstance(row, BadRow):
                bad += 1
                say_aside(str(row.error))
            else:
                good += 1
    if job.as_json:
        say_json({"rows": good + bad, "good": good, "bad": bad})
    else:
        say(f"{good + bad:,} rows, {bad:,} of them bad; nothing was rendered")
    return FAILED if bad else GOOD


async def _batch(job: Job, service: dict[str, Any]) -> int:
    async with open_client(**service) as craftkit:
        manifest = await _prepare(craftkit, job)
        total = None if job.rows == PIPE else _count(job)
        with _open(job) as source, interrupts() as pressed:
            rows = pressed.until_asked(_read(job, source, manifest))
            async with craftkit.render_many(
                rows,
                concurrency=job.concurrency,
                journal=job.journal,
                namespace=job.namespace,
                retry_failed=job.retry_failed,
                download_to=job.out,
            ) as many:
                return await _follow(job, many, total, pressed)


async def _follow(job: Job, many: Batch, total: int | None, pressed: Interrupts) -> int:
    """Take all outcomes; in every case, say what was done."""
    try:
        async with showing(lambda: many.report, total):
            async for _ in many:
                pass
    except JournalError as error:
        if many.report.rows:
            raise
        raise NotStartedError(str(error)) from error
    finally:
        if many.report.rows:
            _conclude(job, many.report)
    if pressed.is_asked:
        say_aside(_say_how_to_go_on(job))
        return INTERRUPTED
    return FAILED if many.report.failed else GOOD


async def _prepare(craftkit: Craftkit, job: Job) -> Manifest | None:
    """Check that service, key and template exist, before a million rows fail one by one."""
    try:
        if job.template is None:
            await craftkit.templates.list()
            return None
        return (await craftkit.templates.get(job.template)).manifest
    except CraftkitError as error:
        raise NotStartedError(str(error)) from error


def _open(job: Job) -> BinaryIO:
    """Open the rows; standard input without its buffer, whose lock a thread on a silent pipe would hold for ever."""
    if job.rows != PIPE:
        return Path(job.rows).open("rb")
    return cast("BinaryIO", os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0))


def _read(job: Job, source: BinaryIO, manifest: Manifest | None) -> Rows:
    if job.is_csv:
        rows = read_csv(source, template=job.template or "", key=job.key, manifest=manifest)
    else:
        rows = read_jsonl(source, template=job.template, key=job.key)
    return _limited(rows, job.limit)


async def _limited(rows: Rows, limit: int | None) -> Rows:
    left = limit
    async with aclosing(rows):
        while left != 0 and (row := await anext(rows, None)) is not None:
            yield row
            left = None if left is None else left - 1


def _count(job: Job) -> int:
    """Count the rows by their lines, which cells with line breaks make too many."""
    with Path(job.rows).open("rb") as file:
        lines = sum(not line.isspace() for line in file) - job.is_csv
    return lines if job.limit is None else min(lines, job.limit)


def _conclude(job: Job, report: BatchReport) -> None:
    if job.report is not None:
        Path(job.report).write_text(report.to_html(), "utf-8")
    if job.as_json:
        say_json(describe_report(report))
    else:
        show_report(report)


def _say_how_to_go_on(job: Job) -> str:
    if job.journal is None:
        return "stopped before all rows finished; with --journal it could continue from here"
    return "stopped before all rows finished; continue with --resume"


def _has_content(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0
