"""The rules of a batch: names, verdicts, figures; values in, values out."""

import math
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from craftkit_async import (
    ApiError,
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    CraftkitError,
    DecodeError,
    InvalidDataError,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    Outcome,
    RateLimitedError,
    Render,
    RenderFailedError,
    RenderRequest,
    RenderStatus,
    ServerError,
    TransportError,
    WaitTimeoutError,
)
from craftkit_async.batch import BatchReport, Durations, FailedRow
from craftkit_async.batch.figures.percentiles import PercentileSketch
from craftkit_async.batch.figures.tally import Tally
from craftkit_async.batch.journal.row_errors import code_of, describe, is_settled, may_wait, restore, retry_delay
from craftkit_async.batch.rows.counting import SeenNames
from craftkit_async.batch.rows.file_names import safe_name, same_file
from craftkit_async.observe.statistics import Statistics

FAILED = RenderFailedError("render r1 finished as failed: Mira has no ink", Render("r1", RenderStatus.FAILED))

# ---- requests


@pytest.mark.parametrize(
    "wrong",
    [
        {"template": ""},
        {"template": 7},
        {"key": ""},
        {"key": "a\0b"},
        {"key": "a\udc80b"},
        {"key": 7},
        {"version": "2"},
        {"filename": 7},
        {"idempotency_key": "two words"},
    ],
)
def test_a_request_checks_itself(wrong: dict[str, object]) -> None:
    """Where it is made, which is where the mistake is."""
    with pytest.raises(ConfigurationError):
        RenderRequest(**{"template": "invoice", "data": {}, **wrong})  # type: ignore[arg-type]  # that is the point


def test_requests_and_outcomes_show_nothing_personal() -> None:
    """Keys and file names are often somebody's name."""
    request = RenderRequest("invoice", {"name": "Halden"}, key="Halden", filename="Halden.pdf")

    assert "Halden" not in repr(Outcome(0, request, Render("r1", download_url="https://example.com/Halden")))


def test_an_outcome_gives_its_render_or_raises() -> None:
    """An outcome of nothing is nobody's."""
    assert Outcome(0, None, Render("r1")).unwrap() == Render("r1")
    with pytest.raises(ConfigurationError):
        Outcome(0, None).unwrap()
    with pytest.raises(RenderFailedError):
        Outcome(0, None, error=FAILED).unwrap()


# ---- names


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("2026-0042", "2026-0042"),
        ("../../etc/passwd", "etc_passwd"),
        (r"C:\temp\x", "C_temp_x"),
        ("CON", "_CON"),
        ("com1.txt", "_com1.txt"),
        ("lpt¹", "_lpt¹"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("ends. ", "ends"),
        ("a\r\nb\u202ec\ud800", "abc"),
        ("Ångström", "Ångström"),
        ("A\u030angstro\u0308m", "Ångström"),
        ("...", "row"),
        ("", "row"),
        ("ж" * 200, "ж" * 90),
    ],
)
def test_names_are_safe_everywhere(key: str, name: str) -> None:
    """No folder, no device, nothing hidden, nothing invisible, bounded, composed the same way."""
    assert safe_name(key) == name


@given(st.text())
def test_no_key_escapes_its_folder(key: str) -> None:
    """Whatever it is."""
    name = safe_name(key)

    assert 0 < len(name.encode()) <= 181
    assert not set(name) & set('/\\:*?"<>|\0\r\n\t ')
    assert name[0] not in ".-"
    assert name[-1] not in ". "
    assert safe_name(name) in {name, f"_{name}", name.removeprefix("_"), f"_{name.removeprefix('_')}"}


def test_names_that_are_one_file_somewhere_are_the_same() -> None:
    """Where case or composition does not count."""
    assert same_file("Ångström") == same_file("A\u030aNGSTRO\u0308M")
    assert same_file("a") != same_file("b")


@given(st.lists(st.text(max_size=3), max_size=50))
def test_texts_are_counted(texts: list[str]) -> None:
    """Each on its own, from one up."""
    seen = SeenNames()

    assert [seen.add(text) for text in texts] == [texts[: place + 1].count(text) for place, text in enumerate(texts)]
    seen.close()


# ---- verdicts


@pytest.mark.parametrize(
    ("error", "settled"),
    [
        (FAILED, True),
        (InvalidDataError(""), True),
        (InvalidRequestError("", 400), True),
        (NotFoundError("", 404), True),
        (NotFoundError("", 404, maybe_applied=True), False),
        (AuthenticationError("", 401), False),
        (RateLimitedError("", 429), False),
        (ServerError("", 503), False),
        (TransportError(""), False),
        (WaitTimeoutError(""), False),
        (ClientStateError(""), False),
        (ConfigurationError(""), False),
        (JournalError(""), False),
    ],
)
def test_what_settles_a_row(error: CraftkitError, settled: bool) -> None:  # noqa: FBT001 - a column of the table
    """Only what the same key could never change; not what was wrong with the key, the client or the network."""
    assert is_settled(error) is settled


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (RateLimitedError("", 429, attempts=9), True),
        (ServerError("", 503, retry_after=90.0, attempts=5), True),
        (ServerError("", 500, attempts=5), False),
        (ServerError("", 500, attempts=2), True),
        (TransportError("", attempts=5), False),
        (TransportError("", attempts=1), True),
        (DecodeError("", attempts=1), True),
        (NotFoundError("", 404), False),
        (FAILED, False),
        (WaitTimeoutError(""), False),
    ],
)
def test_what_a_row_sits_out(error: CraftkitError, waits: bool) -> None:  # noqa: FBT001 - a column of the table
    """A rate, and an outage that left no token for the attempts that a call may have."""
    assert may_wait(error, 5) is waits


