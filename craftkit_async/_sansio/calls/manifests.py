"""Manifests: whether one that would be written says the same as the one that is there."""

from collections.abc import Mapping
from typing import Any

import attrs

from craftkit_async._sansio.calls.codec import build
from craftkit_async._sansio.calls.data import to_plain
from craftkit_async._sansio.calls.wire_names import EXTRA
from craftkit_async.errors import ConfigurationError, DecodeError
from craftkit_async.models.templates import Manifest


def read_manifest(manifest: Manifest | Mapping[str, Any]) -> Manifest:
    """Return a manifest that was given in either form."""
    try:
        return build(Manifest, to_plain(manifest))
    except DecodeError as error:
        raise ConfigurationError(f"manifest: {str(error).removeprefix('the reply ')}") from None


def says_the_same(wanted: Any, stored: Any) -> bool:
    """Compare two manifests, or parts of them; the service may have added members."""
    if isinstance(wanted, tuple) and isinstance(stored, tuple):
        return len(wanted) == len(stored) and all(map(says_the_same, wanted, stored))
    if not attrs.has(type(wanted)) or type(wanted) is not type(stored):
        return bool(wanted == stored)
    names = [field.name for field in attrs.fields(type(wanted)) if field.name != EXTRA]
    if not all(says_the_same(getattr(wanted, name), getattr(stored, name)) for name in names):
        return False
    return all(stored.extra.get(name) == value for name, value in wanted.extra.items())
