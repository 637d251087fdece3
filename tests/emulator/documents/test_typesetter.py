"""Printed pages, read again with other people's libraries."""

import io
import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pypdf
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from craftkit_async.emulator.documents import TINY_PDF, Document, Typesetter, image_urls
from craftkit_async.emulator.documents.fonts import build_last_resort
from tests.support.pdf_reading import read_in_order, read_letters, read_text, render
from tests.support.pictures import INLINE, PIXEL, draw

ROWS: dict[str, Any] = {
    "key": "rows",
    "label": "Rows",
    "itemFields": [
        {"key": "name", "label": "Name of the thing", "dataType": "text"},
        {"key": "count", "label": "Count", "dataType": "number"},
        {"key": "price", "label": "Price", "dataType": "currency", "format": "currency:EUR"},
    ],
}


def print_text(typesetter: Typesetter, *texts: str, **more: Any) -> bytes:
    """Print some texts, each as a field, as a passage and in a table."""
    places = list(zip("abcdefghijklmnop", texts, strict=False))
    manifest = {
        "variables": [{"key": key} for key, _ in places]
        + [{"key": key * 2, "dataType": "longtext"} for key, _ in places],
        "loops": [{"key": "rows", "itemFields": [{"key": "text"}, {"key": "other"}]}],
    }
    data = {
        **dict(places),
        **{key * 2: text for key, text in places},
        "rows": [{"text": text, "other": "-"} for text in texts],
    }
    return typesetter.compile(Document("Document", manifest, data, **more))


def test_a_long_loop_crosses_pages_with_its_header(typesetter: Typesetter) -> None:
    """Every row is there once, in order; every page repeats the header and says which it is."""
    rows = [{"name": f"Thing {number:03}", "count": number, "price": number * 1.5} for number in range(300)]

    pages = read_text(typesetter.compile(Document("Long", {"variables": [], "loops": [ROWS]}, {"rows": rows})))

    assert len(pages) > 5
    for number, page in enumerate(pages, 1):
        assert page.count("Name of the thing Count Price") == 1
        assert f"Page {number} of {len(pages)}" in page
    text = " ".join(pages)
    places = [text.index(f"Thing {row['count']:03} {row['count']} €{row['price']:,.2f}") for row in rows]
    assert places == sorted(places)


def test_values_are_written_as_asked(typesetter: Typesetter) -> None:
    manifest = {
        "variables": [
            {"key": "total", "label": "Total", "dataType": "currency", "format": "currency:EUR"},
            {"key": "day", "label": "Day", "dataType": "date", "format": "date:DD/MM/YYYY"},
            {"key": "agreed", "label": "Agreed", "dataType": "boolean"},
        ],
    }

    (page,) = read_text(
        typesetter.compile(Document("D", manifest, {"total": 1234.5, "day": "2026-06-01", "agreed": True}))
    )

    assert "€1,234.50" in page
    assert "01/06/2026" in page
    assert "Yes" in page


@pytest.mark.parametrize(
    "text",
    [
        "Žluťoučký kůň, façade, Straße, İstanbul",
        "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
        "Съешь ещё этих мягких французских булок",
        "דג סקרן שט בים מאוכזב",
        "نص حكيم له سر قاطع وذو شأن عظيم",
    ],
)
def test_scripts_are_drawn(typesetter: Typesetter, text: str) -> None:
    """The text can be read again, and no letter had to be drawn as a box."""
    content = print_text(typesetter, text)

    assert text in read_in_order(content)
    assert b"LastResort" not in content


@pytest.mark.parametrize("text", ["漢字テスト", "中文字符", "한국어", "ภาษาไทย"])
def test_other_scripts_are_in_the_text_layer(typesetter: Typesetter, text: str) -> None:
    """Without a typeface for them they are boxes on the page, but can be searched and copied."""
    content = print_text(typesetter, text)

    assert text in read_letters(content)
    assert text in read_in_order(content)
    assert b"LastResort" in content


def test_a_typeface_from_the_font_path_is_used(tmp_path: Path) -> None:
    """The last resort, under another name, plays the typeface that draws Chinese."""
    name, other = (text.encode("utf-16-be") for text in ("Last Resort Boxes", "Found Typefaces 1"))
    plain_name, plain_other = (text.encode("utf-16-be") for text in ("LastResortBoxes", "FoundTypefaces1"))
    (tmp_path / "found.ttf").write_bytes(build_last_resort().replace(name, other).replace(plain_name, plain_other))

    content = print_text(Typesetter(tmp_path), "漢字")

    assert b"FoundTypefaces1" in content
    assert b"LastResort" not in content


def test_a_font_path_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="nowhere"):
        Typesetter(tmp_path / "nowhere")


