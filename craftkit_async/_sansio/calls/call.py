"""Calls as data: the description of an operation, and one call of it."""

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

import attrs

from craftkit_async._sansio.calls.data import to_json, to_plain
from craftkit_async._sansio.calls.wire_names import wire_name
from craftkit_async.errors import ConfigurationError

Result = TypeVar("Result")

JSON_TYPE = "application/json"

# A hook's token is a credential, and so is the address of a document.
_SECRET_PARTS = ("{token}", "{address}")

# Path parts repeat (slugs, an id that is polled); this many are remembered in their quoted form.
_QUOTED_PARTS = 4096


class Omitted(Enum):
    """The type of `OMITTED`, which distinguishes a field that is not sent from one that is sent as null."""

    OMITTED = "omitted"

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Final = Omitted.OMITTED

TimeoutOption = float | Omitted | None
"""Seconds, None for no limit, or omitted for what `Timeouts` says."""


class Credential(Enum):
    """What goes into `Authorization`."""

    PROJECT = "projectKey"
    ACCOUNT = "accountKey"
    ADMIN = "adminKey"
    SESSION = "embedSession"
    NONE = "none"


class Retry(Enum):
    """May a call be sent again after a failure that leaves open whether it took effect?"""

    SAFE = "safe"
    WITH_KEY = "with-key"
    NEVER = "never"


@attrs.frozen(eq=False, repr=False)
class Operation(Generic[Result]):
    """One operation of the API: all that is known of it before it is called."""

    name: str
    method: str
    path: str
    reply: type[Result]
    envelope: str | None = None
    """The member of the reply that holds the list, where `reply` is the type of its items."""
    credential: Credential = Credential.PROJECT
    retry: Retry = Retry.SAFE
    also_reads: frozenset[int] = frozenset()
    """Statuses outside 2xx whose body is the reply all the same."""
    about: tuple[str, str] | None = None
    """The part of the path that the reply must repeat, and the field that holds it there."""
    needs: str | None = None
    """An optional field without which this reply says nothing."""

    def call(self, **parts: str) -> "Call[Result]":
        """Begin a call, with the parts of the path by name."""
        call = Call(self, fill_path(self.path, parts) if parts else self.path)
        if self.about is not None:
            call.subject = parts[self.about[0]]
        return call


@attrs.define(eq=False, repr=False)
class Call(Generic[Result]):
    """One call of an operation: all that will be sent, apart from the credential of the client."""

    operation: Operation[Result]
    path: str = attrs.field(repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)
    content_type: str = JSON_TYPE
    headers: dict[str, str] = attrs.field(factory=dict, repr=False)
    idempotency_key: str | None = None
    own_credential: str | None = attrs.field(default=None, repr=False)
    """A token of this one call, used instead of the client's key."""
    subject: str | None = attrs.field(default=None, repr=False)
    """What the reply must be about, if its operation says so."""
    dropped: list[str] | None = attrs.field(default=None, repr=False)
    """The paths of optional members of the reply that did not fit."""

    @property
    def shown_path(self) -> str:
        """The path as it may appear in an error or a log, without the secrets that some paths hold."""
        template = self.operation.path
        for secret in _SECRET_PARTS:
            if secret in template:
                return template.replace(secret, "…")
        return self.path

    def with_query(self, **fields: Any) -> "Call[Result]":
        """Put fields into the query; what is omitted or None is left out, a query has no null."""
        given = {wire_name(name): value for name, value in fields.items() if value is not OMITTED and value is not None}
        if given:
            self.path = f"{self.path}?{_encode_query(to_plain(given))}"
        return self

    def with_body(self, fields: Mapping[str, Any]) -> "Call[Result]":
        """Put fields into a JSON body; what is omitted is left out, None becomes null."""
        given = {wire_name(name): value for name, value in fields.items() if value is not OMITTED}
        self.body = to_json(to_plain(given))
        return self


def _encode_query(given: dict[str, Any]) -> str:
    try:
        return urlencode(given)
    except UnicodeEncodeError:
        raise ConfigurationError(f"{', '.join(given)}: a lone surrogate, which no address can carry") from None


def fill_path(template: str, parts: Mapping[str, str]) -> str:
    """Put parts into a path, quoted so that none can reach another path."""
    for name, part in parts.items():
        template = template.replace(f"{{{name}}}", quote_part(name, part))
    return template


@lru_cache(maxsize=_QUOTED_PARTS)
def quote_part(name: str, part: str) -> str:
    """Quote one part of a path, or refuse what would mean another path."""
    if not isinstance(part, str):
        raise ConfigurationError(f"{name} takes text, not a {type(part).__name__}")
    if part.strip() in {"", ".", ".."}:
        raise ConfigurationError(f"{name} takes a non-empty text other than '.' and '..'")
    try:
        return quote(part, safe="")
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name} holds a lone surrogate, which no address can carry") from None
