"""RenderRequest: one document to render, as a value."""

from typing import Any

import attrs

from craftkit_async._sansio.calls.arguments import allow, need
from craftkit_async._sansio.calls.idempotency import check_idempotency_key
from craftkit_async.errors import ConfigurationError
from craftkit_async.models.value import Value


@attrs.frozen(eq=False, repr=False)
class RenderRequest(Value):
    """One document that a batch is to render; `key` names the row, across runs too."""

    template: str
    data: Any = attrs.field(repr=False)
    key: str | None = attrs.field(default=None, kw_only=True, repr=False)
    idempotency_key: str | None = attrs.field(default=None, kw_only=True)
    """Used as it is for the first attempt; one that is not given is derived."""
    version: int | None = attrs.field(default=None, kw_only=True)
    filename: str | None = attrs.field(default=None, kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        need(str, template=self.template)
        allow(str, key=self.key, filename=self.filename)
        allow(int, version=self.version)
        if not self.template:
            raise ConfigurationError("template takes the slug of a template, not an empty text")
        # SQLite ends a text at a NUL, so two such keys could be one row.
        if self.key is not None and (not self.key or "\0" in self.key):
            raise ConfigurationError("key takes text that is not empty and has no NUL in it")
        if self.idempotency_key is not None:
            check_idempotency_key(self.idempotency_key)
