"""How values are written."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from craftkit_async.emulator.documents.formats import write_date, write_moment, write_money, write_value


@pytest.mark.parametrize(
    ("value", "field", "written"),
    [
        (1234.5, {"dataType": "currency", "format": "currency:EUR"}, "€1,234.50"),
        (1234.5, {"dataType": "currency", "format": "money:EUR"}, "€1,234.50"),
        (-0.5, {"dataType": "currency", "format": "currency:usd"}, "-$0.50"),
        (-0.001, {"dataType": "currency", "format": "currency:EUR"}, "€0.00"),
        (2.675, {"dataType": "currency", "format": "currency:GBP"}, "£2.68"),
        ("19.9", {"dataType": "currency", "format": "currency:CHF"}, "CHF\N{NO-BREAK SPACE}19.90"),
        (1500, {"dataType": "currency", "format": "currency:JPY"}, "¥1,500"),
        (3, {"dataType": "currency"}, "3.00"),
        (3, {"dataType": "number", "format": "currency:EUR"}, "€3.00"),
        (3, {"dataType": "currency", "format": "currency:<not a code>"}, "3.00"),
        (1e300, {"dataType": "currency"}, f"{10**300:,}.00"),
        ("n/a", {"dataType": "currency", "format": "currency:EUR"}, "n/a"),
        (True, {"dataType": "currency", "format": "currency:EUR"}, "true"),
        ("NaN", {"dataType": "currency"}, "NaN"),
        ("2026-06-01", {"dataType": "date", "format": "date:DD/MM/YYYY"}, "01/06/2026"),
        ("2026-06-01T23:30:00.000Z", {"dataType": "date", "format": "date:DD/MM/YYYY"}, "01/06/2026"),
        ("2026-06-01", {"dataType": "date"}, "2026-06-01"),
        ("soon", {"dataType": "date", "format": "date:DD/MM/YYYY"}, "soon"),
        (7, {"dataType": "date"}, "7"),
        ("2026-06-01T09:30:00.000Z", {"dataType": "datetime"}, "2026-06-01 09:30 UTC"),
        ("2026-06-01T09:30:00", {"dataType": "datetime"}, "2026-06-01 09:30"),
        ("2026-06-01T09:30:05Z", {"dataType": "datetime", "format": "datetime:D.M.YY H:mm:ss"}, "1.6.26 9:30:05"),
        ("later", {"dataType": "datetime"}, "later"),
        (True, {"dataType": "boolean"}, "Yes"),
        (False, {"dataType": "boolean"}, "No"),
        ("maybe", {"dataType": "boolean"}, "maybe"),
        (7, {"dataType": "number"}, "7"),
        (7.0, {"dataType": "number"}, "7"),
        (7.25, {"dataType": "number"}, "7.25"),
        (1e300, {"dataType": "number"}, "1e+300"),
        (2026, {"dataType": "number", "format": "roman"}, "2026"),
        (None, {"dataType": "text"}, ""),
        ({"a": ["é"]}, {"dataType": "text"}, '{"a": ["é"]}'),
        ("as it is", {"dataType": "text", "format": 5}, "as it is"),
    ],
)
def test_values_are_written_as_their_definition_asks(value: Any, field: dict[str, Any], written: str) -> None:
    """A format hint goes before the data type; what fits neither is written as it came."""
    assert write_value(value, field) == written


def test_money_follows_the_language() -> None:
    """A language with a decimal comma has the sign behind the amount."""
    assert write_money(-1234567.891, "EUR", "de") == "-1.234.567,89\N{NO-BREAK SPACE}€"
    assert write_money(1234.5, "SEK", "sv") == "1\N{NO-BREAK SPACE}234,50\N{NO-BREAK SPACE}SEK"
    assert write_money(1234.5, "", "fr") == "1\N{NO-BREAK SPACE}234,50"


def test_months_have_names() -> None:
    """Long and short names are in English, and letters that are no token stay."""
    assert write_date("2026-12-24", "D MMMM YYYY") == "24 December 2026"
    assert write_date("2026-12-24", "DD-MMM-YY") == "24-Dec-26"
    assert write_moment("2026-12-24T18:05:00+02:00", "") == "2026-12-24 18:05 UTC+02:00"


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)
_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "dataType": st.sampled_from(["text", "number", "currency", "date", "datetime", "boolean", "url", "?"]),
        "format": st.text(max_size=12) | st.sampled_from(["currency:EUR", "money:", "date:DD/MM/YYYY", "datetime:"]),
    },
)


@given(_ANYTHING, _FIELDS, st.sampled_from(["en", "de", "fr", ""]))
def test_whatever_comes_is_written(value: Any, field: dict[str, Any], language: str) -> None:
    """No value and no hint can stop a document."""
    assert isinstance(write_value(value, field, language), str)
