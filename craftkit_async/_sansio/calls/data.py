"""Data: what a caller may hand over as JSON, and the bytes it becomes."""

import dataclasses
import json
import json.encoder
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import attrs

from craftkit_async._sansio.calls.wire_names import EXTRA, is_model, wire_names
from craftkit_async.errors import InvalidDataError
from craftkit_async.models.issues import Issue

_fast_dumps: Callable[[Any], bytes] | None
try:
    import orjson
except ImportError:
    _fast_dumps = None
else:
    _fast_dumps = orjson.dumps


def _compact_encoder() -> Callable[[Any], str]:
    """Return an encoder whose part in C is made once; `JSONEncoder` makes it anew for each value.

    Of the 1.38 microseconds that four members take, 0.55 go into making it, and every submit encodes its data. The
    part is not documented, so where it is missing or takes other arguments the documented encoder is used.
    """
    documented = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
    options = (documented.default, json.encoder.encode_basestring, None, ":", ",", False, False, True)
    try:
        encode_in_parts = json.encoder.c_make_encoder(None, *options)  # type: ignore[attr-defined]  # see above
    except (AttributeError, TypeError):
        return documented.encode
    return lambda value: "".join(encode_in_parts(value, 0))


_encode_compactly = _compact_encoder()
# Made once: json.dumps would make an encoder for each call that does not take the defaults.
_encode_canonically = json.JSONEncoder(sort_keys=True, check_circular=False, separators=(",", ":")).encode

# Both encoders give up somewhere past this; one bound of our own makes them agree.
MAX_DEPTH = 200

# As many digits as Python writes of a whole number.
_MOST_DIGITS = 4300

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels, or containing itself"

# A path longer than this is shown by its two ends.
_PATH_SHOWN = 160

_AS_IT_IS = frozenset({str, int, bool, type(None)})


class _Refusal(Exception):  # noqa: N818 - it never leaves this module
    """A value that cannot be sent; each level that it passes adds its step to the path."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.steps: list[str | int] = []


def encode_data(value: Any) -> bytes:
    """Serialise what a caller handed over, or say which part of it no JSON can carry."""
    return to_json(to_plain(value))


def encode_object(value: Any) -> bytes:
    """Serialise the data of a template, which must be a JSON object."""
    encoded = to_json(to_plain(value))
    if not encoded.startswith(b"{"):
        raise _refused("no object; pass a mapping of names to values", [])
    return encoded


def canonical_json(value: Any) -> bytes:
    """Serialise so that equal values give equal bytes, whichever libraries are installed."""
    return _dump(to_plain(value), _encode_canonically)


def to_plain(value: Any) -> Any:
    """Turn a value into what JSON knows: text, numbers, booleans, None, lists and dicts."""
    try:
        return _plain(value, MAX_DEPTH)
    except _Refusal as refusal:
        raise _refused(refusal.reason, refusal.steps[::-1]) from None


def to_json(plain: Any) -> bytes:
    """Serialise a plain value, compactly and as UTF-8."""
    if _fast_dumps is not None:
        try:
            return _fast_dumps(plain)
        except TypeError:
            # Integers over 64 bits, which the standard library encodes, or bad text, which it refuses as well.
            pass
    return _dump(plain, _encode_compactly)


def _dump(plain: Any, encode: Callable[[Any], str]) -> bytes:
    """Serialise with the standard library, which says what is wrong but not where."""
    try:
        return encode(plain).encode()
    except UnicodeEncodeError:
        reason = "text with a lone surrogate, which JSON cannot carry"
    except ValueError:
        reason = "a number of more digits than Python writes"
    raise _refused(reason, _steps_to_unsendable(plain) or [])


def _plain(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind in _BY_TYPE:
        return _BY_TYPE[kind](value, depth)
    for accepted, convert in _CONVERSIONS:
        if isinstance(value, accepted):
            return convert(value, depth)
    if attrs.has(kind) or dataclasses.is_dataclass(kind):
        return _plain_mapping(dict(_members(value)), depth)
    raise _Refusal(f"a {kind.__name__}, which JSON cannot carry")


def _plain_mapping(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    if depth == 0:
        raise _Refusal(_TOO_DEEP)
    plain: dict[str, Any] = {}
    key: Any = None
    try:
        for key, item in value.items():
            kind = type(item)
            part = item if kind in _AS_IT_IS else _BY_TYPE.get(kind, _plain)(item, depth - 1)
            plain[key if type(key) is str else _key(key)] = part
    except _Refusal as refusal:
        refusal.steps.append(key if isinstance(key, str) else f"<{type(key).__name__}>")
        raise
    return plain


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    raise _Refusal(f"a key that is a {type(key).__name__}; keys must be text")


def _plain_sequence(value: Iterable[Any], depth: int) -> list[Any]:
    if depth == 0:
        raise _Refusal(_TOO_DEEP)
    plain: list[Any] = []
    try:
        for item in value:
            kind = type(item)
            plain.append(item if kind in _AS_IT_IS else _BY_TYPE.get(kind, _plain)(item, depth - 1))
    except _Refusal as refusal:
        refusal.steps.append(len(plain))
        raise
    return plain


def _finite(value: float, _depth: int) -> float:
    if math.isfinite(value):
        return float(value)
    raise _Refusal(f"{float(value)}, which JSON cannot carry")


def _decimal(value: Decimal, _depth: int) -> str:
    if value.is_finite() and abs(value.adjusted()) <= _MOST_DIGITS:
        # Not `str`, which writes a normalised 100 as 1E+2.
        return format(value, "f")
    why = "has more digits than anybody reads" if value.is_finite() else "is no number"
    raise _Refusal(f"a Decimal of the value {value}, which {why}")


def _moment(value: date | time, _depth: int) -> str:
    # pandas.NaT is a datetime and equals nothing, not even itself.
    if value != value:  # noqa: PLR0124 - that is the point
        raise _Refusal(f"{value}, which is no time")
    return value.isoformat()


def _members(value: Any) -> Iterable[tuple[str, Any]]:
    """Name the members of an instance: in wire names for our own models, as they are for the caller's classes."""
    kind = type(value)
    if not attrs.has(kind):
        return ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    if not is_model(kind):
        return ((field.name, getattr(value, field.name)) for field in attrs.fields(kind))
    members = {wire: getattr(value, name) for name, wire in wire_names(kind).items()}
    known = {wire: member for wire, member in members.items() if member is not None}
    return {**getattr(value, EXTRA, {}), **known}.items()


