"""A local service for the commands, and a way to run them that tells all they printed."""

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from craftkit_async.cli.main import main
from craftkit_async.emulator import Emulator, EmulatorThread

KEY = "ck_test_hush_hush"
SECRET = "whsec-nobody-knows"

INVOICE = {
    "number": "2026-0001",
    "issuedOn": "2026-06-01",
    "customer": {"name": "Ada Hidden"},
    "total": 12.5,
    "items": [{"description": "Quiet thing", "quantity": 1, "unitPrice": 12.5}],
}

HIDDEN = (KEY, SECRET, "Ada Hidden", "Quiet thing", "/craftkit-renders/")


class Ended(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    """Let no command that ran in this process listen to Ctrl-C for ever: uvloop leaves its handlers where they are."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # A test run in the background of a script is begun deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def running() -> Iterator[EmulatorThread]:
    """One service for all commands; it answers fast."""
    with EmulatorThread(api_key=KEY, latency=0.02, pdf=False) as thread:
        yield thread


@pytest.fixture
def service(running: EmulatorThread, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The service as the environment names it; what a test broke is mended after it."""
    monkeypatch.setenv("CRAFTKIT_BASE_URL", running.emulator.url)
    monkeypatch.setenv("CRAFTKIT_API_KEY", KEY)
    yield running.emulator
    running.emulator.faults.clear()


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in a folder of its own; nothing that is hidden may ever be printed."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Ended:
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as ending, _traced_apart():
            main(words)
        out, err = (text.decode(errors="replace") for text in capfdbinary.readouterr())
        assert not [hidden for hidden in HIDDEN if hidden in out + err]
        assert isinstance(ending.value.code, int)
        return Ended(ending.value.code, out, err)

    return run


@contextmanager
def _traced_apart() -> Iterator[None]:
    """Count the lines of a command as those of another thread are.

    Where an error reaches a coroutine from outside, CPython 3.11 tells a tracer of more returns than calls, and the
    lines of whoever called `asyncio.run` would be counted no more.
    """
    tracer = sys.gettrace()
    sys.settrace(threading.gettrace())
    try:
        yield
    finally:
        sys.settrace(tracer)


@pytest.fixture
def invoice(tmp_path: Path) -> str:
    """Write the data of an invoice."""
    return write_json(tmp_path / "invoice.json", INVOICE)


def write_json(file: Path, document: Any) -> str:
    """Write JSON, and return the name of the file."""
    file.write_text(json.dumps(document), "utf-8")
    return str(file)


def write_rows(file: Path, count: int, **changes: Any) -> str:
    """Write so many invoices, one a line."""
    rows = [INVOICE | {"number": f"2026-{number:04}"} | changes for number in range(1, count + 1)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(file)
