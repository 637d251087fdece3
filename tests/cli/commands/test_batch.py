"""`batch`: a document for each row, resumed where it stopped."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from craftkit_async import BatchReport, JournalError
from craftkit_async.cli.progress import describe
from craftkit_async.emulator import Emulator
from tests.cli.conftest import INVOICE, Run, write_rows

INVOICES = ("--template", "invoice", "--key", "number")


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """Twelve invoices."""
    return write_rows(tmp_path / "rows.jsonl", 12)


@pytest.mark.usefixtures("service")
def test_all_good(run: Run, rows: str) -> None:
    """Documents, figures, a report; progress goes beside them, in plain lines."""
    ended = run("batch", rows, *INVOICES, "--out", "pdfs", "--journal", "run.db", "--report", "report.html")

    assert ended.code == 0
    assert sorted(file.name for file in Path("pdfs").iterdir()) == [f"2026-{n:04}.pdf" for n in range(1, 13)]
    assert "succeeded\t12" in ended.out.splitlines()
    assert ended.err.splitlines()[-1].startswith("12 of 12, ")
    assert "\x1b" not in ended.out + ended.err
    page = Path("report.html").read_text("utf-8")
    assert "Ada Hidden" not in page
    assert "12" in page


def test_some_failed(run: Run, service: Emulator, rows: str) -> None:
    """Exit code 1, and each failure with its row, its code and its render."""
    service.faults.set("render:failed#3")
    ended = run("batch", rows, *INVOICES, "--concurrency", "4", "--json")

    assert ended.code == 1
    figures = json.loads(ended.out)
    assert (figures["rows"], figures["succeeded"], figures["failed"]) == (12, 9, 3)
    assert len(figures["failures"]) == 3


def test_failures_are_told(run: Run, service: Emulator, tmp_path: Path) -> None:
    """The first ten, in the order of the rows; one that was never submitted has no render."""
    service.faults.set("render:failed#1")
    bad = tmp_path / "bad.jsonl"
    write_rows(bad, 1)
    bad.write_text(bad.read_text("utf-8") + "nonsense\n" * 12, "utf-8")
    ended = run("batch", "bad.jsonl", *INVOICES)

    told = [line for line in ended.err.splitlines() if line.startswith("row ")]
    assert ended.code == 1
    assert len(told) == 10
    assert told[0] == f"row 1 failed: render_failed (render {service.renders[-1].id})"
    assert told[1] == "row 2 failed: InvalidDataError"


def test_resume_and_retry(run: Run, service: Emulator, rows: str) -> None:
    """A journal is gone on with only by --resume; what failed is tried again only by --retry-failed."""
    words = ("batch", rows, *INVOICES, "--journal", "run.db")
    service.faults.set("render:failed#2")
    first = run(*words)
    service.faults.clear()
    made = len(service.renders)
    refused, resumed = run(*words), run(*words, "--resume", "--json")
    retried = run(*words, "--resume", "--retry-failed", "--json")

    assert [each.code for each in (first, refused, resumed, retried)] == [1, 2, 1, 0]
    assert refused.err == ("craftkit-async: run.db is the journal of an earlier run; go on with it by --resume\n")
    assert json.loads(resumed.out)["by_source"] == {"journal": 12}
    assert len(service.renders) == made + 2


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.jsonl", "--template", "invoice"], "missing.jsonl is not there"),
        (["rows.csv"], "the rows of a CSV file need --template"),
        (["rows.jsonl", "--resume"], "need --journal"),
        (["rows.jsonl", "--retry-failed"], "need --journal"),
        (["rows.jsonl", "--report", "no/such/r.html"], "--report no/such/r.html: the directory does not exist"),
        (["rows.jsonl", "--concurrency", "0"], "Invalid value for '--concurrency'"),
        (["rows.jsonl", "--template", "invoice", "--namespace", "a b"], "namespace takes"),
    ],
)
@pytest.mark.usefixtures("rows")
def test_wrong_words_are_exit_code_2(run: Run, words: list[str], said: str) -> None:
    """One sentence, before anything is rendered."""
    Path("rows.csv").write_text("number\n1\n", "utf-8")
    ended = run("batch", *words)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err.splitlines()[-1]


@pytest.mark.usefixtures("service")
def test_what_keeps_it_from_starting_is_exit_code_3(run: Run, rows: str) -> None:
    """No such template, no journal, no service; a million rows need not find that out one by one."""
    Path("junk.db").write_bytes(b"junk")
    template = run("batch", rows, "--template", "nope")
    journal = run("batch", rows, *INVOICES, "--journal", "junk.db", "--resume")
    nobody = run("batch", rows, *INVOICES, "--base-url", "http://127.0.0.1:9")

    assert [each.code for each in (template, journal, nobody)] == [3, 3, 3]
    assert "template_not_found" in template.err
    assert "junk.db" in journal.err
    assert "cannot connect" in nobody.err
    assert Path("junk.db").read_bytes() == b"junk"


@pytest.mark.usefixtures("service")
def test_each_line_may_name_its_own_template(run: Run) -> None:
    """Without --template."""
    Path("rows.jsonl").write_text(json.dumps({"template": "invoice", "data": INVOICE}) + "\n", "utf-8")
    ended = run("batch", "rows.jsonl", "--json")

    assert ended.code == 0
    assert json.loads(ended.out)["succeeded"] == 1


@pytest.mark.usefixtures("service")
def test_csv_is_read_by_the_manifest(run: Run) -> None:
    """A price is a number there and text in the file."""
    Path("rows.csv").write_text(
        'number,issuedOn,customer.name,total,items\n1,2026-06-01,Ada Hidden,12.5,"[]"\n2,2026-06-01,B,x,[]\n', "utf-8"
    )
    dry = run("batch", "rows.csv", *INVOICES, "--dry-run")
    ended = run("batch", "rows.csv", *INVOICES, "--limit", "1")

    assert (dry.code, dry.out) == (1, "2 rows, 1 of them bad; nothing was rendered\n")
    assert (ended.code, ended.err.splitlines()[-1][:7]) == (0, "1 of 1,")


def test_a_dry_run_asks_for_nothing(run: Run, rows: str) -> None:
    """Without a key, too."""
    ended = run("batch", rows, *INVOICES, "--dry-run", "--json", "--limit", "5")

    assert ended.code == 0
    assert json.loads(ended.out) == {"rows": 5, "good": 5, "bad": 0}


@pytest.mark.usefixtures("service")
def test_rows_from_a_pipe(run: Run, rows: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows how many there are."""
    with Path(rows).open(encoding="utf-8") as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        ended = run("batch", "-", *INVOICES)

    assert ended.code == 0
    assert ended.err.splitlines()[-1].startswith("12 done, ")


