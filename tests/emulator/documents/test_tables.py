"""Loops as tables."""

import pytest
from hypothesis import given, strategies as st

from craftkit_async.emulator.documents.columns import share_width
from craftkit_async.emulator.documents.tables import MAX_COLUMNS, Cell, lay_out_table


def test_narrow_columns_keep_what_they_want_and_the_widest_are_cut() -> None:
    assert share_width([50, 1000, 50, 400], [True] * 4, 500) == [50, 200, 50, 200]


def test_spare_width_goes_to_text() -> None:
    """A column of numbers is not torn away from its neighbour."""
    assert share_width([100, 50], [True, False], 300) == [250, 50]
    assert share_width([100, 50], [False, False], 300) == [200, 100]


@given(st.lists(st.floats(min_value=0, max_value=5000), min_size=1, max_size=MAX_COLUMNS), st.data())
def test_a_table_is_as_wide_as_the_page(wanted: list[float], data: st.DataObject) -> None:
    stretch = data.draw(st.lists(st.booleans(), min_size=len(wanted), max_size=len(wanted)))

    assert sum(share_width(wanted, stretch, 480)) == pytest.approx(480)
    assert min(share_width(wanted, stretch, 480)) > 0


def test_very_many_columns_make_several_tables() -> None:
    """All of them are printed, the first with the heading."""
    header = [Cell(f"column {index}") for index in range(2 * MAX_COLUMNS + 3)]

    tables = lay_out_table("Heading", header, [header], [False] * len(header), 480)

    assert [len(table["widths"]) for table in tables] == [MAX_COLUMNS, MAX_COLUMNS, 3]
    assert [table["heading"] for table in tables] == ["Heading", None, None]
    assert [cell for table in tables for cell in table["rows"][0]] == [cell.text for cell in header]


def test_a_loop_without_any_field_is_an_empty_table() -> None:
    assert lay_out_table("Heading", [], [], [], 480) == [{"heading": "Heading", "widths": []}]


def test_rows_with_a_long_text_may_break() -> None:
    """Short rows stay on one page; a long one must be able to go on overleaf."""
    short = lay_out_table("", [Cell("a")], [[Cell("b")]], [False], 480)
    long = lay_out_table("", [Cell("a")], [[Cell("b " * 2000)]], [False], 480)

    assert (short[0]["breakable"], long[0]["breakable"]) == (False, True)