def test_right_to_left_fields_stand_in_a_left_to_right_page(typesetter: Typesetter) -> None:
    """Punctuation and numbers inside a Hebrew value go where Hebrew puts them."""
    text = read_in_order(print_text(typesetter, "שלום (123) עולם!"))

    assert "שלום" in text
    assert text.count("123") == 3


HOSTILE = [
    '#import "@preview/cetz:0.1.0": *',
    '#read("/etc/passwd") #sys.inputs #panic("no")',
    "$ sum_(i=0)^n $ ]]] }}} ))) \\ \\u{41} `raw` ```typ #let```",
    "*not bold* _not italic_ <label> @reference // comment /* block */ = heading",
    '"; #include "x" \'single\' -- --- ... ~ ^',
    "<script>alert(1)</script> &amp; %PDF-1.7 endstream endobj",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_source_code_is_printed_as_text(typesetter: Typesetter, text: str) -> None:
    """Nothing in the data is ever read as the typesetter's source."""
    letters = read_letters(print_text(typesetter, text))

    assert letters.count("".join(text.split())) == 3


def test_names_and_labels_may_be_hostile_too(typesetter: Typesetter) -> None:
    manifest = {
        "variables": [{"key": "#a.$b", "label": "#panic()"}, {"key": "]", "label": "\\ #{"}],
        "loops": [{"key": "$x$", "label": '#include "y"', "itemFields": [{"key": "*", "label": "*label*"}]}],
    }
    document = Document('#import "z" \x00', manifest, {"$x$": [{"*": "#"}]}, {"locale": '"#', "page_config": "#"})

    (page,) = read_text(typesetter.compile(document))

    for text in ('#import "z"', "#panic()", "\\ #{", '#include "y"', "*label*", "#a"):
        assert text in page


def test_control_characters_leave_the_rest_readable(typesetter: Typesetter) -> None:
    (page,) = read_text(print_text(typesetter, "before\x00\x1b[31m\ud800after"))

    assert page.count("before\ufffd\ufffd[31m\ufffdafter") == 3


@pytest.mark.parametrize("letter", ["x", "W", "я", "漢", "ש", "😀"])
def test_long_words_break_inside_the_page(typesetter: Typesetter, letter: str) -> None:
    """No letter is drawn to the right of the margin."""
    picture = render(print_text(typesetter, letter * 500)).convert("L")

    assert picture.crop((picture.width - 50, 0, picture.width, picture.height)).getextrema() == (255, 255)


def test_a_megabyte_is_printed(typesetter: Typesetter) -> None:
    """All of it, in time that grows with its length and not faster."""
    text = "".join(itertools.islice(itertools.cycle("0123456789 "), 1_000_000))
    manifest = {"variables": [{"key": "text"}]}

    content = typesetter.compile(Document("Megabyte", manifest, {"text": text}))

    reader = pypdf.PdfReader(io.BytesIO(content))
    assert len(reader.pages) > 100
    assert "0123456789 0123456789" in reader.pages[-1].extract_text().replace("\n", " ")


def test_test_keys_leave_a_watermark_on_every_page(typesetter: Typesetter) -> None:
    rows = [{"name": str(number)} for number in range(100)]
    document = Document("Marked", {"loops": [ROWS]}, {"rows": rows}, watermark=True)

    marked = read_text(typesetter.compile(document))
    plain = read_text(typesetter.compile(Document("Plain", {"loops": [ROWS]}, {"rows": rows})))

    assert len(marked) > 1
    assert all("TEST" in page for page in marked)
    assert not any("TEST" in page for page in plain)


def test_the_page_has_the_size_that_was_asked_for(typesetter: Typesetter) -> None:
    options = {"page_config": {"format": "Letter", "orientation": "landscape"}}

    page = pypdf.PdfReader(io.BytesIO(typesetter.compile(Document("D", {}, options=options)))).pages[0]

    assert (page.mediabox.width, page.mediabox.height) == (792, 612)


def list_colours(content: bytes) -> set[tuple[int, ...]]:
    """List the full colours on the first page."""
    colours = render(content).getcolors(maxcolors=2**24) or []
    return {colour for count, colour in colours if count > 200 and isinstance(colour, tuple)}


PICTURES = {
    "variables": [{"key": key, "dataType": "image", "label": f"Picture {key}"} for key in ("logo", "p", "signature")],
    "loops": [{"key": "rows", "itemFields": [{"key": "photo", "dataType": "image"}]}],
}
PICTURE_DATA = {
    "logo": "https://x.example/1",
    "p": "https://x.example/2",
    "signature": "https://x.example/3",
    "rows": [{"photo": "https://x.example/4"}],
}


def test_pictures_are_drawn(typesetter: Typesetter) -> None:
    """Beside the title, among the pictures, above a signature's line and in tables."""
    colours = {"#ff0000": (255, 0, 0), "#00ff00": (0, 255, 0), "#0000ff": (0, 0, 255), "#ffff00": (255, 255, 0)}
    images = dict(zip(image_urls(PICTURES, PICTURE_DATA), map(draw, colours), strict=True))

    content = typesetter.compile(Document("Pictures", PICTURES, PICTURE_DATA, images=images))

    assert set(colours.values()) <= list_colours(content)


def test_broken_pictures_leave_their_addresses(typesetter: Typesetter) -> None:
    """The other images are drawn, and no file remains in the folder of the typesetter."""
    images = {
        "https://x.example/1": b"<html>404</html>",
        "https://x.example/2": draw("#00ff00", "JPEG")[:400],
        "https://x.example/3": draw("#0000ff"),
        "https://x.example/4": b"\x89PNG\r\n\x1a\nbroken",
    }
    typesetter.compile(Document("First", {}))
    before = sorted(typesetter._folder.rglob("*"))

    content = typesetter.compile(Document("Pictures", PICTURES, PICTURE_DATA, images=images))

    text = " ".join(read_text(content))
    assert (0, 0, 255) in list_colours(content)
    assert all(f"https://x.example/{place}" in text for place in (1, 4))
    assert "https://x.example/3" not in text
    assert sorted(typesetter._folder.rglob("*")) == before


def test_pictures_inside_text_values_are_drawn(typesetter: Typesetter) -> None:
    document = Document("Inline", {"variables": [{"key": "stamp", "dataType": "text"}]}, {"stamp": INLINE})

    content = typesetter.compile(document)

    assert "/Image" in str(pypdf.PdfReader(io.BytesIO(content)).pages[0]["/Resources"])
    assert "base64" not in " ".join(read_text(content))


def test_document_mode_draws_no_pictures(typesetter: Typesetter) -> None:
    images = {"https://x.example/2": PIXEL}
    document = Document("Words", PICTURES, PICTURE_DATA, images=images, pipeline="document")

    assert "https" not in " ".join(read_text(typesetter.compile(document)))


def test_a_drawing_cannot_end_the_process(typesetter: Typesetter) -> None:
    """An SVG file nests deeper than any stack; its address is printed in its place."""
    svg = b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g>" * 100_000 + b"</g>" * 100_000 + b"</svg>"

    (page,) = read_text(typesetter.compile(Document("P", PICTURES, PICTURE_DATA, images={"https://x.example/2": svg})))

    assert "https://x.example/2" in page


def test_the_same_document_gives_the_same_bytes(typesetter: Typesetter) -> None:
    assert print_text(typesetter, "same") == print_text(typesetter, "same")


def test_threads_may_share_a_typesetter(typesetter: Typesetter) -> None:
    """Each gets its own document, however many print at once."""
    with ThreadPoolExecutor(4) as pool:
        printed = list(pool.map(lambda number: print_text(typesetter, f"number {number:04}"), range(40)))

    assert all(read_text(content)[0].count(f"number {number:04}") == 3 for number, content in enumerate(printed))


def test_a_typesetter_removes_its_folder() -> None:
    """Its temporary folder is removed when the typesetter is collected."""
    typesetter = Typesetter()
    folder = typesetter._folder
    del typesetter

    assert not folder.exists()


_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=4
)
_TYPES = st.sampled_from(["text", "longtext", "number", "currency", "date", "boolean", "image", "url", "email", "?"])
_DEFINITIONS = st.lists(
    st.fixed_dictionaries({"key": st.text(min_size=1, max_size=8), "dataType": _TYPES}, optional={"label": st.text()}),
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), _DEFINITIONS, _DEFINITIONS, st.data())
def test_any_manifest_and_any_data_make_a_document(
    typesetter: Typesetter, name: str, variables: list[Any], fields: list[Any], data: st.DataObject
) -> None:
    values = {field["key"]: data.draw(_VALUES) for field in variables}
    rows = [{field["key"]: data.draw(_VALUES) for field in fields}]
    manifest = {"variables": variables, "loops": [{"key": "rows", "itemFields": fields}]}

    assert read_text(typesetter.compile(Document(name, manifest, {**values, "rows": rows})))


def test_the_tiny_file_is_a_page() -> None:
    """For load tests: valid, empty, always the same."""
    assert len(pypdf.PdfReader(io.BytesIO(TINY_PDF), strict=True).pages) == 1
    assert render(TINY_PDF).size == (595, 842)
    assert len(TINY_PDF) < 500
