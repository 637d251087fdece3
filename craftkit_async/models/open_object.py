"""OpenObject: a reply whose shape is not published."""

from collections.abc import Mapping
from typing import Any

import attrs

from craftkit_async.models.value import Value, model


@model
class OpenObject(Value):
    """A reply in wire names, as it came; it may hold a key, so its `repr` shows nothing."""

    raw: Mapping[str, Any] = attrs.field(repr=False)
