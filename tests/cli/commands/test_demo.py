"""`demo`: it ends well, says what happened, and leaves everything where it says."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from craftkit_async import ApiError, CraftkitError, DecodeError, DownloadError, Render, TransportError
from craftkit_async.cli.invoices import make_invoices
from craftkit_async.cli.stories import Stories
from craftkit_async.observe.events import (
    AttemptFailed,
    Completed,
    DeliveryReceived,
    DeliveryRefused,
    Polled,
    Submitted,
)
from tests.cli.conftest import Run


def test_it_renders_saves_and_tells(run: Run) -> None:
    """Nothing but this machine is needed: no key, no address."""
    ended = run("demo", "--rows", "12", "--out", "here")

    assert ended.code == 0
    assert "12 of 12 invoices rendered, 12 saved, in " in ended.out
    assert {"How results were learned", "Faults that were survived", "Files"} <= set(ended.out.splitlines())
    assert ended.err.splitlines()[-1].startswith("12 of 12, ")
    pages = [Path(f"here/pdfs/2026-{number:04}.pdf").read_bytes() for number in range(1, 13)]
    assert all(page.startswith(b"%PDF-") for page in pages)
    assert len(set(pages)) == 12
    files = [line.partition("\t")[2] for line in ended.out.partition("Files\n")[2].splitlines()]
    assert len(files) == 4
    assert all(Path(file).exists() for file in files)
    rows = [json.loads(line) for line in Path("here/invoices.jsonl").read_text("utf-8").splitlines()]
    assert rows == list(make_invoices(12))


def test_a_failed_invoice_is_a_failed_demo(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be a defect, and must not look well."""
    monkeypatch.setattr(
        "craftkit_async.cli.commands.demo._SETTINGS", {"faults": "render:failed", "pdf": False, "latency": 0}
    )
    ended = run("demo", "--rows", "1")

    assert ended.code == 1
    assert "0 of 1 invoices rendered" in ended.out


def test_what_keeps_it_from_starting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that cannot be written to, or a missing extra, is said in one line."""
    Path("taken").write_text("", "utf-8")
    taken = run("demo", "--out", "taken")
    monkeypatch.setitem(sys.modules, "craftkit_async.emulator", None)
    missing = run("demo")

    assert (taken.code, taken.err) == (3, "craftkit-async: taken: File exists\n")
    assert missing.code == 3
    assert missing.err.endswith("pip install 'craftkit-async[emulator]'\n")


def test_stories_tell_who_was_first() -> None:
    """How long after its end a render was known; a source without a delay has none to say_aside."""
    stories = Stories(lambda: 1_000_000.0)
    for source, delay in (("webhook", 0.25), ("webhook", 1.5), ("webhook", 0.5), ("poll", -1.0)):
        ended = Render("r1", completed_at=datetime.fromtimestamp(1_000_000.0 - delay, UTC))
        stories.on_event(Completed(ended, source, 1.0))
    stories.on_event(Completed(Render("r2"), "poll", 1.0))

    assert list(stories.delays({"webhook": 3, "poll": 2, "replay": 1})) == [
        ("by webhook", 3, "500 ms", "1,500 ms"),
        ("by poll", 2, "0 ms", "0 ms"),
        ("by replay", 1, "", ""),
    ]


@pytest.mark.parametrize(
    ("operation", "error", "said"),
    [
        ("render_template", ApiError("x", 503), "submit answered with 503"),
        ("get_render", TransportError("x"), "poll whose connection broke"),
        ("download_render", DownloadError("x"), "download that was cut"),
        ("fetch_document", DecodeError("x"), "download whose answer was not readable"),
    ],
)
def test_stories_tell_what_was_survived(operation: str, error: CraftkitError, said: str) -> None:
    """In words, with how often; the most frequent first."""
    stories = Stories(lambda: 0.0)
    for _ in range(2):
        stories.on_event(AttemptFailed(operation, 1, error))
    for event in (
        Submitted("r1", "invoice", "k", replayed=True),
        Submitted("r2", "invoice", "l", replayed=False),
        DeliveryReceived("render.succeeded", duplicate=True),
        DeliveryReceived("render.succeeded", duplicate=False),
        DeliveryRefused("forged"),
        Polled("r1", "queued"),
    ):
        stories.on_event(event)

    assert dict(stories.survived()) == {
        said: 2,
        "submit that had arrived, found again by its key": 1,
        "webhook that came a second time": 1,
        "webhook that was forged": 1,
    }
    assert next(stories.survived()) == (said, 2)


def test_invoices_are_the_same_every_time_and_right() -> None:
    """Totals are those of their items."""
    first, second = list(make_invoices(30)), list(make_invoices(30))

    assert first == second
    for invoice in first:
        assert invoice["subtotal"] == pytest.approx(sum(item["amount"] for item in invoice["items"]))
        assert invoice["total"] == pytest.approx(invoice["subtotal"] + invoice["tax"])
