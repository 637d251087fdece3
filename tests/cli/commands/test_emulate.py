"""The command: what it prints, what it refuses, how it ends."""

import io
import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from craftkit_async.cli.commands.emulate import is_loopback
from craftkit_async.cli.main import main
from craftkit_async.emulator import EmulatorThread

COMMAND = [sys.executable, "-c", "from craftkit_async.cli.main import main; main()", "emulate"]


def test_it_answers_as_soon_as_it_has_printed_and_ends_on_an_interrupt(tmp_path: Path) -> None:
    """The first output is the exports, in a shell's own quotes; Ctrl-C is a normal end, without a trace."""
    template = tmp_path / "handover.json"
    loop = {"key": "handover.areas", "label": "Areas", "itemFields": [{"key": "name"}]}
    template.write_text(json.dumps({"slug": "own", "manifest": {"variables": [], "loops": [loop]}}), "utf-8")
    words = ["--port", "0", "--no-pdf", "--template", str(template)]
    words += ["--webhook", "http://127.0.0.1:9/", "--webhook-secret", "it's"]
    process = subprocess.Popen(  # noqa: S603 - the command under test
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        lines = [process.stdout.readline().strip() for _ in range(5)]
        url = re.fullmatch(r"export CRAFTKIT_BASE_URL=(http://127\.0\.0\.1:\d+)", lines[0])
        assert url
        assert lines[1] == "export CRAFTKIT_API_KEY=ck_test_local"
        assert lines[4] == """export CRAFTKIT_WEBHOOK_SECRET='it'"'"'s'"""
        assert _get(f"{url[1]}/v1/health")["status"] == "ok"
        hooks = _get(f"{url[1]}/_emulator/state")["projects"][0]["hooks"]
        assert [each["slug"] for each in hooks] == ["invoice", "charter-handover", "certificate", "own"]
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (0, "")


class _Terminal(io.StringIO):
    """Presses Ctrl-C as soon as the last line is there."""

    def write(self, text: str) -> int:
        if "ADMIN_KEY" in text:
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


@pytest.mark.parametrize("has_uvloop", [True, False])
def test_it_runs_with_and_without_the_faster_loop(monkeypatch: pytest.MonkeyPatch, has_uvloop: bool) -> None:  # noqa: FBT001 - a table of cases
    """The loop is a matter of speed; a key that needs quotes gets them, and one that is not set has no line."""
    if not has_uvloop:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    monkeypatch.setattr(sys, "stdout", terminal := _Terminal())
    with pytest.raises(SystemExit) as ending:
        main(["emulate", "--port", "0", "--no-pdf", "--admin-key", "a$b"])

    assert ending.value.code == 0
    lines = terminal.getvalue().splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        f"export CRAFTKIT_{name}" for name in ("BASE_URL", "API_KEY", "ACCOUNT_KEY", "ADMIN_KEY")
    ]
    assert lines[3] == "export CRAFTKIT_ADMIN_KEY='a$b'"


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """In the system's words."""
    with EmulatorThread(pdf=False) as thread, pytest.raises(SystemExit) as ending:
        main(["emulate", "--no-pdf", "--port", thread.emulator.url.rpartition(":")[2]])

    assert ending.value.code == 3
    assert "address already in use" in capsys.readouterr().err


