"""Row sources: each line is a request or a value that says why not, and none is lost."""

import asyncio
import io
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from craftkit_async._sansio.calls.render_request import RenderRequest
from craftkit_async.batch.rows.lines import Lines
from craftkit_async.batch.rows.parsing import Reading, parse_csv, parse_jsonl
from craftkit_async.batch.rows.requests import BadRow
from craftkit_async.batch.rows.sources import read_csv, read_jsonl
from craftkit_async.errors import ConfigurationError, InvalidDataError
from craftkit_async.models.templates import Loop, Manifest, Variable

MANIFEST = Manifest(
    variables=(
        Variable("customer.name", data_type="text"),
        Variable("total", data_type="currency"),
        Variable("paid", data_type="boolean"),
    ),
    loops=(Loop("handover.areas"),),
)


def of_json(*lines: str | bytes, **reading: Any) -> list[RenderRequest | BadRow]:
    return list(parse_jsonl((_bytes(line) for line in lines), Reading(**reading)))


def of_csv(*lines: str | bytes, **reading: Any) -> list[RenderRequest | BadRow]:
    return list(parse_csv((_bytes(line) for line in lines), Reading(**{"template": "t", **reading})))


def _bytes(line: str | bytes) -> bytes:
    return line if isinstance(line, bytes) else line.encode() + b"\n"


def said(rows: Iterable[RenderRequest | BadRow]) -> list[str]:
    return [str(row.error) for row in rows if isinstance(row, BadRow)]


def test_a_line_is_the_data_where_the_template_is_given() -> None:
    """Blank lines and a byte order mark do not count."""
    rows = of_json(b'\xef\xbb\xbf{"number": 1}\n', "", '{"number": 2}\r', template="invoice")

    assert rows == [RenderRequest("invoice", {"number": 1}), RenderRequest("invoice", {"number": 2})]


def test_a_line_may_say_everything_itself() -> None:
    """Template and data have to be there, the rest may be."""
    line = {"template": "invoice", "data": {"n": 1}, "key": "a", "version": 3, "filename": "a.pdf"}

    assert of_json(json.dumps(line)) == [RenderRequest("invoice", {"n": 1}, key="a", version=3, filename="a.pdf")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line 1: is not JSON"),
        ("[]", "line 1: is no JSON object"),
        ('{"n": NaN}', "line 1: is not JSON"),
        (b"\xff\n", "line 1: is not JSON"),
        ('{"template": "t", "data": {}, "filname": "x"}', "line 1: has the unknown member 'filname'"),
        ('{"data": {}}', "line 1: lacks 'template'"),
        ('{"template": "t"}', "line 1: lacks 'data'"),
        ('{"template": 7, "data": {}}', "line 1: template takes text, not an int"),
        ('{"template": "t", "data": {}, "key": ""}', "line 1: key takes text that is not empty"),
        ('{"template": "t", "data": {}, "key": []}', "line 1: has no text or number at 'key'"),
        ('{"template": "t", "data": {}, "version": "2"}', "line 1: version takes a whole number"),
    ],
)
def test_a_bad_line_is_a_value(line: str | bytes, why: str) -> None:
    """And the next one is read as if nothing had been."""
    bad, good = of_json(line, '{"template": "t", "data": {}}')

    assert isinstance(bad, BadRow)
    assert isinstance(bad.error, InvalidDataError)
    assert str(bad.error).startswith(why)
    assert good == RenderRequest("t", {})


@pytest.mark.parametrize(
    ("data", "path", "key"),
    [
        ({"order": {"id": 7}}, "order.id", "7"),
        ({"order.id": "x", "order": {"id": 7}}, "order.id", "x"),
        ({"a": 1.5}, "a", "1.5"),
    ],
)
def test_a_path_names_the_row(data: Any, path: str, key: str) -> None:
    """A name with a dot in it wins over a path through two."""
    [row] = of_json(json.dumps(data), template="t", key=path)

    assert isinstance(row, RenderRequest)
    assert row.key == key


@pytest.mark.parametrize("data", [{}, {"order": 5}, {"order": {"id": None}}, {"order": {"id": True}}, {"order": []}])
def test_a_row_without_a_name_is_a_bad_one(data: Any) -> None:
    """Where rows are to be named, a row that has no name would be somebody else's the next time."""
    assert said(of_json(json.dumps(data), template="t", key="order.id")) == [
        "line 1: has no text or number at 'order.id' that could name the row"
    ]


def test_a_key_of_the_line_wins_over_the_path() -> None:
    """It was written on purpose."""
    [row] = of_json('{"template": "t", "data": {"id": "b"}, "key": "a"}', key="id")

    assert isinstance(row, RenderRequest)
    assert row.key == "a"


