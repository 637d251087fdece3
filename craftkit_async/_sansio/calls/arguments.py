"""Arguments: each is of its kind, or one sentence says what it should be."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from sys import float_info
from types import MappingProxyType
from typing import Any

import attrs

from craftkit_async._sansio.calls.call import OMITTED
from craftkit_async.errors import ConfigurationError


def need(kind: type, **arguments: Any) -> None:
    """Refuse arguments that are not of this kind."""
    fits, words = _KINDS[kind]
    for name, value in arguments.items():
        if not fits(value):
            raise ConfigurationError(f"{name} takes {words}, not {_describe(value)}")


def allow(kind: type, **arguments: Any) -> None:
    """Refuse arguments that are given, are not None, and are not of this kind."""
    need(kind, **{name: value for name, value in arguments.items() if value is not OMITTED and value is not None})


def need_token(**arguments: Any) -> None:
    """Refuse secrets that a header could not carry, without showing them."""
    for name, value in arguments.items():
        need(str, **{name: value})
        if not value or not all("!" <= character <= "~" for character in value):
            raise ConfigurationError(f"{name} takes visible ASCII characters without blanks")


def _is_number(value: object) -> bool:
    # NaN compares as False with everything, and a whole number may be larger than any float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= float_info.max


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping) or attrs.has(type(value))


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes) and all(map(_is_object, value))


def _is_moment(value: object) -> bool:
    """Refuse a time without an offset: it names no moment."""
    return isinstance(value, str) or (isinstance(value, datetime) and value.utcoffset() is not None)


_KINDS: Mapping[type, tuple[Callable[[Any], bool], str]] = MappingProxyType(
    {
        str: (lambda value: isinstance(value, str), "text"),
        bool: (lambda value: isinstance(value, bool), "True or False"),
        int: (lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
        float: (_is_number, "a finite number"),
        bytes: (lambda value: isinstance(value, bytes), "bytes"),
        datetime: (_is_moment, "a datetime with a UTC offset, or its text"),
        Mapping: (_is_object, "a mapping or an instance of its class"),
        list: (_is_list_of_objects, "a list of mappings or of instances of their class"),
    },
)


def _describe(value: object) -> str:
    kind = type(value).__name__
    return "None" if value is None else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
