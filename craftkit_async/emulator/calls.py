"""A call as a handler receives it: the operation, the credential, the parameters and the body, validated on demand."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from attrs import define, field

from craftkit_async.emulator.faults.grammar import Fault
from craftkit_async.emulator.http.answers import Issues, Refusal
from craftkit_async.emulator.http.contract import Operation
from craftkit_async.emulator.storage.records import Project, Session

_MAX_DEPTH: Final = 200  # the encoder's own limit is 254 levels
_OPENING: Final = (b"[", b"{")


@define
class Credential:
    """What the bearer may access; project and session are None for the account and admin keys."""

    project: Project | None = None
    session: Session | None = None
    watermark: bool = False


@define
class Call:
    """One request to one operation."""

    operation: Operation
    path: Mapping[str, str]
    arguments: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    source: str
    credential: Credential = field(factory=Credential)
    draw: Callable[[str], tuple[Fault, ...]] = lambda _: ()

    @property
    def project(self) -> Project:
        """The project of the key or session; only for operations that require one."""
        assert self.credential.project is not None  # noqa: S101 - authentication has set it
        return self.credential.project

    def header(self, name: str) -> str | None:
        """Return a header as valid Unicode, or None; bytes that are not UTF-8 become backslash escapes."""
        value = self.headers.get(name)
        return None if value is None else value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

    def json(self) -> Any:
        """Parse the body and validate it against the operation's schema; raises `Refusal`."""
        if not self.body and not self.operation.body_required:
            return {}
        value = read_json(self.body)
        if self.operation.body and (issues := self.operation.body.check(value)):
            raise self.invalid(issues)
        return value

    def query(self) -> dict[str, Any]:
        """Parse and validate the query parameters that the operation defines; others are ignored."""
        known = {name: self.arguments[name] for name in self.operation.query if name in self.arguments}
        values = {
            name: _read_integer(text) if name in self.operation.integers else text for name, text in known.items()
        }
        invalid = {name: ["Invalid"] for name, value in values.items() if self.operation.query[name].check(value)}
        if invalid:
            raise self.invalid(Issues(fields=invalid))
        return values

    def invalid(self, issues: Issues) -> Refusal:
        """Make the refusal for input that violates the schema; 422 where only 422 is documented (section 18)."""
        listed = self.operation.codes
        status = 422 if "invalid_request" in listed.get("422", ()) else 400
        if self.operation.id == "list_embed_renders":
            status = 422  # an embed partner route without documented refusals
        return Refusal(status, "invalid_request", "The request does not match the schema.", issues)


def read_json(body: bytes) -> Any:
    """Parse strict JSON: UTF-8, no lone surrogates, bounded nesting; raises `Refusal` with `invalid_json`."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "invalid_json", "The body is not JSON.") from None
    if sum(map(body.count, _OPENING)) > _MAX_DEPTH and _is_deeper(value, _MAX_DEPTH):
        raise Refusal(400, "invalid_json", f"The body is nested more than {_MAX_DEPTH} levels deep.")
    return value


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth + 1):
        inner = (_children(each) for each in level)
        level = [child for children in inner for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _children(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _read_integer(text: str) -> Any:
    stripped = text.removeprefix("-")
    return int(text) if stripped.isascii() and stripped.isdigit() and len(text) < 16 else text  # noqa: PLR2004 - SQLite and JSON hold 15 digits
