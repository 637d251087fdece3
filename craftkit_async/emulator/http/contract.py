"""The operations of the contract and their schemas, read once from `openapi.yaml`."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Final

import jsonschema_rs
import yaml
from attrs import frozen

from craftkit_async.emulator.http.answers import Issues

_METHODS: Final = ("get", "put", "post", "delete", "patch")
_MAX_ISSUES: Final = 100
_REASONS: Final = {
    "required": "Required",
    "type": "Wrong type",
    "minLength": "Too short",
    "maxLength": "Too long",
    "minItems": "Too few items",
    "maxItems": "Too many items",
    "minimum": "Too small",
    "maximum": "Too large",
    "enum": "Not one of the known values",
}


@frozen
class Schema:
    """A compiled JSON Schema."""

    _validator: jsonschema_rs.Draft202012Validator

    def check(self, value: Any) -> Issues | None:
        """Return the validation errors of a value, or None."""
        if self._validator.is_valid(value):
            return None
        issues = Issues()
        for error in islice(self._validator.iter_errors(value), _MAX_ISSUES):
            _add_issue(issues, error)
        return issues


@frozen
class Operation:
    """One operation of the contract."""

    id: str
    method: str
    path: str
    credentials: Sequence[str]
    codes: Mapping[str, Sequence[str]]
    body: Schema | None
    body_required: bool
    query: Mapping[str, Schema]
    integers: frozenset[str]

    def code(self, status: int, *preferred: str, otherwise: str) -> str:
        """Choose the code for a status: the first preferred one listed, else the first listed, else `otherwise`."""
        listed = self.codes.get(str(status), ())
        return next((code for code in preferred if code in listed), next(iter(listed), otherwise))


@frozen
class Contract:
    """All operations by id, and the source document."""

    source: bytes
    operations: Mapping[str, Operation]


@cache
def load_contract() -> Contract:
    """Read the contract; compiled once per process."""
    source = files("craftkit_async.emulator").joinpath("openapi.yaml").read_bytes()
    document = yaml.load(source, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    return Contract(source, {operation.id: operation for operation in _read_operations(document)})


def _read_operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                parameters = [*item.get("parameters", ()), *item[method].get("parameters", ())]
                yield _read_operation(document, path, method, item[method], parameters)


def _read_operation(
    document: Mapping[str, Any], path: str, method: str, described: Mapping[str, Any], parameters: Sequence[Any]
) -> Operation:
    body = described.get("requestBody", {})
    query = [each for each in parameters if each.get("in") == "query"]
    json_body = body.get("content", {}).get("application/json")
    return Operation(
        id=described["operationId"],
        method=method.upper(),
        path=path,
        credentials=[name for choice in described["security"] for name in choice],
        codes=described["x-error-codes"],
        body=_compile_schema(document, json_body["schema"]) if json_body else None,
        body_required=body.get("required", False),
        query={each["name"]: _compile_schema(document, each["schema"]) for each in query},
        integers=frozenset(each["name"] for each in query if each["schema"].get("type") == "integer"),
    )


def _compile_schema(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Schema:
    rooted = {**schema, "components": {"schemas": document["components"]["schemas"]}}
    return Schema(jsonschema_rs.Draft202012Validator(rooted, validate_formats=True))


def _add_issue(issues: Issues, error: jsonschema_rs.ValidationError) -> None:
    keyword = error.kind.name
    path = [str(part) for part in error.instance_path]
    if keyword == "required":
        path.append(error.kind.as_dict()["property"])
    reason = _REASONS.get(keyword, "Invalid")
    if path:
        issues.fields.setdefault(".".join(path), []).append(reason)  # type: ignore[attr-defined]  # `check` made a dict
    else:
        issues.form.append(reason)