@pytest.mark.parametrize(("missing", "extra"), [("click", "cli"), ("typst", "emulator"), ("jsonschema_rs", "emulator")])
def test_a_missing_extra_is_one_sentence_that_names_it(missing: str, extra: str) -> None:
    """In a process of its own, where the package cannot be found."""
    code = f"import sys; sys.modules[{missing!r}] = None; from craftkit_async.cli.main import main; main()"
    ended = subprocess.run(  # noqa: S603 - the command under test
        [sys.executable, "-c", code, "emulate", "--port", "0"], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 3
    assert ended.stderr == f"craftkit-async: {missing} is missing: pip install 'craftkit-async[{extra}]'\n"


@pytest.mark.parametrize(
    ("module", "extra"), [("craftkit_async.cli.group", "cli"), ("craftkit_async.emulator", "emulator")]
)
def test_what_is_missing_is_said_where_it_is_needed(
    module: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line needs one extra, and this command another."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as ending:
        main(["emulate"])

    assert ending.value.code == 3
    assert capsys.readouterr().err.endswith(f" is missing: pip install 'craftkit-async[{extra}]'\n")


def test_without_a_command_or_with_an_end_of_input_it_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a command it shows its help; an interrupt before anything runs is quiet."""
    with pytest.raises(SystemExit) as ending:
        main([])
    assert ending.value.code == 0
    assert capsys.readouterr().out.startswith("Usage: craftkit-async")

    def interrupt(_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("craftkit_async.cli.commands.emulate.is_loopback", interrupt)
    with pytest.raises(SystemExit) as ending:
        main(["emulate"])
    assert ending.value.code == 130


def _get(url: str) -> Any:
    with urllib.request.urlopen(url) as reply:  # noqa: S310 - an http address of our own making
        return json.load(reply)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--api-key", "ck_acct_x"], "--api-key: a project key starts with ck_test_ or ck_live_"),
        (["--account-key", "ck_live_x"], "--account-key: an account key starts with ck_acct_"),
        (["--admin-key", "ck_test_x"], "--admin-key: an admin key is printable ASCII"),
        (["--latency", "fast"], "--latency: invalid latency 'fast'"),
        (["--http-latency", "2..1"], "--http-latency: invalid latency '2..1'"),
        (["--rate", "many"], "--rate: invalid rate 'many'"),
        (["--faults", "*:explode"], "known faults: 401"),
        (["--faults", "nothing:500"], "unknown target 'nothing'; known targets: *, webhook, render, "),
        (["--faults", "render_templat:500"], "did you mean render_template? "),
        (["--faults", "*:rset"], "did you mean reset? "),
        (["--port", "0", "--font-path", "no/such/folder"], "font folder not found"),
        (["--port", "0", "--db", "no/such/folder/x.db"], "--db no/such/folder/x.db: unable to open"),
        (["--template", "/"], "Is a directory"),
        (["--webhook-delays", "1,2"], "--webhook-delays: expected five delays"),
        (["--clock-skew", "nan"], "--clock-skew: expected seconds"),
        (["--webhook", "ftp://x", "--webhook-secret", "x"], "--webhook-url: a webhook URL starts with"),
        (["--webhook", "http://x/"], "--webhook-secret: required when webhook_url is set"),
        (["--host", "0.0.0.0"], "pass --expose"),  # noqa: S104 - it must be refused
        (["--port", "70000"], "--port: must be from 0 to 65535"),
        (["--port", "x"], "Invalid value for '--port'"),
        (["--template", "missing.json"], "--template missing.json: No such file"),
        (["--nonsense"], "No such option"),
    ],
)
def test_a_bad_value_is_one_line_and_exit_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An invalid option value exits with code 2 and a one-line message."""
    with pytest.raises(SystemExit) as ending:
        main(["emulate", *words])

    printed = capsys.readouterr()
    assert ending.value.code == 2
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert not printed.out


def test_an_invalid_template_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files are read and checked before anything opens."""
    file = tmp_path / "x.json"
    for content, said in (("{", "is not JSON"), ("[]", "--templates: a template is an object")):
        file.write_text(content, "utf-8")
        with pytest.raises(SystemExit) as ending:
            main(["emulate", "--template", str(file)])

        assert ending.value.code == 2
        assert said in capsys.readouterr().err


def test_help_exits_with_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` prints the usage and exits with code 0."""
    with pytest.raises(SystemExit) as ending:
        main(["emulate", "--help"])

    assert ending.value.code == 0
    assert "--webhook-delays" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("::", False), ("a.example", False)],
)  # fmt: skip  # a table
def test_only_this_machine_reaches_loopback(host: str, expected: bool) -> None:  # noqa: FBT001 - a table of cases
    """Names are not resolved: only `localhost` is trusted."""
    assert is_loopback(host) is expected
