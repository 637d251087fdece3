"""What is public: every name without an underscore in its dotted path, with the arguments it takes."""

import inspect
import re
from collections.abc import Iterator
from enum import Enum
from functools import cached_property
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import craftkit_async
from craftkit_async import Batch, RenderHandle, WebhookInbox
from craftkit_async.resources.resource import Resource

_NOT_MADE_BY_USERS = (Resource, Enum, Batch, RenderHandle, WebhookInbox)

_ROOT = craftkit_async.__name__

# Of the emulator, of batch and of waiting, what is exported above them is public; of the command line, its words.
_INSIDES = re.compile(rf"{_ROOT}\.((emulator|cli|batch|waiting)\.|models\.value|observe\.reports)")


def public_names() -> set[str]:
    """Return all public classes, functions, methods and properties, as the page of the docs writes them."""
    return {text for name, value in public_values().items() for text in _texts(name, value)}


def public_values() -> dict[str, Any]:
    """Return all public classes, functions and constants, each by its shortest name."""
    found: dict[int, tuple[str, Any]] = {}
    for name, value in _in_modules():
        found.setdefault(id(value), (name, value))
    return dict(found.values())


def _in_modules() -> Iterator[tuple[str, Any]]:
    """Go over the public modules, those that export the names of others first."""
    yield from _in_module(craftkit_async)
    for module in walk_packages(craftkit_async.__path__, f"{_ROOT}."):
        if not _is_inside(module.name):
            yield from _in_module(import_module(module.name))


def _is_inside(name: str) -> bool:
    return any(part.startswith("_") for part in name.split(".")) or bool(_INSIDES.match(name))


def _in_module(module: ModuleType) -> Iterator[tuple[str, Any]]:
    exported = getattr(module, "__all__", ())
    # Some exported names are imported when they are first asked for.
    for name, value in {**vars(module), **{name: getattr(module, name) for name in exported}}.items():
        is_own = getattr(value, "__module__", None) == module.__name__
        is_public = name in exported or (is_own and (isinstance(value, type) or inspect.isfunction(value)))
        if is_public and not name.startswith("_"):
            # Nobody imports a resource; it hangs on its client.
            is_resource = isinstance(value, type) and issubclass(value, Resource)
            yield name if is_resource else f"{module.__name__}.{name}".removeprefix(f"{_ROOT}."), value


def _texts(name: str, value: Any) -> Iterator[str]:
    if not isinstance(value, type):
        yield f"{name}{_arguments(value)}" if callable(value) else name
        return
    yield f"{name}{_arguments(value)}" if _is_made_by_users(value) else name
    if issubclass(value, Enum):
        yield from (f"{name}.{member}" for member in value.__members__)
    for owner in _own_classes(value):
        for member, attribute in vars(owner).items():
            if not member.startswith("_"):
                yield from _member(f"{name}.{member}", attribute)


def _own_classes(value: type) -> list[type]:
    """Return a class and its private parents, whose members show only through it."""
    return [value, *(parent for parent in value.__mro__[1:] if parent.__name__.startswith("_"))]


def _member(name: str, attribute: Any) -> Iterator[str]:
    if inspect.isfunction(attribute):
        yield f"{name}{_arguments(attribute)}"
    elif isinstance(attribute, property | cached_property):
        yield name


def _is_made_by_users(value: type) -> bool:
    """Does the class have a constructor of its own that a program calls? Resources and the like come from a client."""
    if getattr(value, "_is_protocol", False) or issubclass(value, _NOT_MADE_BY_USERS):
        return False
    return any("__init__" in vars(owner) for owner in _own_classes(value))


def _arguments(function: Any) -> str:
    """Write the arguments as a call needs them: names, with a star before those that go by keyword only."""
    names: list[str] = []
    for item in inspect.signature(function).parameters.values():
        if item.kind is item.KEYWORD_ONLY and "*" not in names:
            names.append("*")
        names.append(f"**{item.name}" if item.kind is item.VAR_KEYWORD else item.name)
    return f"({', '.join(names[1:] if names[:1] == ['self'] else names)})"
