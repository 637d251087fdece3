"""Webhooks: is a delivery genuine, and what does it say?"""

import time
from typing import NamedTuple

from craftkit_async._sansio.delivery import (
    Body,
    Headers,
    check_freshness,
    dedupe_key,
    read_body,
    read_event,
    read_headers,
    read_published,
    read_signature,
    settled_render,
)
from craftkit_async._sansio.signing import Secret, SecretName, Secrets, matcher_of, signature_of
from craftkit_async.errors import ConfigurationError, SignatureError
from craftkit_async.models.events import Webhook
from craftkit_async.models.renders import Render


class Delivery(NamedTuple):
    """A genuine delivery: its event, the name or index of the secret that fitted, and what a repeat is known by."""

    event: Webhook
    secret: SecretName
    dedupe_key: str
    render: Render | None = None
    """The render that it proves to have ended."""


class WebhookVerifier:
    """Tells genuine deliveries from forged ones; several secrets let one replace another without a gap."""

    __slots__ = ("_match", "_max_body", "_tolerance")

    def __init__(self, secret: Secrets, *, tolerance: float | None = None, max_body: int = 2**20) -> None:
        self._match = matcher_of(secret)
        self._tolerance = _check_tolerance(tolerance)
        self._max_body = _check_max_body(max_body)

    def verify(self, body: Body, headers: Headers, *, now: float | None = None) -> Webhook:
        """Return the event of a genuine delivery, or raise a `DeliveryError`; `body` is the bytes as received."""
        return self.verify_delivery(body, headers, now=now).event

    def verify_delivery(self, body: Body, headers: Headers, *, now: float | None = None) -> Delivery:
        """Do the same, and tell as well which secret fitted and what a repeat is known by."""
        raw = body if type(body) is bytes and len(body) <= self._max_body else read_body(body, self._max_body)
        fields = read_headers(headers)
        secret = self._match(raw, read_signature(fields))
        if secret is None:
            raise SignatureError("no secret fits the signature: forged, changed on its way, or of another secret")
        if self._tolerance is not None:
            check_freshness(fields, _read_time(now), self._tolerance)
        published = read_published(raw, fields)
        if published is not None:
            # As the class would, in a third of the time.
            return tuple.__new__(Delivery, (published[0], secret, published[2], published[1]))
        event = read_event(raw, fields)
        return Delivery(event, secret, dedupe_key(event.event, raw, fields), settled_render(event))


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
