"""Every exception that leaves the package.

CraftkitError
├── ConfigurationError (ValueError)   a wrong or missing key, a bad argument: before any request
│   └── MissingExtraError (ImportError)
├── ClientStateError (RuntimeError)   closed, on another loop, after a fork
├── InvalidDataError                  data that cannot be sent
├── TransportError                    no reply came; the cause is chained
│   └── TransportTimeoutError (TimeoutError)
├── ApiError                          the service said no
│   ├── InvalidRequestError 400 413 415 422    ├── AuthenticationError 401    ├── PaymentRequiredError 402
│   ├── ForbiddenError 403                     ├── NotFoundError 404          ├── ConflictError 409
│   └── RateLimitedError 429 or rate_limited   └── ServerError 5xx
├── DecodeError                       a 2xx reply that does not fit its model
├── RenderFailedError                 the render ended without a document
├── WaitTimeoutError (TimeoutError)   waiting ended before the render did
├── DownloadError                     truncated, too large, not a PDF, refused address
├── RelayError                        a completion could not be handed to other processes
├── JournalError                      a journal that cannot be used, or a row that does not fit what it says
└── DeliveryError                     a webhook not to be trusted or not readable
    ├── SignatureError 401  ├── StaleDeliveryError 400  ├── MalformedDeliveryError 400  └── DeliveryTooLargeError 413
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import attrs

from craftkit_async.models.issues import Issue
from craftkit_async.models.renders import Render


class CraftkitError(Exception):
    """The root of all that this package raises."""


class ConfigurationError(CraftkitError, ValueError):
    """A wrong or missing key or a bad argument, found before any request."""


class MissingExtraError(ConfigurationError, ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


class ClientStateError(CraftkitError, RuntimeError):
    """The client is closed, belongs to another event loop, or came through a fork."""

    idempotency_key: str | None = None
    """That of a call that closing ended: submit again with it to find the render that may have been made."""


@attrs.define(slots=False, repr=False, eq=False)
class InvalidDataError(CraftkitError):
    """Data that cannot be sent; `issues` says where and why."""

    message: str
    issues: tuple[Issue, ...] = ()

    def __str__(self) -> str:
        return self.message


@attrs.define(slots=False, repr=False, eq=False)
class TransportError(CraftkitError):
    """No reply came; `maybe_sent` is False when the request provably did not reach the service."""

    message: str
    maybe_sent: bool = True
    idempotency_key: str | None = None
    attempts: int = 1
    is_permanent = False
    """Does it take a change of the settings, such as another certificate, to get through?"""

    def __str__(self) -> str:
        return self.message


class TransportTimeoutError(TransportError, TimeoutError):
    """No reply came in time."""

    ended_call = False
    """Was it the limit of the whole call that was reached, and not that of one attempt?"""


@attrs.define(slots=False, repr=False, eq=False)
class ApiError(CraftkitError):
    """The service said no: branch on the class, refine by `code`."""

    message: str
    status: int
    code: str | None = None
    issues: tuple[Issue, ...] = ()
    method: str = ""
    path: str = ""
    """The path that was asked for, without the secrets that some paths hold."""
    idempotency_key: str | None = None
    attempts: int = 1
    retry_after: float | None = None
    maybe_applied: bool = False
    """Did an attempt before the last one perhaps take effect, its answer being lost?"""

    def __str__(self) -> str:
        where = f"{self.method} {self.path}".strip()
        said = " ".join(part for part in (str(self.status), self.code) if part)
        tries = f" (after {self.attempts} attempts)" if self.attempts > 1 else ""
        issues = "".join(f"; {issue}" for issue in self.issues[:_ISSUES_SHOWN])
        return f"{where}: {said}: {self.message}{issues}{tries}".removeprefix(": ")


# More findings than this make the message too long; all of them are in `issues`.
_ISSUES_SHOWN = 3


class InvalidRequestError(ApiError):
    """The request itself is wrong: 400, 413, 415 or 422."""


class AuthenticationError(ApiError):
    """The key is absent, unknown, revoked, of another environment or of the wrong kind: 401."""


class PaymentRequiredError(ApiError):
    """There is no credit left: 402."""


class ForbiddenError(ApiError):
    """The key is known but may not do this: 403."""


class NotFoundError(ApiError):
    """It does not exist, or belongs to another project: 404."""


class ConflictError(ApiError):
    """The state of the thing does not allow this: 409."""


class RateLimitedError(ApiError):
    """Too many requests: 429, or the code rate_limited."""


class ServerError(ApiError):
    """The service failed: 5xx."""


_CLASS_OF_STATUS: Mapping[int, type[ApiError]] = MappingProxyType(
    {
        400: InvalidRequestError,
        401: AuthenticationError,
        402: PaymentRequiredError,
        403: ForbiddenError,
        404: NotFoundError,
        409: ConflictError,
        413: InvalidRequestError,
        415: InvalidRequestError,
        422: InvalidRequestError,
        429: RateLimitedError,
    },
)


def class_of_reply(status: int, code: str | None) -> type[ApiError]:
    """Choose the class of an error reply: by its status, but for the one code that may come with any."""
    if code == "rate_limited":
        return RateLimitedError
    if 500 <= status <= 599:  # noqa: PLR2004 - the range is the definition
        return ServerError
    return _CLASS_OF_STATUS.get(status, ApiError)


@attrs.define(slots=False, repr=False, eq=False)
class DecodeError(CraftkitError):
    """A 2xx that does not fit its model; `path` is the JSON path in wire names, and `raw` is what came."""

    message: str
    path: str = "$"
    idempotency_key: str | None = None
    attempts: int = 1
    raw = None
    """The parsed JSON, or the bytes of what is none; it may hold secrets, and is in no message."""

    def __str__(self) -> str:
        return self.message


@attrs.define(slots=False, repr=False, eq=False)
class RenderFailedError(CraftkitError):
    """The render ended without a document; the same idempotency key would only find it again."""

    message: str
    render: Render

    def __str__(self) -> str:
        return self.message


@attrs.define(slots=False, repr=False, eq=False)
class WaitTimeoutError(CraftkitError, TimeoutError):
    """Waiting ended before the render did, which may still end: wait for the id, or submit again with the key."""

    message: str
    render_id: str | None = None
    """None if the submit was never answered."""
    idempotency_key: str | None = None

    def __str__(self) -> str:
        return self.message


@attrs.define(slots=False, repr=False, eq=False)
class RelayError(CraftkitError):
    """A completion could not be handed to the other processes, or not be asked for."""

    message: str

    def __str__(self) -> str:
        return self.message


@attrs.define(slots=False, repr=False, eq=False)
class DownloadError(CraftkitError):
    """A file that was truncated, too large or not a PDF, or an address that is refused."""

    message: str
    is_transient: bool = False
    """May another attempt work?"""

    def __str__(self) -> str:
        return self.message


@attrs.define(slots=False, repr=False, eq=False)
class JournalError(CraftkitError):
    """A journal of a batch that cannot be used, or a row that does not fit what it says."""

    message: str

    def __str__(self) -> str:
        return self.message


@attrs.define(slots=False, repr=False, eq=False)
class DeliveryError(CraftkitError):
    """A webhook that is not to be trusted or not readable; `status_hint` is what to answer it with."""

    message: str
    status_hint: ClassVar[int] = 400

    def __str__(self) -> str:
        return self.message


class SignatureError(DeliveryError):
    """No secret fits the signature: forged, changed on its way, or signed with another secret."""

    status_hint = 401


class StaleDeliveryError(DeliveryError):
    """Genuine, but sent longer ago, or further ahead, than the tolerance allows."""


class MalformedDeliveryError(DeliveryError):
    """Not readable: not given as bytes, not JSON, not an event, or at odds with its own headers."""


class DeliveryTooLargeError(DeliveryError):
    """The body is larger than the limit; it was not read."""

    status_hint = 413
