"""The layout of documents: which field goes to which area."""

from collections.abc import Mapping
from typing import Any

from craftkit_async.emulator.documents import Document
from craftkit_async.emulator.documents.layouts import EMPTY, make_layout, read_label, split_words

ITEMS = {
    "key": "items",
    "label": "Items",
    "itemFields": [
        {"key": "sku", "label": "Article", "dataType": "text"},
        {"key": "qty", "label": "Quantity", "dataType": "number"},
    ],
}


def lay_out(
    variables: list[dict[str, Any]],
    data: Mapping[str, Any],
    *,
    loops: list[dict[str, Any]] | None = None,
    placed: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    document = Document("Name", {"variables": variables, "loops": loops or []}, data, **more)
    return make_layout(document, placed or {}, ["A typeface"])


def test_fields_are_grouped_by_the_first_part_of_their_key() -> None:
    layout = lay_out(
        [
            {"key": "number", "label": "Number"},
            {"key": "customer.name", "label": "Name"},
            {"key": "shipTo.address.city", "label": "City"},
            {"key": "customer.phoneNumber"},
        ],
        {"number": "7", "customer": {"name": "Ada", "phoneNumber": None}},
    )

    assert layout["facts"]["fields"] == [{"label": "Number", "value": "7"}]
    assert layout["groups"]["list"] == [
        {
            "heading": "Customer",
            "fields": [{"label": "Name", "value": "Ada"}, {"label": "Phone number", "value": EMPTY}],
        },
        {"heading": "Ship to address", "fields": [{"label": "City", "value": EMPTY}]},
    ]


def test_sums_stand_below_the_table_only_if_the_data_has_them() -> None:
    variables = [
        {"key": "subtotal", "label": "Subtotal", "dataType": "currency"},
        {"key": "totals.vat", "label": "VAT", "dataType": "currency"},
        {"key": "total", "label": "Total", "dataType": "currency"},
    ]
    data = {"subtotal": 1, "total": 2}

    with_table = lay_out(variables, data, loops=[ITEMS])
    without = lay_out(variables, data)

    assert with_table["sums"] == [
        {"label": "Subtotal", "value": "1.00", "grand": False},
        {"label": "Total", "value": "2.00", "grand": True},
    ]
    assert without["sums"] == []
    assert [field["value"] for field in without["facts"]["fields"]] == ["1.00", "2.00"]


def test_numbers_stand_right_and_rows_keep_their_order() -> None:
    layout = lay_out([], {"items": [{"sku": "A", "qty": 2}, {"qty": 3}]}, loops=[ITEMS])

    (table,) = layout["tables"]
    assert (table["heading"], table["header"], table["numeric"]) == ("Items", ["Article", "Quantity"], [False, True])
    assert table["rows"] == [["A", "2"], [EMPTY, "3"]]


def test_a_loop_without_fields_shows_what_the_rows_have() -> None:
    """A manifest may leave the fields of a loop out."""
    layout = lay_out([], {"items": [{"unitPrice": 1}, {"name": "x"}]}, loops=[{"key": "items"}])

    (table,) = layout["tables"]
    assert (table["heading"], table["header"]) == ("Items", ["Unit price", "Name"])


def test_document_mode_draws_neither_loops_nor_pictures() -> None:
    """It takes both and renders nothing of them."""
    variables = [{"key": "photo", "dataType": "image"}, {"key": "subtotal", "dataType": "currency"}]
    data = {"photo": "https://x.example/1", "items": [{"sku": "A"}], "subtotal": 3}

    layout = lay_out(variables, data, loops=[ITEMS], pipeline="document")
    overlay = lay_out(variables, data, loops=[ITEMS], pipeline="overlay")

    assert (layout["tables"], layout["pictures"]) == ([], [])
    assert [field["value"] for field in layout["facts"]["fields"]] == ["3.00"]
    assert (overlay["tables"], len(overlay["pictures"])) == ([], 1)


def test_pictures_have_their_places() -> None:
    """A logo is beside the title, a signature above its line, any other image among the images."""
    variables = [{"key": key, "dataType": "image"} for key in ("logoUrl", "a.signatureImageUrl", "bow", "absent")]
    data = {"logoUrl": "l", "a": {"signatureImageUrl": "s"}, "bow": "b"}

    layout = lay_out(variables, data, placed={"l": "/1.png", "s": "/2.png"})

    assert layout["logo"] == [{"image": "/1.png"}]
    assert layout["signatures"] == [{"label": "Signature image url", "value": {"image": "/2.png"}}]
    assert layout["pictures"] == [{"label": "Bow", "value": "b"}]


def test_pictures_stand_in_tables_too() -> None:
    loop = {"key": "rows", "itemFields": [{"key": "photo", "dataType": "image"}]}

    layout = lay_out([], {"rows": [{"photo": "p"}, {"photo": "q"}]}, loops=[loop], placed={"p": "/1.png"})

    assert layout["tables"][0]["rows"] == [[{"image": "/1.png"}], ["q"]]


def test_long_texts_get_the_full_width() -> None:
    variables = [{"key": "notes", "dataType": "longtext"}, {"key": "a.text"}, {"key": "empty", "dataType": "longtext"}]

    layout = lay_out(variables, {"notes": "Short", "a": {"text": "word " * 100}})

    assert [passage["label"] for passage in layout["passages"]] == ["Notes", "Text"]
    assert layout["groups"]["list"] == []


def test_only_plain_addresses_become_links() -> None:
    """A reader is never sent anywhere but to the web or to a mailbox."""
    variables = [{"key": "url", "dataType": "url"}, {"key": "mail", "dataType": "email"}, {"key": "t"}]
    linked = lay_out(variables, {"url": "https://x.example", "mail": "a@x.example", "t": "https://x.example"})
    plain = lay_out(variables, {"url": "javascript:alert(1)", "mail": "nobody", "t": 5})
    strange = lay_out(variables, {"url": "https://x.example/" + "x" * 3000, "mail": "é@x.example", "t": None})

    assert [field["value"] for field in linked["facts"]["fields"]] == [
        {"text": "https://x.example", "link": "https://x.example"},
        {"text": "a@x.example", "link": "mailto:a@x.example"},
        "https://x.example",
    ]
    assert [field["value"] for field in plain["facts"]["fields"]] == ["javascript:alert(1)", "nobody", "5"]
    assert "link" not in str(strange)


def test_the_direction_follows_the_locale_and_then_the_labels() -> None:
    hebrew = [{"key": "a", "label": "שם"}, {"key": "b", "label": "תאריך"}]

    assert lay_out(hebrew, {})["rtl"]
    assert not lay_out(hebrew, {}, options={"locale": "en-GB"})["rtl"]
    assert lay_out([], {}, options={"locale": "ar"})["rtl"]
    assert not lay_out([], {}, options={"locale": 7})["rtl"]


def test_the_locale_writes_the_money() -> None:
    layout = lay_out([{"key": "price", "dataType": "currency"}], {"price": 1234.5}, options={"locale": "de-DE"})

    assert layout["language"] == "de"
    assert layout["facts"]["fields"][0]["value"] == "1.234,50"
    assert lay_out([], {}, options={"locale": "漢字"})["language"] == "en"
    assert lay_out([], {}, options={"locale": "#1"})["language"] == "en"


def test_backgrounds_can_be_left_out() -> None:
    assert lay_out([], {})["backgrounds"]
    assert not lay_out([], {}, options={"page_config": {"printBackground": False}})["backgrounds"]


def test_a_slim_page_has_fewer_columns() -> None:
    variables = [{"key": key} for key in ("a", "b", "c", "d", "e", "f", "g", "x.a", "y.a")]

    wide = lay_out(variables, {})
    slim = lay_out(variables, {}, options={"page_config": {"format": "A6"}})
    assert (wide["facts"]["columns"], wide["groups"]["columns"]) == (4, 2)
    assert (slim["facts"]["columns"], slim["groups"]["columns"]) == (2, 1)


def test_a_certificate_has_two_large_fields() -> None:
    """Whatever else it has stands at the foot, without empty places."""
    variables = [{"key": "who.name"}, {"key": "number"}, {"key": "what.title"}, {"key": "what.hours"}]
    variables += [{"key": "what.place"}, {"key": "what.grade"}]
    options = {"layout": {"style": "certificate"}}

    data = {"who": {"name": "Ada"}, "number": 7, "what": {"hours": 48, "place": ""}}
    layout = lay_out(variables, data, options=options)
    table = lay_out(variables, {}, loops=[ITEMS], options=options)

    assert [hero["label"] for hero in layout["heroes"]] == ["Name", "Title"]
    assert [field["label"] for field in layout["others"]] == ["Hours", "Number"]
    assert (layout["style"], table["style"]) == ("certificate", "record")


def test_keys_make_headings() -> None:
    assert split_words("lineItems") == "Line items"
    assert split_words("line_items-of VAT") == "Line items of VAT"
    assert split_words("__") == "__"
    assert read_label({"key": "a.unitPrice", "label": "  "}) == "Unit price"
