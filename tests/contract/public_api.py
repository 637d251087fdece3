"""The public API as text: one name a line, with the arguments that a call takes and their defaults.

`python -m tests.contract.public_api --write` writes the list; a test compares it with the package.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import attrs

import craftkit_async
from craftkit_async import (
    Batch,
    Craftkit,
    CraftkitAccount,
    CraftkitAdmin,
    Limits,
    PollPolicy,
    RenderHandle,
    RetryPolicy,
    Timeouts,
    WebhookInbox,
    receivers,
    relays,
)
from craftkit_async.resources.resource import Resource

PATH = Path(__file__).with_suffix(".txt")
COMMAND = "python -m tests.contract.public_api --write"

ROOT = craftkit_async.__name__

# What exports public names; the earlier package is where a name that several export is described.
PACKAGES = (
    ROOT,
    f"{ROOT}.batch",
    f"{ROOT}.emulator",
    f"{ROOT}.observe",
    f"{ROOT}.receivers",
    # One module for each framework and for each engine: a new one is found here.
    *(module.name for module in iter_modules(receivers.__path__, f"{ROOT}.receivers.")),
    *(module.name for module in iter_modules(relays.__path__, f"{ROOT}.relays.")),
    f"{ROOT}.testing",
)

# Programs get these from a client and construct none.
_FROM_A_CLIENT = (Enum, Batch, RenderHandle, WebhookInbox)

_SET = re.compile(r"^\s+self\.([a-z]\w*)(?:: [^=]+)? = ", re.MULTILINE)

_VARIABLE = re.compile(r"\b(?:CRAFTKIT|CK|WEB)_[A-Z_]+[A-Z]\b")


def public_api() -> str:
    """Return the whole list."""
    names = sorted({*_exported(), *_resources()})
    return "\n".join([*names, *(f"environment: {name}" for name in sorted(environment_variables()))]) + "\n"


def environment_variables() -> set[str]:
    """Return the variables that the package reads; the emulator reads none, and its contract names the service's."""
    sources = [path for path in Path(str(files(craftkit_async))).rglob("*.py") if "emulator" not in path.parts]
    return {name for path in sources for name in _VARIABLE.findall(path.read_text("utf-8"))}


def exported_values() -> Iterator[tuple[str, Any]]:
    """Go over what the packages export, with the name that a program imports it by."""
    for package in map(import_module, PACKAGES):
        for name in package.__all__:
            yield f"{package.__name__}.{name}", getattr(package, name)


def _exported() -> Iterator[str]:
    first: dict[int, str] = {}
    for name, value in exported_values():
        described = first.setdefault(id(value), name)
        yield from [f"{name} is {described}"] if described != name else _described(name, value)


def _described(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, type):
        yield from _class(name, value)
    elif inspect.isroutine(value):
        yield f"{name}{signature(value)}"
    else:
        yield name


def _class(name: str, value: type) -> Iterator[str]:
    yield f"{name}{signature(value)}" if _is_constructed_by_programs(value) else name
    if issubclass(value, Enum):
        yield from (f"{name}.{member} = {value[member].value!r}" for member in value.__members__)
        return
    for owner in _own_classes(value):
        yield from (f"{name}.{field}" for field in sorted(_fields(owner)) if not field.startswith("_"))
        yield from _members(name, owner)


def _fields(owner: type) -> set[str]:
    """Return what is declared, what `attrs` and a named tuple make of it, and what the constructor sets."""
    made = (field.name for field in attrs.fields(owner)) if attrs.has(owner) else getattr(owner, "_fields", ())
    constructor = vars(owner).get("__init__")
    # The methods that `attrs` writes have no source, and set the fields alone.
    is_written = inspect.isfunction(constructor) and not attrs.has(owner)
    source = inspect.getsource(constructor) if is_written and constructor is not None else ""
    return {*inspect.get_annotations(owner), *made, *_SET.findall(source)}


def _members(name: str, owner: type) -> Iterator[str]:
    fields = _fields(owner)
    for member, value in vars(owner).items():
        if member.startswith("_") or member in fields:
            continue
        if isinstance(value, property | cached_property):
            yield f"{name}.{member}"
        elif inspect.isroutine(value):
            yield f"{name}.{member}{signature(getattr(owner, member), is_method=inspect.isfunction(value))}"


def _own_classes(value: type) -> list[type]:
    """Return a class and those of its parents in the package that nobody imports: they show only through it."""
    exported = {id(value) for _, value in exported_values()}
    parents = [parent for parent in value.__mro__[1:] if parent.__module__.startswith(ROOT)]
    return [value, *(parent for parent in parents if id(parent) not in exported)]


def _is_constructed_by_programs(value: type) -> bool:
    if getattr(value, "_is_protocol", False) or issubclass(value, _FROM_A_CLIENT):
        return False
    own = [owner for owner in value.__mro__ if owner.__module__.startswith(ROOT)]
    return hasattr(value, "_fields") or any("__init__" in vars(owner) for owner in own)


def _resources() -> Iterator[str]:
    """Go over what hangs on the clients."""
    for name, client in (("craftkit", Craftkit), ("account", CraftkitAccount), ("admin", CraftkitAdmin)):
        for resource, value in inspect.getmembers(client("x")):
            if isinstance(value, Resource) and not resource.startswith("_"):
                yield from _members(f"{name}.{resource}", type(value))


def signature(function: Any, *, is_method: bool = False) -> str:
    """Write the arguments and their defaults, without types: those are checked by the type checker."""
    parameters = list(inspect.signature(function).parameters.values())[is_method:]
    bare = [item.replace(annotation=item.empty, default=_default(item)) for item in parameters]
    return str(inspect.Signature(bare))


def _default(item: inspect.Parameter) -> Any:
    """Return the default, as one writes it."""
    if item.default is craftkit_async.OMITTED:
        return _Text("OMITTED")
    if item.default is attrs.NOTHING:
        return _Text("...")
    if inspect.isfunction(item.default):
        return _Text(item.default.__name__)
    is_option = type(item.default) in {Limits, PollPolicy, RetryPolicy, Timeouts}
    return _Text(f"{type(item.default).__name__}()") if is_option else item.default


class _Text:
    """Stands in a signature as it is written."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def main(arguments: list[str]) -> None:
    """Print the list, or write it."""
    text = public_api()
    if arguments == ["--write"]:
        PATH.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
