"""Rows: what a batch is asked for, and what became of each."""

from pathlib import Path
from typing import Any

import attrs

from craftkit_async._sansio.arguments import allow, need
from craftkit_async._sansio.keys import check_idempotency_key
from craftkit_async.errors import ConfigurationError, CraftkitError
from craftkit_async.models._value import Value
from craftkit_async.models.renders import Render


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


@attrs.frozen(eq=False, repr=False)
class BadRow(Value):
    """A row that is no request; its outcome is this error."""

    error: CraftkitError


@attrs.frozen(eq=False, repr=False)
class Outcome(Value):
    """What became of one row: a render, or the error in its place."""

    index: int
    """The place of the row in the input, from 0 on."""
    request: RenderRequest | None
    """None for a row that was no request."""
    render: Render | None = None
    error: CraftkitError | None = None
    attempts: int = 1
    """Under how many idempotency keys the row was asked for, over all runs of its journal."""
    source: str | None = None
    """Who brought the result: webhook, poll, replay, relay or journal; None if no id was ever got."""
    path: Path | None = attrs.field(default=None, repr=False)
    """The document, if it was to be saved."""

    @property
    def ok(self) -> bool:
        """Is there a document, and is it saved if that was asked for?"""
        return self.error is None

    def unwrap(self) -> Render:
        """Return the render, or raise the error."""
        if self.error is not None:
            raise self.error
        if self.render is None:
            raise ConfigurationError("an outcome has a render or an error")
        return self.render
