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
from craftkit_async.models.renders import Render

Model = TypeVar("Model")
Hook = Callable[[Any, Any], Any]


class Misfit(Exception):  # noqa: N818 - it never leaves this module
    """A value that is not of the type that its field has; each level that it passes adds its step to the path."""

    def __init__(self, reason: str, *steps: str | int) -> None:
        super().__init__(reason)
        self.steps = [*steps]


def read_json(body: bytes) -> Any:
    """Parse JSON strictly, or raise `DecodeError`."""
    try:
        return parse_json(body)
    except (ValueError, RecursionError):
        raise DecodeError(f"the reply is not JSON ({len(body)} bytes)", "") from None


def build(model: type[Model], document: Any, root: str = "$", dropped: list[str] | None = None) -> Model:
    """Build a model from parsed JSON, or raise `DecodeError` with the path to what does not fit.

    With a list `dropped`, an optional member that does not fit becomes None, and its path is added to the list: the
    rest of a reply may be the only copy of a key.
    """
    kind: Any = model
    try:
        built: Model = _fast_hook(kind)(document, kind)
    except Exception:  # noqa: BLE001 - whatever went wrong, the careful reader, which is slower, knows where
        built = _build_carefully(kind, document, root, dropped)
    return built


def build_list(item: type[Model], document: Any, envelope: str, dropped: list[str] | None = None) -> list[Model]:
    """Build the items of a list, which lies under its name; where pages differ, under another or bare."""
    items, root = _unwrap(document, envelope)
    listed: list[Model] = build(_list_of(item), items, root, dropped)
    return listed


def _list_of(item: Any) -> Any:
    """Name a type that is known only as the program runs."""
    return list[item]


# The steps to each member that was left out, the innermost first; None where none may be.
_LeftOut = list[list[str | int]] | None


def _build_carefully(model: Any, document: Any, root: str, dropped: list[str] | None) -> Any:
    left_out: _LeftOut = None if dropped is None else []
    try:
        built = _read(model, document, left_out)
    except Misfit as misfit:
        path, reason = show_path(misfit.steps[::-1], root), str(misfit)
    else:
        if dropped is not None:
            dropped.extend(show_path(steps[::-1], root) for steps in left_out or ())
        return built
    failure = DecodeError(f"the reply does not fit: {path} {reason}", path)
    failure.raw = document
    raise failure


def _read(kind: Any, value: Any, left_out: _LeftOut) -> Any:
    """Read a value of a type."""
    if value is None and _is_nullable(kind):
        return None
    required = _without_none(kind)
    if isinstance(required, type) and required.__name__ != OpenObject.__name__ and attrs.has(required):
        return _read_members(required, value, left_out)
    if get_origin(required) not in (tuple, list):
        return _fast_hook(kind)(value, kind)
    if type(value) is not list:
        raise _misfit(value, "an array")
    item = get_args(required)[0]
    return get_origin(required)(_at_step(number, item, part, left_out) for number, part in enumerate(value))


def _read_members(model: Any, value: Any, left_out: _LeftOut) -> Any:
    if type(value) is not dict:
        raise _misfit(value, "an object")
    names, members = wire_names(model), {}
    for name, wire in names.items():
        members.update(_read_member(attrs.fields_dict(model)[name], wire, value, left_out))
    if EXTRA in attrs.fields_dict(model):
        known = frozenset(names.values())
        members[EXTRA] = {name: member for name, member in value.items() if name not in known}
    built = model(**members)
    if model is Render:
        built._note_proof(value)  # noqa: SLF001 - of the model, and for the codec only
    return built


def _read_member(
    field: "attrs.Attribute[Any]", wire: str, value: Mapping[str, Any], left_out: _LeftOut
) -> dict[str, Any]:
    """Read one member; empty where its default stands for it."""
    if wire in value:
        try:
            return {field.name: _at_step(wire, field.type, value[wire], left_out)}
        except Misfit as misfit:
            return _instead(field, misfit, left_out)
    if field.default is not attrs.NOTHING:
        return {}
    if _is_nullable(field.type):
        return {field.name: None}
    raise Misfit("is missing", wire)


def _at_step(step: str | int, kind: Any, value: Any, left_out: _LeftOut) -> Any:
    before = len(left_out or ())
    try:
        return _read(kind, value, left_out)
    except Misfit as misfit:
        misfit.steps.append(step)
        raise
    finally:
        for steps in (left_out or [])[before:]:
            steps.append(step)


# What is true unless it says no in so many words: there may be more rows, and a value may be needed.
_TRUE_IF_ODD = frozenset({"has_more", "required"})


def _instead(field: "attrs.Attribute[Any]", misfit: Misfit, left_out: _LeftOut) -> dict[str, Any]:
    """Say what stands for a member that does not fit, or raise again where nothing may."""
    instead: dict[str, Any] = {}
    if left_out is None:
        raise misfit
    if field.name in _TRUE_IF_ODD:
        instead[field.name] = True
    elif _is_nullable(field.type):
        instead[field.name] = None
    elif field.default is attrs.NOTHING:
        raise misfit
    left_out.append([*misfit.steps])
    return instead


def _is_nullable(kind: Any) -> bool:
    return type(None) in get_args(kind)


def _without_none(kind: Any) -> Any:
    """Return the type without its None, if it has one and one other part."""
    rest = [part for part in get_args(kind) if part is not type(None)]
    return rest[0] if _is_nullable(kind) and len(rest) == 1 else kind


def _unwrap(document: Any, envelope: str) -> tuple[list[Any], str]:
    if isinstance(document, list):
        return document, "$"
    members = document if isinstance(document, dict) else {}
    lists = [name for name, member in members.items() if isinstance(member, list)]
    name = envelope if envelope in members or len(lists) != 1 else lists[0]
    if name not in lists:
        raise DecodeError(f"the reply does not fit: $.{envelope} is missing or no array", f"$.{envelope}")
    return members[name], f"$.{name}"


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


# ---- the converter


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False)
    for kind, read in _READERS.items():
        if isinstance(kind, type):
            # A predicate would lose: for these, cattrs asks its own hooks first, and they turn 7 into "7".
            # A hook for `str` takes every StrEnum too, so no model has one that is not in a union with `str`.
            converter.register_structure_hook(kind, read)
        else:
            converter.register_structure_hook_func(partial(eq, kind), read)
    converter.register_structure_hook_factory(_is_open_enum, _open_enum_hook)
    converter.register_structure_hook_factory(_is_sequence, partial(_sequence_hook, converter))
    converter.register_structure_hook_factory(attrs.has, partial(_model_hook, converter))
    # Registered last, so asked first: this model would match attrs.has.
    converter.register_structure_hook_func(partial(eq, OpenObject), _open_object)
    return converter


def _is_open_enum(kind: Any) -> bool:
    first, *others = get_args(kind) or (None,)
    return others in ([str], [str, type(None)]) and isinstance(first, type) and issubclass(first, StrEnum)


def _open_enum_hook(kind: Any) -> Hook:
    """Read a member of an enum; a value that it does not know stays its text."""
    first, *others = get_args(kind)
    members = {member.value: member for member in first}
    read_other = _optional_text if type(None) in others else _text

    def read(value: Any, kind: Any) -> str | None:
        return members.get(value, value) if type(value) is str else read_other(value, kind)

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


def _model_hook(converter: cattrs.Converter, model: Any) -> Hook:
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
    return read if has_required_member and not keeps_extra else read_object


@cache
def _fast_hook(model: Any) -> Hook:
    return _converter().get_structure_hook(model)