# ---- CSV


def test_headers_nest_and_the_manifest_gives_types() -> None:
    """An empty cell is not sent; what the manifest does not name stays text."""
    header = "customer.name,total,paid,handover.areas,note"
    rows = of_csv(
        "\ufeff" + header,
        'Mira,1290.00,yes,"[{""name"": ""Hull""}]",7',
        "",
        ",12,,,",
        manifest=MANIFEST,
    )

    assert [row.data for row in rows if isinstance(row, RenderRequest)] == [
        {
            "customer": {"name": "Mira"},
            "total": 1290.0,
            "paid": True,
            # A loop whose key has a dot binds at this key only.
            "handover.areas": [{"name": "Hull"}],
            "note": "7",
        },
        {"total": 12},
    ]


def test_cells_that_do_not_fit_are_named() -> None:
    """All of them, each with its reason, and without what stands in them."""
    [row] = of_csv("total,paid,handover.areas", "secret,perhaps,nan", manifest=MANIFEST)

    assert isinstance(row, BadRow)
    assert str(row.error) == "line 2: does not fit the manifest at total, paid, handover.areas"
    assert isinstance(row.error, InvalidDataError)
    assert [issue.message.split()[:2] for issue in row.error.issues] == [["is", "no"], ["is", "none"], ["is", "no"]]
    assert of_csv("handover.areas", "{}", manifest=MANIFEST)[0] != RenderRequest("t", {})
    assert said(of_csv("total", "inf", manifest=MANIFEST)) == ["line 2: does not fit the manifest at total"]


def test_a_record_of_another_length_is_a_bad_row() -> None:
    """So is one that no CSV reader takes."""
    rows = of_csv("a,b", "1", "1,2,3", '1,"two\n', 'lines"', "x\ry,1", "1,2")

    assert said(rows)[0] == "line 2: has 1 cells where the header has 2"
    assert said(rows)[1] == "line 3: has 3 cells where the header has 2"
    assert said(rows)[2].startswith("line 6: is not CSV")
    assert [row.data for row in rows if isinstance(row, RenderRequest)] == [
        {"a": "1", "b": "two\n\nlines"},
        {"a": "1", "b": "2"},
    ]


@pytest.mark.parametrize("header", ["a,a", "a,", "a.,b", "a,a.b", "a.b,a"])
def test_a_header_that_contradicts_itself_is_refused(header: str) -> None:
    """Before any row, since all of them would be wrong."""
    with pytest.raises(ConfigurationError, match="header"):
        of_csv(header, "1,2")


def test_a_record_names_its_row() -> None:
    """By a path, like a line of JSON; a boolean cell is still text without a manifest."""
    [row] = of_csv("order.id,x", "7,true", key="order.id")

    assert row == RenderRequest("t", {"order": {"id": "7"}, "x": "true"}, key="7")


# ---- lines


class _Pipe(io.RawIOBase):
    """Gives its pieces as they were written."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = list(pieces)

    def read1(self, _: int) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


@given(st.lists(st.binary(min_size=1, max_size=8).map(lambda piece: piece.replace(b"x", b"\n")), max_size=12))
def test_lines_do_not_depend_on_the_pieces(pieces: list[bytes]) -> None:
    """However a file is cut into pieces, its lines are the same."""
    whole = b"".join(pieces)

    assert list(Lines(_Pipe(pieces))) == list(io.BytesIO(whole))  # type: ignore[arg-type]  # it has what is needed


def test_an_endless_line_is_cut() -> None:
    """It costs bounded memory and its own row; the next line is read."""
    lines = list(Lines(_Pipe([b"x" * 2**20] * 40 + [b"x\nnext"])))  # type: ignore[arg-type]  # it has what is needed

    assert len(lines[0]) < 20 * 2**20
    assert lines[1:] == [b"next"]


async def test_a_file_is_read_in_order(tmp_path: Path) -> None:
    """Off the loop, and closed at the end."""
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f'{{"n": {n}}}\n' for n in range(1000)))

    rows = [row async for row in read_jsonl(file, template="t")]

    assert [row.data["n"] for row in rows if isinstance(row, RenderRequest)] == list(range(1000))


async def test_rows_come_as_they_are_written() -> None:
    """A pipe that is silent after a line keeps nothing back."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as source, os.fdopen(write, "wb", buffering=0) as sink:
        rows = read_csv(source, template="t")
        sink.write(b"a\n1\n")
        first = await anext(rows)
        sink.write(b"2\n")
        second = await anext(rows)
        await rows.aclose()

    assert [first, second] == [RenderRequest("t", {"a": "1"}), RenderRequest("t", {"a": "2"})]


