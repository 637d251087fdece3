"""Wire names: how a field of a model is spelled in JSON."""

from collections.abc import Mapping
from functools import cache

import attrs

# The two replies whose members the service spells in snake_case; by name, so that they need not be imported.
_SNAKE_CASE = frozenset({"EmbedSession", "EngagementCounts"})

# The field that collects the members this version does not know.
EXTRA = "extra"

_MODELS = f"{__name__.split('.', maxsplit=1)[0]}.models."


@cache
def wire_name(name: str) -> str:
    """Spell a Python name as the API does."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@cache
def wire_names(model: type) -> Mapping[str, str]:
    """Map the fields of a model to their names in JSON."""
    spell = str if model.__name__ in _SNAKE_CASE else wire_name
    return {field.name: spell(field.name) for field in attrs.fields(model) if field.init and field.name != EXTRA}


def is_model(kind: type) -> bool:
    """Is this a class of `craftkit_async.models`, and not one of the caller's own?"""
    return kind.__module__.startswith(_MODELS)
