"""Coerce and validate single values by data type."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from attrs import frozen

_NUMERIC = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*")
_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\\\]]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
_LONGEST_NUMBER = 400  # digits; a float has 309 before the point


@frozen
class InvalidValue(Exception):  # noqa: N818 - an expected result of validation
    """A value that does not match its data type; `reason` is shown to users."""

    reason: str


def coerce(data_type: str | None, value: Any) -> Any:
    """Return the value as the template receives it; raises `InvalidValue`. Unknown types accept any text."""
    return _COERCIONS.get(data_type or "text", _coerce_text)(value)


def _coerce_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise InvalidValue("Expected a string")
    return value


def _coerce_number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER or not _NUMERIC.fullmatch(value):
        raise InvalidValue("Expected a number")
    return _parse_number(value.strip())


def _parse_number(text: str) -> float | int:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise InvalidValue("Expected a number")
    return int(text) if re.fullmatch(r"[+-]?\d{1,15}", text) else number


def _coerce_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if value in {"true", "false"} if isinstance(value, str) else False:
        return value == "true"
    raise InvalidValue("Expected true or false")


def _coerce_date(value: Any) -> Any:
    return _check_text(value, _is_moment, "Expected an ISO date")


def _coerce_email(value: Any) -> Any:
    return _check_text(value, lambda text: bool(_EMAIL.fullmatch(text)), "Expected an e-mail address")


def _coerce_url(value: Any) -> Any:
    return _check_text(value, lambda text: bool(_WEB_ADDRESS.fullmatch(text)), "Expected an http or https URL")


def _check_text(value: Any, fits: Callable[[str], bool], reason: str) -> str:
    if not isinstance(value, str) or not fits(value):
        raise InvalidValue(reason)
    return value


def _is_moment(text: str) -> bool:
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            read(text)
        except ValueError:
            continue
        return True
    return False


_COERCIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "text": _coerce_text,
    "longtext": _coerce_text,
    "number": _coerce_number,
    "currency": _coerce_number,
    "boolean": _coerce_boolean,
    "date": _coerce_date,
    "datetime": _coerce_date,
    "email": _coerce_email,
    "image": _coerce_url,
    "url": _coerce_url,
}
