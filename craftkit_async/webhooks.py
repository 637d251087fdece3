"""Webhooks: is a delivery genuine, and what does it say?"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import attrs

from craftkit_async._sansio.webhooks.delivery import (
    Body,
    Fields,
    Headers,
    check_freshness,
    deduplication_key,
    finished_render,
    read_body,
    read_event,
    read_headers,
    read_signature,
)
from craftkit_async._sansio.webhooks.fast_path import Published, published_event, published_render, read_published
from craftkit_async._sansio.webhooks.keyring import Keyring, Owner
from craftkit_async._sansio.webhooks.signing import Secret, Secrets, read_secrets, signature_of
from craftkit_async.errors import ConfigurationError, SignatureError
from craftkit_async.models.events import Webhook
from craftkit_async.models.renders import Render


class VerifiedDelivery(NamedTuple):
    """A genuine delivery. Most are asked for nothing but their render, so the event is built when it is asked for."""

    body: bytes
    fields: Fields
    signature: str
    """In lower-case hex."""
    published: Published | None
    """What it says, where that is in every point as published."""
    parsed: Webhook | None
    """What it says, where it is not."""
    owners: Sequence[Owner[Any]]
    """The projects whose secret made the signature, the first by name first."""

    def event(self, project: str | None) -> Webhook:
        """Build the event, as one of a project."""
        if self.published is not None:
            return published_event(self.published, published_render(self.published), project)
        parsed: Any = self.parsed
        event: Webhook = parsed if project is None else attrs.evolve(parsed, project=project)
        return event

    @property
    def name(self) -> str:
        """The name of the event."""
        name: str = self.published[0]["event"] if self.published is not None else cast("Webhook", self.parsed).event
        return name

    @property
    def render_id(self) -> str | None:
        """The id of the render that it proves to have finished; None if it proves nothing of the kind."""
        if self.published is not None:
            render_id: str = self.published[0]["renderId"]
            return render_id
        return None if (render := self.render) is None else render.id

    @property
    def render(self) -> Render | None:
        """The render that it proves to have finished, built for each caller."""
        if self.published is not None:
            return published_render(self.published)
        return None if self.parsed is None else finished_render(self.parsed)

    @property
    def deduplication_key(self) -> str:
        """What a repeat of the delivery has in common with it, in all processes."""
        return (
            self.signature if self.published is not None else deduplication_key(self.name, self.signature, self.fields)
        )


def verify(body: Body, fields: Fields, secrets: Keyring[Any], max_body: int) -> VerifiedDelivery:
    """Return a genuine delivery, or raise a `DeliveryError`: no byte is parsed before the signature is checked."""
    raw = body if type(body) is bytes and len(body) <= max_body else read_body(body, max_body)
    signature = read_signature(fields)
    owners = secrets.owners_of(raw, signature)
    if not owners:
        raise SignatureError("no secret fits the signature: forged, changed on its way, or of another secret")
    published = read_published(raw, fields)
    parsed = read_event(raw, fields) if published is None else None
    # As the class would, in half of the time.
    return tuple.__new__(VerifiedDelivery, (raw, fields, signature, published, parsed, owners))


class WebhookVerifier:
    """Tells genuine deliveries from forged ones; several secrets let one replace another without a gap."""

    __slots__ = ("_max_body", "_secrets", "_tolerance")

    def __init__(self, secret: Secrets, *, tolerance: float | None = None, max_body: int = 2**20) -> None:
        self._secrets = Keyring((None, named) for named in read_secrets(secret))
        self._tolerance = _check_tolerance(tolerance)
        self._max_body = _check_max_body(max_body)

    def verify(self, body: Body, headers: Headers, *, now: float | None = None) -> Webhook:
        """Return the event of a genuine delivery, or raise a `DeliveryError`; `body` is the bytes as received."""
        fields = read_headers(headers)
        delivery = verify(body, fields, self._secrets, self._max_body)
        if self._tolerance is not None:
            check_freshness(fields, _read_time(now), self._tolerance)
        return delivery.event(None)


def sign(body: bytes, secret: Secret) -> str:
    """Return the signature that Craftkit would send with this body: lower-case hex HMAC-SHA256."""
    if not isinstance(body, bytes):
        raise ConfigurationError(f"sign takes the bytes of a body, not {type(body).__name__}")
    return signature_of(body, secret)


def _read_time(now: object) -> float:
    """Return the time that was given, else that of the clock, in Unix seconds."""
    if now is None:
        return time.time()  # noqa: TID251 - the header holds Unix time, and verifying needs no loop
    if not isinstance(now, int | float):
        raise ConfigurationError(f"now takes Unix seconds, not {now!r}")
    return now


# A century, so that arithmetic with it cannot overflow; a NaN is not below it.
_LONGEST = 100 * 366 * 86400.0


def _check_tolerance(tolerance: object) -> float | None:
    if tolerance is None:
        return None
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance <= _LONGEST:
        raise ConfigurationError(f"tolerance takes seconds from 0 up, or None, not {tolerance!r}")
    return tolerance


def _check_max_body(max_body: object) -> int:
    if isinstance(max_body, bool) or not isinstance(max_body, int) or max_body < 1:
        raise ConfigurationError(f"max_body takes a whole number of bytes from 1 up, not {max_body!r}")
    return max_body
