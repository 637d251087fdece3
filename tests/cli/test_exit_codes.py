"""How commands end: one line and an exit code, whatever happens."""

import subprocess
import sys

import click
import pytest

from craftkit_async import (
    ApiError,
    ConfigurationError,
    CraftkitError,
    InvalidDataError,
    MissingExtraError,
    TransportError,
)
from craftkit_async._version import __version__
from craftkit_async.cli.exit_codes import NotStartedError, code_of, line_of
from tests.cli.conftest import Run

COMMANDS = ("batch", "demo", "doctor", "download", "emulate", "render", "templates", "wait", "webhook")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CraftkitError("x"), 1),
        (ApiError("x", 404), 1),
        (ConfigurationError("x"), 2),
        (InvalidDataError("x"), 2),
        (click.UsageError("x"), 2),
        (MissingExtraError("x"), 3),
        (TransportError("x"), 3),
        (NotStartedError("x"), 3),
        (click.ClickException("x"), 3),
    ],
)
def test_exit_codes(error: click.ClickException | CraftkitError, code: int) -> None:
    """1 is a failure, 2 is what was typed, 3 is everything that kept it from starting."""
    assert code_of(error) == code


def test_a_line_is_one_line_and_gives_no_orders_to_a_terminal() -> None:
    """A service's message may hold anything."""
    assert line_of(ApiError("a\x1b[2J\nb", 500)) == "craftkit-async: 500: a�[2J b"


def test_version_and_help(run: Run) -> None:
    """Both end well, and the help names every command with what it does."""
    version, usage = run("--version"), run("--help")

    assert (version.code, version.out) == (0, f"craftkit-async {__version__}\n")
    assert usage.code == 0
    for name in COMMANDS:
        assert f"\n  {name}  " in usage.out
        assert run(name, "--help").code == 0


def test_a_command_that_there_is_not(run: Run) -> None:
    """It is said, and which one is."""
    ended = run("nonsense")

    assert (ended.code, ended.out) == (2, "")
    assert "No such command" in ended.err


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_a_missing_extra_is_one_sentence(missing: str) -> None:
    """The console script is there without the libraries that it needs."""
    code = f"import sys; sys.modules[{missing!r}] = None; from craftkit_async.cli.main import main; main()"
    ended = subprocess.run(  # noqa: S603 - the command under test
        [sys.executable, "-c", code, "doctor"], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout) == (3, "")
    assert "is missing: pip install 'craftkit-async[cli]'" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_library_that_a_command_misses(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, told by the command."""
    monkeypatch.setitem(sys.modules, "craftkit_async.cli.commands.doctor", None)
    ended = run("doctor")

    assert ended.code == 3
    assert ended.err.endswith(" is missing: pip install 'craftkit-async[cli]'\n")
