"""Renders: the state of one document in the making."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from craftkit_async.models.value import Value, model


class RenderStatus(StrEnum):
    """The statuses that are published; the service may answer with others."""

    QUEUED = "queued"
    RENDERING = "rendering"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


# Finding a member through its class takes longer than comparing with it.
_SUCCEEDED = RenderStatus.SUCCEEDED
_ENDED = frozenset({_SUCCEEDED, RenderStatus.FAILED, RenderStatus.CANCELLED})
_UNDER_WAY = frozenset({RenderStatus.QUEUED, RenderStatus.RENDERING})

# By their names in JSON.
_PROOFS = ("completedAt", "downloadUrl", "errorMessage")


@model
class Render(Value):
    """A render as the service last described it.

    Only `id` is sure to be there: the shorter replies of a hook or a form leave the rest out.
    """

    id: str
    status: RenderStatus | str | None = None
    """An unknown status stays its text; None if a reply to a submit did not say."""
    download_url: str | None = attrs.field(default=None, repr=False)
    """None until success, and for ever where the deployment has no public storage."""
    error_message: str | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None
    duration_ms: float | None = None
    """What the service said; `elapsed` is there even if it did not say."""
    poll_url: str | None = attrs.field(default=None, repr=False)
    _has_odd_proof: bool = attrs.field(default=False, init=False, repr=False)

    @property
    def elapsed(self) -> float | None:
        """The seconds from its creation to its end, by the two moments; None until both are known."""
        if self.created_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.created_at).total_seconds()

    @property
    def is_final(self) -> bool:
        """Has the render ended?

        An unknown status counts as an ending only where the reply brings proof of one.
        """
        if self.status in _ENDED:
            return True
        return self.status not in _UNDER_WAY and self._has_proof_of_an_end

    @property
    def is_succeeded(self) -> bool:
        """Has the render ended with a document?"""
        if self.status in _ENDED:
            return self.status == _SUCCEEDED
        return self.is_final and self.download_url is not None and self.error_message is None

    @property
    def _has_proof_of_an_end(self) -> bool:
        marks = (self.completed_at, self.download_url, self.error_message)
        return self._has_odd_proof or any(mark is not None for mark in marks)

    def _note_proof(self, document: Mapping[str, Any]) -> None:
        """Note that a member which proves an end is there, though its value does not fit and is None here."""
        if any(document.get(name) is not None for name in _PROOFS):
            object.__setattr__(self, "_has_odd_proof", True)