async def test_reading_a_silent_pipe_can_be_cancelled() -> None:
    """The thread that reads cannot be stopped, but nobody waits for it."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as source:
        reading = asyncio.ensure_future(anext(read_jsonl(source, template="t")))
        await asyncio.sleep(0.01)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        os.write(write, b"{}\n")
        os.close(write)


async def test_standard_input_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written as a dash, and stays open."""
    stdin = io.TextIOWrapper(io.BytesIO(b"{}\n"))
    monkeypatch.setattr(sys, "stdin", stdin)

    assert [row async for row in read_jsonl("-", template="t")] == [RenderRequest("t", {})]
    assert not stdin.buffer.closed


async def test_a_source_that_breaks_says_so() -> None:
    """What the reading raises comes out where the rows are taken."""

    class _Broken(io.BytesIO):
        def read1(self, _: int | None = -1) -> bytes:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        [row async for row in read_jsonl(_Broken(), template="t")]


def test_wrong_arguments_are_refused_at_once(tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_jsonl(tmp_path / "missing.jsonl")
    with pytest.raises(ConfigurationError, match="one character"):
        read_csv(io.BytesIO(), template="t", delimiter="||")
    with pytest.raises(ConfigurationError, match="manifest"):
        read_csv(io.BytesIO(), template="t", manifest={"variables": 7})


# ---- values are read exactly, or refused


def test_whole_numbers_of_any_size_stay_exact() -> None:
    """The fast parser would round what is longer than 64 bits."""
    (row,) = of_json('{"n": 123456789012345678901234567890}', template="t")

    assert isinstance(row, RenderRequest)
    assert row.data == {"n": 123456789012345678901234567890}


def test_a_key_is_the_text_of_its_cell() -> None:
    """As numbers, 00123 and 123 would be one row."""
    manifest = Manifest(variables=(Variable("n", data_type="number"),))
    found = of_csv("n", "00123", "123", manifest=manifest, key="n")

    assert [(row.key, row.data) for row in found if isinstance(row, RenderRequest)] == [
        ("00123", {"n": 123}),
        ("123", {"n": 123}),
    ]
    assert said(of_csv("n,m", ",1", key="n")) == ["line 2: has no text or number at 'n' that could name the row"]
    assert said(of_csv("n", "1", key="m")) == ["line 2: has no text or number at 'm' that could name the row"]


@pytest.mark.parametrize(
    "cell", ["1_000", "١٢", "0.12345678901234567890", "12345678901234567.5", "1e400", "1e-400", "nan", "9" * 5000]
)
def test_a_number_that_would_change_is_refused(cell: str) -> None:
    """Neither what only Python reads as a number, nor what a float rounds."""
    assert said(of_csv("total", cell, manifest=MANIFEST)) == ["line 2: does not fit the manifest at total"]


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("12", 12),
        (" -7 ", -7),
        ("+5", 5),
        ("0.10", 0.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("9" * 30, int("9" * 30)),
    ],
)
def test_a_number_is_read_as_it_is_written(cell: str, number: float) -> None:
    """With the blanks that spreadsheets leave around it."""
    (row,) = of_csv("total", cell, manifest=MANIFEST)

    assert isinstance(row, RenderRequest)
    assert row.data == {"total": number}


def test_a_long_cell_is_one_cell() -> None:
    """The csv module's own limit of 131,072 characters would make rows of the lines inside it."""
    text = "\n".join(["x" * 99] * 4000)
    found = of_csv("a,b", f'"{text}",1', "2,3")

    assert [row.data for row in found if isinstance(row, RenderRequest)] == [
        {"a": text, "b": "1"},
        {"a": "2", "b": "3"},
    ]


def test_a_cell_without_end_ends_the_input() -> None:
    """Where it stops is not known, so nothing after it may be taken for a row."""
    found = parse_csv(iter([b"a\n", b"1\n", b'"', *[b"x" * 2**20 + b"\n"] * 17, b"2\n"]), Reading("t"))

    assert getattr(next(found), "data", None) == {"a": "1"}
    with pytest.raises(InvalidDataError, match="a cell is longer than 16777216 characters; no row after it was read"):
        next(found)


def test_records_of_empty_cells_are_skipped() -> None:
    """Spreadsheets leave them at the end."""
    assert len(of_csv("a,b", "1,2", ",", "3,4", ",")) == 2


@pytest.mark.parametrize(("header", "mark"), [("a;b", "';'"), ("a\tb", r"'\t'")])
def test_another_delimiter_is_recognised(header: str, mark: str) -> None:
    """Excel writes semicolons in many countries; one column of that name is never meant."""
    with pytest.raises(ConfigurationError) as refused:
        of_csv(header, "1")

    assert f"one column that holds {mark}; pass delimiter={mark}" in str(refused.value)
