"""Format values: money, dates, numbers and booleans."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import Any

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "ILS": "₪", "INR": "₹", "TRY": "₺", "UAH": "₴"}
# ISO 4217 gives these no minor unit.
WITHOUT_CENTS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK"})
# Languages that write a decimal comma and the currency after the amount, with their thousands separators.
NO_BREAK = "\N{NO-BREAK SPACE}"
THOUSANDS_BEFORE_COMMA = {
    **dict.fromkeys(("de", "da", "el", "es", "hr", "id", "it", "nl", "pt", "ro", "sl", "tr"), "."),
    **dict.fromkeys(("bg", "cs", "fi", "fr", "hu", "nb", "no", "pl", "ru", "sk", "sv", "uk"), NO_BREAK),
}
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DATE_TOKEN = re.compile(r"YYYY|YY|MMMM|MMM|MM|M|DD|D|HH|H|mm|ss")


def write_value(value: Any, field: Mapping[str, Any], language: str = "en") -> str:
    """Format a value by its definition's format hint or data type; a value that fits neither is converted to text."""
    hint = field.get("format")
    kind, _, detail = hint.partition(":") if isinstance(hint, str) else ("", "", "")
    writer = _HINTED.get(kind.strip().lower()) or _TYPED.get(str(field.get("dataType")))
    written = writer(value, detail.strip(), language) if writer else None
    return _write_plain(value) if written is None else written


def write_money(value: Any, currency: str = "", language: str = "en") -> str | None:
    """Format an amount with two decimals, thousands separators and the currency's sign or, without one, its code."""
    amount = _parse_decimal(value)
    if amount is None:
        return None
    code = currency.upper() if re.fullmatch("[A-Za-z]{3}", currency) else ""
    with localcontext(rounding=ROUND_HALF_UP):
        digits = format(abs(amount), ",.0f" if code in WITHOUT_CENTS else ",.2f")
    minus = "-" if amount < 0 and any(digit in digits for digit in "123456789") else ""
    if thousands := THOUSANDS_BEFORE_COMMA.get(language):
        digits = digits.replace(",", " ").replace(".", ",").replace(" ", thousands)
        return f"{minus}{digits}{NO_BREAK}{SIGNS.get(code, code)}" if code else minus + digits
    sign = SIGNS.get(code, code and code + NO_BREAK)
    return f"{minus}{sign}{digits}"


def write_date(value: Any, pattern: str = "", _language: str = "en") -> str | None:
    """Format a date by a pattern such as DD.MM.YYYY; the default is ISO 8601."""
    moment = _parse_moment(value)
    return None if moment is None else _fill_pattern(pattern or "YYYY-MM-DD", moment)


def write_moment(value: Any, pattern: str = "", _language: str = "en") -> str | None:
    """Format a date and time by a pattern; the default is ISO 8601 to the minute, with the value's time zone."""
    moment = _parse_moment(value)
    if moment is None:
        return None
    zone = "" if pattern else f" {moment.tzname() or ''}"
    return _fill_pattern(pattern or "YYYY-MM-DD HH:mm", moment) + zone.rstrip()


def _write_boolean(value: Any, _detail: str, _language: str) -> str | None:
    return ("No", "Yes")[value] if isinstance(value, bool) else None


_Writer = Callable[[Any, str, str], str | None]
_HINTED: dict[str, _Writer] = {
    "currency": write_money,
    "money": write_money,
    "date": write_date,
    "datetime": write_moment,
}
_TYPED: dict[str, _Writer] = {
    "currency": write_money,
    "date": write_date,
    "datetime": write_moment,
    "boolean": _write_boolean,
}


def _write_plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:  # larger floats are not exact integers
        return str(int(value))
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _parse_decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _parse_moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _fill_pattern(pattern: str, moment: datetime) -> str:
    month = MONTHS[moment.month - 1]
    parts = {
        "YYYY": f"{moment.year:04}",
        "YY": f"{moment.year % 100:02}",
        "MMMM": month,
        "MMM": month[:3],
        "MM": f"{moment.month:02}",
        "M": str(moment.month),
        "DD": f"{moment.day:02}",
        "D": str(moment.day),
        "HH": f"{moment.hour:02}",
        "H": str(moment.hour),
        "mm": f"{moment.minute:02}",
        "ss": f"{moment.second:02}",
    }
    return DATE_TOKEN.sub(lambda token: parts[token[0]], pattern)
