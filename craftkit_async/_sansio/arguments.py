"""Arguments: each is of its kind, or one sentence says what it should be."""

from typing import Any

from craftkit_async._sansio.call import OMITTED
from craftkit_async.errors import ConfigurationError

_WORDS = {
    str: "text",
    bool: "True or False",
    int: "a whole number",
    bytes: "bytes",
}


def need(kind: type, **arguments: Any) -> None:
    """Refuse arguments that are not of this kind."""
    for name, value in arguments.items():
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ConfigurationError(f"{name} takes {_WORDS[kind]}, not {_describe(value)}")


def allow(kind: type, **arguments: Any) -> None:
    """Refuse arguments that are given, are not None, and are not of this kind."""
    need(kind, **{name: value for name, value in arguments.items() if value is not OMITTED and value is not None})


def need_token(**arguments: Any) -> None:
    """Refuse secrets that a header could not carry, without showing them."""
    for name, value in arguments.items():
        need(str, **{name: value})
        if not value or not all("!" <= character <= "~" for character in value):
            raise ConfigurationError(f"{name} takes visible ASCII characters without blanks")


def _describe(value: object) -> str:
    kind = type(value).__name__
    return "None" if value is None else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
