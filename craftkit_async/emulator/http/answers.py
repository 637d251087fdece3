"""What a handler gives back: an answer, or a refusal that becomes one."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from attrs import define, field, frozen

JSON = "application/json"
PDF = "application/pdf"


@define
class Answer:
    """A reply before it is bytes; `first` is awaited before the reply leaves."""

    status: int
    body: Any = None
    content_type: str = JSON
    headers: dict[str, str] = field(factory=dict)
    first: Callable[[], Awaitable[None]] | None = None

    def encode(self) -> bytes:
        """Write the body as bytes."""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


@frozen
class Issues:
    """What is wrong with a body: about the whole of it, and by dotted path."""

    form: list[str] = field(factory=list)
    fields: Mapping[str, list[str]] = field(factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Write them as the contract does, both members always there."""
        return {"formErrors": self.form, "fieldErrors": self.fields}


class Refusal(Exception):  # noqa: N818 - a refusal is an expected answer, not an error of this program
    """A request that is not done; status and code by the contract's section 3."""

    def __init__(self, status: int, code: str, message: str, issues: Issues | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.issues = status, code, message, issues

    def to_answer(self, *, flat: bool = False) -> Answer:
        """Write the refusal in the envelope, or in the flat form of a few routes."""
        if flat:
            return Answer(self.status, {"error": self.code})
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.issues is not None:
            error["issues"] = self.issues.to_json()
        return Answer(self.status, {"error": error})
