"""Form data from a browser: expand dotted keys, drop unsafe names, and merge it over prefilled values."""

from collections.abc import Mapping
from typing import Any, Final

from craftkit_async.emulator.manifests.binding import set_value

_DANGEROUS: Final = frozenset({"__proto__", "constructor", "prototype"})
MAX_DEPTH: Final = 32  # of a dotted key; no form is nested deeper


def expand(data: Mapping[str, Any]) -> dict[str, Any]:
    """Turn `{"customer.name": …}` into `{"customer": {"name": …}}`, for keys at the top level."""
    expanded: dict[str, Any] = {}
    for key, value in data.items():
        path = tuple(key.split(".", MAX_DEPTH))
        if not _DANGEROUS.isdisjoint(path):
            continue
        cleaned = _clean(value)
        merged = merge(found, cleaned) if isinstance(found := expanded.get(key), dict) else cleaned
        set_value(expanded, path, merged)
    return expanded


def merge(under: Any, over: Any) -> Any:
    """Merge `over` into `under`: objects member by member; any other value is replaced."""
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
