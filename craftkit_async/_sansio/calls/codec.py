"""The codec: the bytes of a reply to a model, and the path to what does not fit."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, partial
from math import isfinite
from operator import eq
from typing import Any, NoReturn, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from craftkit_async._sansio.calls.data import show_path
from craftkit_async._sansio.calls.wire_names import EXTRA, wire_names
from craftkit_async.errors import DecodeError
from craftkit_async.models.open_object import OpenObject

Model = TypeVar("Model")
Hook = Callable[[Any, Any], Any]


class Misfit(Exception):  # noqa: N818 - it never leaves this module
    """A value that is not of the type that its field has."""


def read_json(body: bytes) -> Any:
    """Parse JSON strictly, or raise `DecodeError`."""
    try:
        return parse_json(body)
    except (ValueError, RecursionError):
        raise DecodeError(f"the reply is not JSON ({len(body)} bytes)", "") from None


def build(model: type[Model], document: Any, root: str = "$") -> Model:
    """Build a model from parsed JSON, or raise `DecodeError` with the path to what does not fit."""
    kind: Any = model
    try:
        built: Model = _fast_hook(kind)(document, kind)
    except Exception:  # noqa: BLE001 - whatever went wrong, the exact converter, which is slower, knows where
        built = _build_exactly(kind, document, root)
    return built


def build_list(item: type[Model], document: Any, envelope: str) -> list[Model]:
    """Build the items of a list, which lies under its name; where pages differ, under another or bare."""
    items, root = _unwrap(document, envelope)
    listed: list[Model] = build(_list_of(item), items, root)
    return listed


def _list_of(item: Any) -> Any:
    """Name a type that is known only as the program runs."""
    return list[item]


def _build_exactly(model: Any, document: Any, root: str) -> Any:
    try:
        return _converter(exact=True).structure(document, model)
    except (cattrs.BaseValidationError, Misfit) as error:
        steps, reason = _locate(error)
    path = show_path(steps, root)
    raise DecodeError(f"the reply does not fit: {path} {reason}", path)


def _unwrap(document: Any, envelope: str) -> tuple[list[Any], str]:
    if isinstance(document, list):
        return document, "$"
    members = document if isinstance(document, dict) else {}
    lists = [name for name, member in members.items() if isinstance(member, list)]
    name = envelope if envelope in members or len(lists) != 1 else lists[0]
    if name not in lists:
        raise DecodeError(f"the reply does not fit: $.{envelope} is missing or no array", f"$.{envelope}")
    return members[name], f"$.{name}"


def _locate(error: BaseException) -> tuple[list[str | int], str]:
    """Follow a grouped error down to its first leaf, in wire names."""
    steps: list[str | int] = []
    while isinstance(error, cattrs.BaseValidationError):
        owner, inner = error.cl, error.exceptions[0]
        # The groups lead to frames that hold the groups: cut there, they are freed at once.
        error.__traceback__, error = None, inner
        steps.extend(_step(owner, note) for note in getattr(error, "__notes__", ()))
    error.__traceback__ = None
    return steps, "is missing" if isinstance(error, KeyError) else str(error)


def _step(owner: type, note: Any) -> str | int:
    if isinstance(note, cattrs.IterableValidationNote):
        return note.index
    return wire_names(owner)[note.name]


# ---- one kind of value each


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _refuse_constant(text)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def slow_loads(body: bytes) -> Any:
    """Parse with the standard library, and refuse all that the fast parser refuses."""
    text = body.decode().strip(_BLANKS)
    # `decode` would search for the whitespace with two regular expressions.
    document, end = _DECODER.raw_decode(text)
    if end != len(text):
        raise ValueError(text[end])
    # Most bodies escape nothing, and are spared the copy.
    if b"\\u" in body and _ESCAPED_SURROGATE in body.lower():
        # Half a character, and no text: encoding it again is what fails.
        json.dumps(document, ensure_ascii=False).encode()
    return document


_ESCAPED_SURROGATE = rb"\ud"

# The whitespace that JSON allows around a document; Python strips more.
_BLANKS = " \t\n\r"

parse_json: Callable[[bytes], Any]
"""Parses JSON strictly, or raises a `ValueError` or a `RecursionError`."""
try:
    import orjson
except ImportError:
    parse_json = slow_loads
else:
    parse_json = orjson.loads

_JSON_NAMES = {dict: "an object", list: "an array", str: "text", bool: "a boolean", int: "a number", float: "a number"}


def _misfit(value: Any, wanted: str) -> Misfit:
    return Misfit(f"is {_JSON_NAMES.get(type(value), 'null')}, not {wanted}")


def _text(value: Any, _: Any) -> str:
    if type(value) is str:
        return value
    raise _misfit(value, "text")


def _boolean(value: Any, _: Any) -> bool:
    if type(value) is bool:
        return value
    raise _misfit(value, "a boolean")


def _whole_number(value: Any, _: Any) -> int:
    if type(value) is int:
        return value
    raise _misfit(value, "a whole number")


def _number(value: Any, _: Any) -> float:
    if type(value) is float or type(value) is int:
        return value
    raise _misfit(value, "a number")


def _moment(value: Any, _: Any) -> datetime:
    if type(value) is not str:
        raise _misfit(value, "a time")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Misfit("is no ISO 8601 time") from None
    # All published times are UTC, so one without an offset is too.
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _mapping(value: Any, _: Any) -> Mapping[str, Any]:
    if type(value) is dict:
        return value
    raise _misfit(value, "an object")


def _scalar(value: Any, _: Any) -> str | float | bool | None:
    if value is None or isinstance(value, str | int | float):
        return value
    raise _misfit(value, "text, a number, a boolean or null")


def _optional(read: Hook) -> Hook:
    return lambda value, kind: None if value is None else read(value, kind)


def _optional_text(value: Any, _: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    raise _misfit(value, "text or null")


def _optional_moment(value: Any, kind: Any) -> datetime | None:
    return None if value is None else _moment(value, kind)


# One function call per field instead of two: these exact types are most of what replies are made of.
_READERS: dict[Any, Hook] = {
    str: _text,
    str | None: _optional_text,
    bool: _boolean,
    bool | None: _optional(_boolean),
    int: _whole_number,
    int | None: _optional(_whole_number),
    float | None: _optional(_number),
    datetime: _moment,
    datetime | None: _optional_moment,
    Mapping[str, Any]: _mapping,
    Mapping[str, Any] | None: _optional(_mapping),
    str | float | bool | None: _scalar,
}


# ---- the two converters


@cache
def _converter(*, exact: bool) -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=exact)
    for kind, read in _READERS.items():
        if isinstance(kind, type):
            # A predicate would lose: for these, cattrs asks its own hooks first, and they turn 7 into "7".
            # A hook for `str` takes every StrEnum too, so no model has one that is not in a union with `str`.
            converter.register_structure_hook(kind, read)
        else:
            converter.register_structure_hook_func(partial(eq, kind), read)
    converter.register_structure_hook_factory(_is_open_enum, _open_enum_hook)
    converter.register_structure_hook_factory(_is_sequence, partial(_sequence_hook, converter))
    converter.register_structure_hook_factory(attrs.has, partial(_model_hook, converter, exact=exact))
    # Registered last, so asked first: this model would match attrs.has.
    converter.register_structure_hook_func(partial(eq, OpenObject), _open_object)
    return converter


def _is_open_enum(kind: Any) -> bool:
    first, *others = get_args(kind) or (None,)
    return others == [str] and isinstance(first, type) and issubclass(first, StrEnum)


def _open_enum_hook(kind: Any) -> Hook:
    """Read a member of an enum; a value that it does not know stays its text."""
    members = {member.value: member for member in get_args(kind)[0]}

    def read(value: Any, kind: Any) -> str:
        return members.get(value, value) if type(value) is str else _text(value, kind)

    return read


def _open_object(value: Any, kind: Any) -> OpenObject:
    return OpenObject(_mapping(value, kind))


def _is_sequence(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _sequence_hook(converter: cattrs.Converter, kind: Any) -> Hook:
    items = _list_of(get_args(kind)[0])
    read = converter.get_structure_hook(items)

    def read_all(value: Any, _: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _misfit(value, "an array")
        return tuple(read(value, items))

    return read_all


def _model_hook(converter: cattrs.Converter, model: Any, *, exact: bool) -> Hook:
    names = wire_names(model)
    fields = attrs.fields_dict(model)
    # Named field by field: for `str` and its like a converter prefers its own hooks, which take anything.
    renamed: dict[str, Any] = {
        name: override(rename=wire, struct_hook=_READERS.get(fields[name].type)) for name, wire in names.items()
    }
    keeps_extra = EXTRA in fields
    if keeps_extra:
        renamed[EXTRA] = override(omit=True)
    read = make_dict_structure_fn(model, converter, **renamed)
    known = frozenset(names.values())

    def read_object(value: Any, kind: Any) -> Any:
        if type(value) is not dict:
            raise _misfit(value, "an object")
        result = read(value, kind)
        unknown = {name: member for name, member in value.items() if name not in known} if keeps_extra else None
        return attrs.evolve(result, extra=unknown) if unknown else result

    # A required member fails by itself on anything but an object, which saves the fast converter a call.
    has_required_member = any(field.default is attrs.NOTHING for field in attrs.fields(model))
    return read if has_required_member and not exact and not keeps_extra else read_object


@cache
def _fast_hook(model: Any) -> Hook:
    return _converter(exact=False).get_structure_hook(model)
