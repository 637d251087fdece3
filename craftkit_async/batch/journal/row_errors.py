"""Verdicts: what the error of a row means, for this run, for the next one, and as a text without personal data."""

import json
import re
from typing import Any

from craftkit_async._sansio.retries.retrying import FailureKind, classify_failure
from craftkit_async.errors import (
    ApiError,
    AuthenticationError,
    CraftkitError,
    DecodeError,
    ForbiddenError,
    InvalidDataError,
    JournalError,
    PaymentRequiredError,
    RenderFailedError,
    TransportError,
    class_of_reply,
)
from craftkit_async.models.renders import Render, RenderStatus

# What is wrong with the key, the credit or the project says nothing about the row.
_NOT_ABOUT_THE_ROW = (AuthenticationError, PaymentRequiredError, ForbiddenError)

# Codes of the service look like this; anything else may be a sentence with a person's name in it.
_CODE = re.compile(r"[a-z0-9_.-]{1,64}")

# The longest and the first wait between two tries of a row that the service does not take at the moment.
_MOST_PATIENCE = 30.0
_FIRST_PATIENCE = 1.0


def is_settled(error: CraftkitError) -> bool:
    """Is a row with this error finished, so that only a new attempt, under a new key, could end otherwise?"""
    if isinstance(error, RenderFailedError | InvalidDataError):
        return True
    is_refusal = (
        isinstance(error, ApiError) and classify_failure(error) is FailureKind.REFUSED and not error.maybe_applied
    )
    return is_refusal and not isinstance(error, _NOT_ABOUT_THE_ROW)


def may_wait(error: CraftkitError, attempts: int) -> bool:
    """Is this an outage or a rate that a row sits out, under the same key?

    Where all `attempts` of a call were made, the row has had its chance; fewer mean that the client's quota for
    retries was empty, or that the service asked for a longer wait than one call allows.
    """
    failure = classify_failure(error)
    if failure is FailureKind.REFUSED:
        return False
    if failure is FailureKind.THROTTLED or failure is FailureKind.BUSY:
        return True
    return isinstance(error, TransportError | ApiError | DecodeError) and error.attempts < attempts


def retry_delay(error: CraftkitError, tries: int, random: float) -> float:
    """Say how long a row waits before it is tried again: as asked, or longer each time, never all rows at once."""
    hint = error.retry_after if isinstance(error, ApiError) else None
    grown = min(_MOST_PATIENCE, _FIRST_PATIENCE * 2.0 ** min(tries, 10))
    return max(hint or 0.0, grown * (0.5 + 0.5 * random))


def code_of(error: CraftkitError) -> str:
    """Name an error in a count: the service's code or status, or else the class."""
    if isinstance(error, ApiError):
        return error.code if error.code and _CODE.fullmatch(error.code) else str(error.status)
    if isinstance(error, RenderFailedError):
        return "render_failed"
    return type(error).__name__


def describe(error: CraftkitError) -> str:
    """Write what a journal keeps of an error: no message, since a message may quote data."""
    if isinstance(error, RenderFailedError):
        return json.dumps({"render": str(error.render.status)})
    if isinstance(error, ApiError):
        return json.dumps({"status": error.status, "code": code_of(error)})
    return json.dumps({"class": type(error).__name__})


def restore(text: str | None, render_id: str | None) -> CraftkitError:
    """Make an error out of what a journal kept of it."""
    kept: dict[str, Any] = json.loads(text or '{"class": "an error"}')
    return next(make(kept, render_id) for member, make in _RESTORED.items() if member in kept)


_AGAIN = "the row ended with {} in an earlier run; retry_failed=True gives it another attempt"


def _failed_render(kept: dict[str, Any], render_id: str | None) -> CraftkitError:
    status = next((known for known in RenderStatus if known == kept["render"]), str(kept["render"]))
    return RenderFailedError(_AGAIN.format(str(status)), Render(render_id or "", status))


def _refusal(kept: dict[str, Any], _: str | None) -> CraftkitError:
    status, code = int(kept["status"]), str(kept["code"])
    return class_of_reply(status, code)(_AGAIN.format("this answer"), status, code)


def _other(kept: dict[str, Any], _: str | None) -> CraftkitError:
    kind = InvalidDataError if kept["class"] == InvalidDataError.__name__ else JournalError
    return kind(_AGAIN.format(str(kept["class"])))


_RESTORED = {"render": _failed_render, "status": _refusal, "class": _other}
