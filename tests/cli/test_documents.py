"""`render`, `wait` and `download`: one document, from data to file."""

import io
import json
import sys
from pathlib import Path

import pytest

from craftkit_async.emulator import Emulator
from tests.cli.conftest import Run, write_json

PDF = "%PDF-"


def test_render_saves_the_document(run: Run, service: Emulator, invoice: str) -> None:
    """What is said is where it is, and the id."""
    ended = run("render", "invoice", invoice, "-o", "out.pdf", "--version", "1", "--filename", "x", "--timeout", "30")

    assert (ended.code, ended.out, ended.err) == (0, f"out.pdf (render {service.renders[-1].id})\n", "")
    assert Path("out.pdf").read_bytes().startswith(PDF.encode())


@pytest.mark.usefixtures("service")
def test_render_from_a_pipe_into_a_pipe(run: Run, invoice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe there is the document and nothing else."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(invoice).read_bytes())))
    ended = run("render", "invoice", "-", "-o", "-")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(PDF)
    assert ended.out.rstrip().endswith("%%EOF")


def test_the_same_key_is_the_same_render(run: Run, service: Emulator, invoice: str) -> None:
    """A script that is run again renders nothing twice."""
    said = [run("render", "invoice", invoice, "-o", "out.pdf", "--idempotency-key", "k-1").out for _ in range(2)]

    assert said[0] == said[1]
    assert sum(render.idempotency_key == "k-1" for render in service.renders) == 1


def test_a_failed_render_is_exit_code_1(run: Run, service: Emulator, invoice: str) -> None:
    """The line says which render, and nothing is saved."""
    service.faults.set("render:failed=the template broke")
    ended = run("render", "invoice", invoice, "-o", "out.pdf")

    assert (ended.code, ended.out) == (1, "")
    assert "the template broke" in ended.err
    assert ended.err.count("\n") == 1
    assert not Path("out.pdf").exists()


@pytest.mark.usefixtures("service")
def test_data_that_does_not_fit_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    """The service's findings are in it."""
    ended = run("render", "invoice", write_json(tmp_path / "x.json", {"number": 1}), "-o", "out.pdf")

    assert ended.code == 1
    assert "number: Expected a string" in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1,', "x.json is not JSON: Expecting property name"),
        (b'{"a": NaN}', "x.json is not JSON"),
        (b"\xff\xfe\xfa", "x.json is not JSON"),
        (b"[" * 100_000, "x.json is not JSON"),
        (b"[1]", "data"),
    ],
)
def test_bad_data_is_exit_code_2(run: Run, content: bytes, said: str) -> None:
    """Before anything is asked for."""
    Path("x.json").write_bytes(content)
    ended = run("render", "invoice", "x.json", "-o", "out.pdf")

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["render", "invoice", "missing.json", "-o", "x.pdf"], "missing.json: No such file"),
        (["render", "invoice", "invoice.json"], "Missing option '-o'"),
        (["render", "invoice", "invoice.json", "-o", "no/such/x.pdf"], "the directory no/such does not exist"),
        (["render", "invoice", "invoice.json", "-o", "."], "is a directory"),
        (["render", "invoice", "invoice.json", "-o", "x.pdf", "--timeout", "-1"], "Invalid value for '--timeout'"),
        (["render", "invoice", "invoice.json", "-o", "x.pdf", "--base-url", "nowhere"], "base_url takes an address"),
        (["render", "invoice", "invoice.json", "-o", "x.pdf", "--idempotency-key", "a b"], "visible ASCII"),
        (["download", "../../etc/passwd"], "choose one with --output"),
        (["wait"], "Missing argument 'ID'"),
    ],
)
@pytest.mark.usefixtures("invoice")
def test_wrong_words_are_exit_code_2(run: Run, words: list[str], said: str) -> None:
    """With one sentence that helps."""
    ended = run(*words)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_missing_key_is_said(run: Run, invoice: str) -> None:
    """And where it belongs: never on the command line."""
    ended = run("render", "invoice", invoice, "-o", "x.pdf")

    assert ended.code == 2
    assert ended.err == (
        "craftkit-async: there is no key: set CRAFTKIT_API_KEY to a project key (ck_live_… or ck_test_…)\n"
    )


@pytest.mark.usefixtures("service")
def test_nobody_there_is_exit_code_3(run: Run) -> None:
    """Nothing was done, and not for what was typed."""
    ended = run("templates", "list", "--base-url", "http://127.0.0.1:9")

    assert ended.code == 3
    assert "cannot connect" in ended.err
    assert ended.err.count("\n") == 1


def test_wait_and_download(run: Run, service: Emulator, invoice: str) -> None:
    """By the id that render said; the address of the document is never printed."""
    run("render", "invoice", invoice, "-o", "first.pdf")
    render_id = service.renders[-1].id
    waited, told = run("wait", render_id), run("wait", render_id, "--json", "--timeout", "0")
    saved, named = run("download", render_id), run("download", render_id, "-o", "named.pdf")
    piped = run("download", render_id, "-o", "-")

    assert [each.code for each in (waited, told, saved, named, piped)] == [0] * 5
    assert waited.out.startswith(f"{render_id} succeeded in 0.")
    assert json.loads(told.out).keys() == {"id", "status", "createdAt", "completedAt", "durationMs"}
    assert (saved.out, named.out) == (f"{render_id}.pdf\n", "named.pdf\n")
    assert Path(f"{render_id}.pdf").read_bytes() == Path("named.pdf").read_bytes()
    assert piped.out.startswith(PDF)


def test_a_wait_that_is_over_too_early(run: Run, service: Emulator) -> None:
    """One look, and the id is said again."""
    service.faults.set("get_render:status=rendering")
    ended = run("wait", service.renders[-1].id, "--timeout", "0")

    assert ended.code == 1
    assert service.renders[-1].id in ended.err


@pytest.mark.usefixtures("service")
def test_a_document_is_nothing_for_a_terminal(run: Run, invoice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before anything is rendered."""
    monkeypatch.setattr("craftkit_async.cli.documents.is_terminal", lambda _: True)
    ended = run("render", "invoice", invoice, "-o", "-")

    assert ended.code == 2
    assert "nothing for a terminal" in ended.err


@pytest.mark.usefixtures("service")
def test_the_faster_loop_is_not_needed(run: Run, invoice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is used where it is installed."""
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert run("render", "invoice", invoice, "-o", "out.pdf").code == 0