@pytest.fixture
def press(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Press Ctrl-C as soon as something is in flight, as often as is asked for."""
    state = {"left": 0}

    def watch(report: BatchReport, total: int | None, rate: float) -> str:
        if state["left"] and report.in_flight:
            state["left"] -= 1
            os.kill(os.getpid(), signal.SIGINT)
        return describe(report, total, rate)

    monkeypatch.setattr("craftkit_async.cli.progress.describe", watch)
    monkeypatch.setattr("craftkit_async.cli.progress._Lines.seconds_between", 0.01)
    return lambda count: state.update(left=count)


def test_ctrl_c_once_finishes_what_is_in_flight(
    run: Run, service: Emulator, tmp_path: Path, press: Callable[[int], None]
) -> None:
    """What was begun is in the journal, and the rest is done by the next run."""
    rows = write_rows(tmp_path / "rows.jsonl", 40)
    words = ("batch", rows, *INVOICES, "--concurrency", "2", "--journal", "run.db", "--json")
    before = len(service.renders)
    press(1)
    stopped = run(*words)
    figures = json.loads(stopped.out)
    resumed = run(*words, "--resume")

    assert stopped.code == 130
    assert "finishing the rows in flight; press Ctrl-C again to stop at once" in stopped.err
    assert stopped.err.endswith("stopped before all rows finished; continue with --resume\n")
    assert figures["rows"] == figures["succeeded"] < 40
    assert (resumed.code, json.loads(resumed.out)["succeeded"]) == (0, 40)
    assert len(service.renders) - before == 40


@pytest.mark.usefixtures("service")
def test_ctrl_c_without_a_journal(run: Run, tmp_path: Path, press: Callable[[int], None]) -> None:
    """Then it is said what would have helped."""
    press(1)
    ended = run("batch", write_rows(tmp_path / "rows.jsonl", 40), *INVOICES, "--concurrency", "2")

    assert ended.code == 130
    assert ended.err.endswith("stopped before all rows finished; with --journal it could continue from here\n")


def test_ctrl_c_twice_stops_at_once(run: Run, service: Emulator, rows: str, press: Callable[[int], None]) -> None:
    """Renders that take for ever are left alone; nothing is printed but one line each."""
    service.faults.set("get_render:status=rendering")
    press(2)
    ended = run("batch", rows, *INVOICES)

    assert (ended.code, ended.out) == (130, "")
    assert "Traceback" not in ended.err


@pytest.mark.usefixtures("service")
def test_ctrl_c_while_a_pipe_is_silent(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a row that may never come."""
    silent, held = os.pipe()
    monkeypatch.setattr("craftkit_async.cli.progress._Lines.seconds_between", 0.01)
    monkeypatch.setattr("craftkit_async.cli.commands.batch.showing", _press_when_shown)
    with os.fdopen(silent) as pipe, os.fdopen(held, "w"):
        monkeypatch.setattr(sys, "stdin", pipe)
        ended = run("batch", "-", *INVOICES)

    assert ended.code == 130


class _press_when_shown:  # noqa: N801 - stands for a function
    def __init__(self, *_: Any) -> None:
        """Take what progress takes."""

    async def __aenter__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    async def __aexit__(self, *_: object) -> None:
        pass


@pytest.mark.usefixtures("service")
def test_a_journal_that_breaks_on_the_way_is_a_failure(run: Run, rows: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It did start, so this is no 3."""
    monkeypatch.setattr("craftkit_async.client.Craftkit.render_many", lambda *_, **__: _Broken())
    ended = run("batch", rows, *INVOICES, "--json")

    assert ended.code == 1
    assert json.loads(ended.out)["rows"] == 1
    assert "the disk is full" in ended.err


class _Broken:
    """A batch whose journal breaks after the first row."""

    report = BatchReport(rows=1, succeeded=1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> None:
        raise JournalError("the disk is full")


@pytest.fixture(autouse=True)
def _same_handler() -> Iterator[None]:
    """Whatever a batch does with Ctrl-C, it leaves it as it was."""
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before
