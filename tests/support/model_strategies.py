"""Strategies for all models, built from the types of their fields."""

import importlib
import pkgutil
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st

from craftkit_async import models
from craftkit_async.models.issues import Issue
from craftkit_async.models.open_object import OpenObject
from craftkit_async.models.renders import RenderStatus
from craftkit_async.models.signatures import SignatureStatus

_TEXT = st.text(max_size=8)
_WHOLE = st.integers(-(2**63), 2**63 - 1)
_SCALAR = st.none() | st.booleans() | _WHOLE | st.floats(allow_nan=False, allow_infinity=False) | _TEXT
JSON = st.recursive(
    _SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3), max_leaves=5
)
_MAPPING = st.dictionaries(_TEXT, JSON, max_size=3)

_OF_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: _TEXT,
    int: _WHOLE,
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    type(None): st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    Mapping[str, Any]: _MAPPING,
    RenderStatus: st.sampled_from(RenderStatus),
    SignatureStatus: st.sampled_from(SignatureStatus),
}


def _find_models() -> list[type]:
    modules = [
        importlib.import_module(f"{models.__name__}.{info.name}") for info in pkgutil.iter_modules(models.__path__)
    ]
    found = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type) and attrs.has(kind)}
    return sorted(found - {Issue, OpenObject}, key=lambda kind: kind.__name__)


# An Issue is never read as a whole, and an OpenObject is whatever came.
MODELS = _find_models()


@cache
def instances(model: type) -> st.SearchStrategy[Any]:
    """Make instances of a model."""
    hints = get_type_hints(model)
    fields = {
        field.name: _values(hints[field.name]) for field in attrs.fields(model) if field.init and field.name != "extra"
    }
    if "extra" in hints:
        # In upper case no unknown member can have the name of a known one.
        fields["extra"] = st.dictionaries(st.text("XYZ", min_size=1, max_size=3), JSON, max_size=2)
    return st.builds(model, **fields)


def _values(kind: Any) -> st.SearchStrategy[Any]:
    if kind in _OF_TYPE:
        return _OF_TYPE[kind]
    if attrs.has(kind):
        return instances(kind)
    if get_origin(kind) is tuple:
        return st.lists(_values(get_args(kind)[0]), max_size=3).map(tuple)
    return st.one_of([_values(part) for part in get_args(kind)])