# The order matters: a StrEnum is an Enum before it is text, and a datetime is a date.
_CONVERSIONS: tuple[tuple[type, Callable[[Any, int], Any]], ...] = (
    (float, _finite),
    (tuple, _plain_sequence),
    (Enum, lambda value, depth: _plain(value.value, depth)),
    (str, lambda value, _depth: str.__str__(value)),
    (int, lambda value, _depth: int(value)),
    (datetime, _moment),
    (date, _moment),
    (time, _moment),
    (Decimal, _decimal),
    (UUID, lambda value, _depth: str(value)),
    (Mapping, _plain_mapping),
    (list, _plain_sequence),
)

# Most values are of just these types, and spared the search; both tables do the same with them.
_BY_TYPE: Mapping[type, Callable[[Any, int], Any]] = {dict: _plain_mapping, **dict(_CONVERSIONS)}


def _steps_to_unsendable(plain: Any) -> list[str | int] | None:
    """Find the first text or number that could not be encoded."""
    if not isinstance(plain, dict | list):
        return None if _is_sendable(plain) else []
    for step, item in plain.items() if isinstance(plain, dict) else enumerate(plain):
        inner = _steps_to_unsendable(item) if _is_sendable(step) else []
        if inner is not None:
            return [step, *inner]
    return None


def _is_sendable(scalar: Any) -> bool:
    try:
        str(scalar).encode()
    except ValueError:
        return False
    return True


def _refused(reason: str, steps: list[str | int]) -> InvalidDataError:
    path = show_path(steps)
    return InvalidDataError(f"the data cannot be sent: {path or 'it'} is {reason}", (Issue(path, reason),))


def show_path(steps: Iterable[str | int], root: str = "") -> str:
    """Write the path to a value: `customer.items[3].name`."""
    text = root + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    text = text.removeprefix(".").encode("utf-8", "backslashreplace").decode()
    if len(text) <= _PATH_SHOWN:
        return text
    half = _PATH_SHOWN // 2
    return f"{text[:half]}…{text[-half:]}"
