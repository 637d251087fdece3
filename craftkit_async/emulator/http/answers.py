"""The result of a handler: an answer, or a refusal that is converted to one."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from attrs import define, field, frozen

JSON = "application/json"
PDF = "application/pdf"


@define
class Answer:
    """A response before encoding; `first` is awaited before the response is sent."""

    status: int
    body: Any = None
    content_type: str = JSON
    headers: dict[str, str] = field(factory=dict)
    first: Callable[[], Awaitable[None]] | None = None

    def encode(self) -> bytes:
        """Encode the body."""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


@frozen
class Issues:
    """Validation errors of a body: those of the body as a whole, and those by dotted path."""

    form: list[str] = field(factory=list)
    fields: Mapping[str, list[str]] = field(factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return them in the contract's form; both members are always present."""
        return {"formErrors": self.form, "fieldErrors": self.fields}


class Refusal(Exception):  # noqa: N818 - a refusal is an expected answer, not an error of this program
    """A rejected request; status and code follow section 3 of the contract."""

    def __init__(self, status: int, code: str, message: str, issues: Issues | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.issues = status, code, message, issues

    def to_answer(self, *, flat: bool = False) -> Answer:
        """Return the error envelope, or the flat form that a few routes use."""
        if flat:
            return Answer(self.status, {"error": self.code})
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.issues is not None:
            error["issues"] = self.issues.to_json()
        return Answer(self.status, {"error": error})
