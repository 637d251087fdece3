"""`craftkit-async demo`: a hundred invoices from a local Craftkit on which things go wrong."""

import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from craftkit_async.batch.figures.report import BatchReport
from craftkit_async.batch.rows.sources import read_jsonl
from craftkit_async.cli.exit_codes import FAILED, GOOD, NotStartedError
from craftkit_async.cli.invoices import write_invoices
from craftkit_async.cli.progress import showing, write_seconds
from craftkit_async.cli.receiving import receiving
from craftkit_async.cli.service import run
from craftkit_async.cli.stories import Stories
from craftkit_async.cli.terminal import say, show_table
from craftkit_async.client import Craftkit
from craftkit_async.options import PollPolicy

if TYPE_CHECKING:
    from craftkit_async.emulator import Emulator

# The same seed strikes the same requests, as far as they come in the same order.
_SETTINGS: Final[Mapping[str, Any]] = {
    "latency": "lognormal(0.8,2.5)",
    "http_latency": "0.01..0.04",
    "seed": 7,
    "faults": (
        "render_template:503@0.08",
        "render_template:429=1#4",
        "render_template:reset-after@0.06",
        "get_render:500#8",
        "get_render:reset#5",
        "get_render:null-url@0.5",
        "download_render:truncate@0.25",
        "webhook:lost@0.25",
        "webhook:late=0.4@0.1",
        "webhook:early@0.05",
        "webhook:duplicate@0.08",
        "webhook:forged@0.05",
    ),
}

# Where webhooks come reliably, polls are rare; a demo must not wait a minute for a lost one.
_POLLING: Final = PollPolicy(net_first=0.5, net_max=1.0)


@click.command()
@click.option("--out", default="craftkit-demo", show_default=True, metavar="DIRECTORY", help="Directory for all files.")
@click.option("--rows", default=100, show_default=True, type=click.IntRange(1, 9999), help="Number of invoices.")
def demo(*, out: str, rows: int) -> int:
    """Render a hundred invoices while things go wrong.

    Runs entirely on your machine; no account needed.
    """
    emulator = _make_emulator()
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_invoices(folder / "invoices.jsonl", rows)
    except OSError as error:
        raise NotStartedError(f"{out}: {error.strerror}") from error
    stories = Stories(_clock)
    return _conclude(run(_demo(emulator, folder, rows, stories)), stories, folder)


def _make_emulator() -> "Emulator":
    try:
        from craftkit_async.emulator import Emulator  # noqa: PLC0415 - only this command needs the extra
    except ModuleNotFoundError as error:
        raise NotStartedError(f"{error.name} is missing: pip install 'craftkit-async[emulator]'") from error
    return Emulator(**_SETTINGS)


async def _demo(emulator: "Emulator", folder: Path, rows: int, stories: Stories) -> BatchReport:
    secret = secrets.token_hex()
    async with (
        emulator,
        Craftkit(emulator.api_key, base_url=emulator.url, webhook_secret=secret, observers=[stories]) as craftkit,
        receiving(craftkit) as address,
    ):
        emulator.subscribe(address, secret)
        say(f"a local Craftkit answers on {emulator.url}")
        say(f"its webhooks come in on {address}")
        requests = read_jsonl(folder / "invoices.jsonl", template="invoice", key="number")
        async with craftkit.render_many(requests, download_to=folder / "pdfs") as many:
            async with showing(lambda: many.report, rows):
                async for _ in many:
                    pass
            return many.report


def _conclude(report: BatchReport, stories: Stories, folder: Path) -> int:
    (folder / "report.html").write_text(report.to_html("Demo"), "utf-8")
    took = f"{write_seconds(report.elapsed)}, {report.throughput:.0f} a second"
    say(f"{report.succeeded} of {report.rows} invoices rendered, {report.saved} saved, in {took}")
    show_table(
        ("result known", "renders", "half of them after", "all after"),
        stories.delays(report.by_source),
        title="How results were learned",
    )
    show_table(("fault", "times"), stories.survived(), title="Faults that were survived")
    locations = [
        ("the data", folder / "invoices.jsonl"),
        ("the invoices", folder / "pdfs"),
        ("one of them", folder / "pdfs" / "2026-0001.pdf"),
        ("the report", folder / "report.html"),
    ]
    show_table(("", ""), locations, title="Files")
    return FAILED if report.failed else GOOD


def _clock() -> float:
    return time.time()  # noqa: TID251 - the service says when a render ended in Unix time
