"""Bind data to a manifest: coerce and validate the values, and silently drop those that the manifest does not name."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import field, frozen

from craftkit_async.emulator.manifests.values import InvalidValue, coerce

MAX_ROWS: Final = 10_000  # the published limit of a loop
_MAX_ISSUES: Final = 100  # keeps the answer to 10,000 invalid rows short

Issues = dict[str, list[str]]
Path = tuple[str, ...]


@frozen
class _Variable:
    key: str
    path: Path
    data_type: str | None
    required: bool


@frozen
class _Loop:
    key: str
    fields: tuple[_Variable, ...]


@frozen
class Binding:
    """A parsed manifest; `bind` validates the data of one submission."""

    variables: tuple[_Variable, ...]
    loops: tuple[_Loop, ...] = field(factory=tuple)

    def bind(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], Issues]:
        """Return the data as the template receives it, and the validation errors by dotted path."""
        issues: Issues = {}
        bound = _bind_object(self.variables, data, "", issues)
        for loop in self.loops:
            rows = data.get(loop.key)  # the literal key, even if it contains a dot
            if rows is not None:
                bound[loop.key] = _bind_rows(loop, rows, issues)
        return bound, issues


def read_manifest(manifest: Mapping[str, Any]) -> Binding:
    """Parse a manifest; absent members count as empty."""
    loops = tuple(_Loop(loop["key"], _read_fields(loop.get("itemFields"))) for loop in manifest.get("loops") or ())
    return Binding(_read_fields(manifest.get("variables")), loops)


def _read_fields(definitions: Iterable[Mapping[str, Any]] | None) -> tuple[_Variable, ...]:
    return tuple(
        _Variable(each["key"], tuple(each["key"].split(".")), each.get("dataType"), bool(each.get("required")))
        for each in definitions or ()
    )


def _bind_rows(loop: _Loop, rows: Any, issues: Issues) -> list[dict[str, Any]]:
    if not isinstance(rows, list):
        _report(issues, loop.key, "Expected an array")
        return []
    if len(rows) > MAX_ROWS:
        _report(issues, loop.key, f"At most {MAX_ROWS} rows")
        return []
    return [_bind_row(loop, row, f"{loop.key}.{number}", issues) for number, row in enumerate(rows)]


def _bind_row(loop: _Loop, row: Any, path: str, issues: Issues) -> dict[str, Any]:
    if not isinstance(row, dict):
        _report(issues, path, "Expected an object")
        return {}
    return _bind_object(loop.fields, row, f"{path}.", issues)


def _bind_object(
    variables: Iterable[_Variable], data: Mapping[str, Any], prefix: str, issues: Issues
) -> dict[str, Any]:
    bound: dict[str, Any] = {}
    for variable in variables:
        value = find(data, variable.path)
        if value is None:
            if variable.required:
                _report(issues, prefix + variable.key, "Required")
            continue
        try:
            set_value(bound, variable.path, coerce(variable.data_type, value))
        except InvalidValue as invalid:
            _report(issues, prefix + variable.key, invalid.reason)
    return bound


def find(data: Any, path: Path) -> Any:
    """Return the value at a path; null counts as absent."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def set_value(data: dict[str, Any], path: Path, value: Any) -> None:
    """Set the value at a path; a scalar on the way is replaced, as keys such as `a` and `a.b` conflict."""
    for part in path[:-1]:
        inner = data.get(part)
        if not isinstance(inner, dict):
            inner = data[part] = {}
        data = inner
    data[path[-1]] = value


def _report(issues: Issues, path: str, reason: str) -> None:
    if len(issues) < _MAX_ISSUES:
        issues.setdefault(path, []).append(reason)
