"""Rows that are no request, and the outcomes of all rows."""

from pathlib import Path

import attrs

from craftkit_async._sansio.calls.render_request import RenderRequest
from craftkit_async.errors import ConfigurationError, CraftkitError
from craftkit_async.models.renders import Render
from craftkit_async.models.value import Value


@attrs.frozen(eq=False, repr=False)
class BadRow(Value):
    """A row that is not a valid request; its outcome is this error."""

    error: CraftkitError


@attrs.frozen(eq=False, repr=False)
class Outcome(Value):
    """The result of one row: a render or an error."""

    index: int
    """The index of the row in the input, from 0 on."""
    request: RenderRequest | None
    """The object that you passed, or None for a row that was no request.

    The data was copied when the batch read the row: if you changed it since, this shows the change, and what was
    rendered does not.
    """
    render: Render | None = None
    error: CraftkitError | None = None
    attempts: int = 1
    """Under how many idempotency keys the row was submitted, over all runs of its journal."""
    source: str | None = None
    """How the result was learned: webhook, poll, replay, relay or journal; None if the render never got an id."""
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