def test_patience_grows_up_to_its_bound() -> None:
    """And is never less than what the service asks for."""
    assert [retry_delay(TransportError(""), tries, 1.0) for tries in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert retry_delay(TransportError(""), 0, 0.0) == 0.5
    assert retry_delay(RateLimitedError("", 429, retry_after=90.0), 0, 0.0) == 90.0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FAILED, "render_failed"),
        (NotFoundError("", 404, "template_not_found"), "template_not_found"),
        (ApiError("", 418), "418"),
        (ApiError("", 418, "Mira Halden is no teapot"), "418"),
        (TransportError(""), "TransportError"),
    ],
)
def test_codes_are_words_and_no_sentences(error: CraftkitError, code: str) -> None:
    """A sentence in the place of a code could be about anybody."""
    assert code_of(error) == code


@pytest.mark.parametrize(
    "error", [FAILED, NotFoundError("Mira", 404, "not_found"), InvalidDataError("Mira"), JournalError("Mira")]
)
def test_an_error_comes_back_without_its_words(error: CraftkitError) -> None:
    """Of the same class and code."""
    kept = describe(error)
    restored = restore(kept, "r1")

    assert "Mira" not in kept
    assert type(restored) is type(error)
    assert code_of(restored) == code_of(error)
    assert "retry_failed=True" in str(restored)


def test_an_error_that_nobody_noted_is_still_one() -> None:
    """A journal may have been written to by hand."""
    assert isinstance(restore(None, None), JournalError)
    unheard = restore('{"render": "evaporated"}', None)
    assert isinstance(unheard, RenderFailedError)
    assert unheard.render.status == "evaporated"


# ---- figures


def _durations() -> Iterator[float]:
    dice = random.Random(1)  # noqa: S311 - no secret
    return (dice.lognormvariate(0, 1) for _ in range(5000))


def test_percentiles_are_nearly_right() -> None:
    """To 2.5 %, in a bounded number of counters."""
    sketch, exact = PercentileSketch(), sorted(_durations())
    for seconds in exact:
        sketch.add(seconds)

    for share in (0.01, 0.5, 0.9, 0.99):
        assert math.isclose(sketch.percentile(share), exact[math.ceil(share * len(exact)) - 1], rel_tol=0.03)
    assert sketch.percentile(1.0) == pytest.approx(exact[-1], rel=0.03)
    assert sum(count for _, count in sketch.histogram()) == len(exact)
    bounds = [bound for bound, _ in sketch.histogram()]
    assert bounds == [bounds[0] * 2**step for step in range(len(bounds))]


@given(st.lists(st.floats(-1, 1e9)))
def test_figures_are_bounded_whatever_comes(all_seconds: list[float]) -> None:
    """Nothing negative, nothing above the longest, and few counters."""
    sketch = PercentileSketch()
    for seconds in all_seconds:
        sketch.add(seconds)

    assert 0 <= sketch.percentile(0.5) <= sketch.percentile(0.99) <= max(sketch.most, 0.001)
    assert sum(count for _, count in sketch.histogram()) == len(all_seconds)


def test_a_report_stays_small() -> None:
    """However many rows fail, and with however many different codes."""
    tally = Tally()
    for number in range(3000):
        tally.count(Outcome(number, None, error=ApiError("", 400, f"code_{number}")), 0.1)
    report = tally.report(10.0, 3007, Statistics(), Statistics(retries=3))

    assert (report.rows, report.failed, sum(report.by_error.values()), report.retries) == (3000, 3000, 3000, 3)
    assert report.in_flight == 7
    assert (len(report.by_error), len(report.failures)) == (101, 1000)
    assert report.failures[0] == FailedRow(0, None, None, "code_0")


def test_a_render_without_times_is_not_counted() -> None:
    """The shorter replies have none."""
    tally = Tally()
    tally.count_render(Render("r1"), 1.0)

    assert tally.render_seconds.count == 0


def test_the_share_of_webhooks_is_of_both() -> None:
    """Replays and the journal brought no news."""
    assert BatchReport(by_source={"webhook": 3, "poll": 1, "journal": 9}).webhook_share == 0.75


# ---- the page


def test_the_page_escapes_what_is_not_ours() -> None:
    """Codes and ids are the service's, templates the caller's; no script of anybody runs."""
    failures = (FailedRow(0, "<b>", "r<1>", "<script>"), FailedRow(1, None, None, "TransportError"))
    report = BatchReport(rows=3, failed=3, by_error={"<script>": 2}, failures=failures, in_flight=1, saved=1)
    page = report.to_html("June & July")

    assert "<script>" not in page
    assert "<b>" not in page
    assert "June &amp; July" in page
    assert "the first 2 of 3" in page
    assert "http" not in page


def test_the_page_draws_how_long_rows_took() -> None:
    """A bar for each step, the figures as text, and no section for what there is none of."""
    durations = Durations(count=7, p50=0.4, p90=0.5, p99=0.9, most=1.0, histogram=((0.5, 6), (1.0, 1)))
    page = BatchReport(rows=7, succeeded=7, elapsed=2.0, row_seconds=durations).to_html()

    assert page.count("<rect") == 2
    assert page.count("<text") == 4
    assert "<td>0.400</td>" in page
    assert "Failed rows" not in page
    assert "3.5" in page
    many = Durations(count=24, histogram=tuple((2.0**step, 1) for step in range(24)))
    assert BatchReport(row_seconds=many).to_html().count("<text") == 24
