"""What a browser's form sends: dotted keys become objects, dangerous names go, prefilled values lie beneath."""

from collections.abc import Mapping
from typing import Any, Final

from craftkit_async.emulator.manifests.binding import place

_DANGEROUS: Final = frozenset({"__proto__", "constructor", "prototype"})
MAX_DEPTH: Final = 32  # of a dotted key; no form is nested deeper


def expand(data: Mapping[str, Any]) -> dict[str, Any]:
    """Turn `{"customer.name": …}` into `{"customer": {"name": …}}`, at the top level as forms do."""
    expanded: dict[str, Any] = {}
    for key, value in data.items():
        path = tuple(key.split(".", MAX_DEPTH))
        if not _DANGEROUS.isdisjoint(path):
            continue
        cleaned = _clean(value)
        merged = merge(found, cleaned) if isinstance(found := expanded.get(key), dict) else cleaned
        place(expanded, path, merged)
    return expanded


def merge(under: Any, over: Any) -> Any:
    """Lay one value over another: objects member by member, everything else as a whole."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    merged = dict(under)
    for key, value in over.items():
        merged[key] = merge(under[key], value) if key in under else value
    return merged


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items() if key not in _DANGEROUS}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return value
