"""The real program: in a terminal that shows progress, and in a pipe that gets plain lines."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from craftkit_async.emulator import Emulator
from tests.cli.conftest import HIDDEN, SECRET, Run, write_rows

# With Ctrl-C as a terminal gives it to a program, however this test run was begun.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from craftkit_async.cli.main import main
main()
"""
COMMAND = [sys.executable, "-c", PROGRAM]
ROOT = Path(__file__).parents[2]
INVOICES = ("--template", "invoice", "--key", "number")

_COLOUR = re.compile(r"\x1b\[[0-9;]*[1-9][0-9;]*m")


@pytest.fixture
def environment(service: Emulator, tmp_path: Path) -> Mapping[str, str]:
    """What the program finds: the service, a secret, and a folder of its own."""
    write_rows(tmp_path / "rows.jsonl", 20)
    return os.environ | {
        "CRAFTKIT_BASE_URL": service.url,
        "CRAFTKIT_WEBHOOK_SECRET": SECRET,
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "COLUMNS": "100",
    }


class Terminal:
    """A program in a pseudo-terminal, and everything that it shows there."""

    def __init__(self, words: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(  # noqa: S603 - the program under test
            [*COMMAND, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=folder
        )
        os.close(theirs)
        self.shown = ""

    def read_until(self, sign: str) -> None:
        """Read until something is shown."""
        while sign not in self.shown:
            self.shown += os.read(self._ours, 65_536).decode(errors="replace")

    def end(self) -> int:
        """Read the rest, and return the exit code."""
        # Linux says so when the other side is closed.
        with suppress(OSError):
            while piece := os.read(self._ours, 65_536):
                self.shown += piece.decode(errors="replace")
        os.close(self._ours)
        assert not [hidden for hidden in HIDDEN if hidden in self.shown]
        return self.process.wait()


def test_a_terminal_shows_progress(environment: Mapping[str, str], tmp_path: Path) -> None:
    """A bar that moves, and the line below it, which is written over itself."""
    terminal = Terminal(("batch", "rows.jsonl", *INVOICES, "--out", "pdfs"), environment, tmp_path)

    assert terminal.end() == 0
    assert "━" in terminal.shown
    assert "20 of 20, " in terminal.shown
    assert "\x1b[2K" in terminal.shown
    assert _COLOUR.search(terminal.shown)
    assert "succeeded" in terminal.shown


def test_no_colour_where_none_is_wanted(environment: Mapping[str, str], tmp_path: Path) -> None:
    """NO_COLOR leaves the progress and takes the colours."""
    terminal = Terminal(("batch", "rows.jsonl", *INVOICES), {**environment, "NO_COLOR": "1"}, tmp_path)
    doctor = Terminal(("doctor",), {**environment, "NO_COLOR": "1"}, tmp_path)

    assert (terminal.end(), doctor.end()) == (0, 0)
    assert "20 of 20, " in terminal.shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", terminal.shown + doctor.shown)


def test_tables_on_a_terminal(environment: Mapping[str, str], tmp_path: Path) -> None:
    """With a head, and states in colours."""
    terminal = Terminal(("doctor",), environment, tmp_path)

    assert terminal.end() == 0
    assert "what to do" in terminal.shown
    assert "\x1b[32mok" in terminal.shown


def test_rows_from_a_pipe_are_counted_on_a_terminal(environment: Mapping[str, str], tmp_path: Path) -> None:
    """Without a bar, for nobody knows how many there will be; Ctrl-C ends it."""
    terminal = Terminal(("batch", "-", *INVOICES), environment, tmp_path)
    terminal.read_until("0 done, ")
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.end() == 130
    assert "finishing the rows in flight" in terminal.shown
    assert "Fatal" not in terminal.shown


@pytest.mark.parametrize(
    ("words", "sign"),
    [
        (("webhook", "listen", "--port", "0"), "listening on"),
        (("demo",), " in flight"),
        (("emulate", "--port", "0"), "CRAFTKIT_ADMIN_KEY"),
    ],
)
def test_ctrl_c_ends_cleanly(words: tuple[str, ...], sign: str, environment: Mapping[str, str], tmp_path: Path) -> None:
    """Without a trace of the program's insides; for the emulator it is the normal end."""
    terminal = Terminal(words, environment, tmp_path)
    terminal.read_until(sign)
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.end() == (0 if words[0] == "emulate" else 130)
    assert "Traceback" not in terminal.shown


def test_ctrl_c_ends_a_wait(
    service: Emulator, environment: Mapping[str, str], tmp_path: Path, run: Run, invoice: str
) -> None:
    """In the middle of a request, too."""
    run("render", "invoice", invoice, "-o", "x.pdf")
    service.faults.set("get_render:slow=60")
    seen = len(service.requests)
    terminal = Terminal(("wait", service.renders[-1].id), environment, tmp_path)
    while len(service.requests) == seen and terminal.process.poll() is None:
        os.sched_yield()
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.end() == 130
    assert "Traceback" not in terminal.shown


def test_a_pipe_gets_plain_lines(environment: Mapping[str, str], tmp_path: Path) -> None:
    """The figures on standard output, progress beside it, and no colour anywhere."""
    ended = subprocess.run(  # noqa: S603 - the program under test
        [*COMMAND, "batch", "rows.jsonl", *INVOICES],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0
    assert "\x1b" not in ended.stdout + ended.stderr
    assert "succeeded\t20" in ended.stdout.splitlines()
    assert ended.stderr.splitlines()[-1].startswith("20 of 20, ")
    assert not [hidden for hidden in HIDDEN if hidden in ended.stdout + ended.stderr]


def test_a_pipe_that_is_closed_early_is_no_trouble(environment: Mapping[str, str], tmp_path: Path) -> None:
    """As by `head`."""
    with subprocess.Popen(  # noqa: S603 - the program under test
        [*COMMAND, "templates", "list"], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("source", ["rows.jsonl", "-"])
def test_what_a_terminal_is_shown(source: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar where it is known how many rows there are; a table with a head that tells what stands below."""
    monkeypatch.setattr("craftkit_async.cli.progress.is_terminal", lambda _: True)
    monkeypatch.setattr("craftkit_async.cli.terminal.is_terminal", lambda _: True)
    rows = write_rows(tmp_path / "rows.jsonl", 3)
    with Path(rows).open(encoding="utf-8") as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        shown = run("batch", source, *INVOICES)
    listed = run("templates", "list")

    assert shown.code == 0
    assert ("━" in shown.err) is (source != "-")
    assert listed.out.splitlines()[0].split() == ["slug", "name", "version"]
