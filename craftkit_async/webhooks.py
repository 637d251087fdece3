"""Webhooks: is a delivery genuine, and what does it say?"""

import time
from typing import Any

from craftkit_async._sansio.webhooks.delivery import (
    Body,
    Fields,
    Headers,
    check_freshness,
    dedupe_key,
    read_body,
    read_event,
    read_headers,
    read_signature,
    settled_render,
)
from craftkit_async._sansio.webhooks.fast_path import Published, published_event, published_render, read_published
from craftkit_async._sansio.webhooks.signing import Secret, SecretName, Secrets, matcher_of, signature_of
from craftkit_async.errors import ConfigurationError, SignatureError
from craftkit_async.models.events import Webhook
from craftkit_async.models.renders import Render

# What is known of a genuine delivery: its body, its headers, its signature, the name of its secret, and what it says,
# read in the short way or in the long one.
Told = tuple[bytes, Fields, str, SecretName, Published | None, Webhook | None]


class Delivery:
    """A genuine delivery: its event, the name or index of the secret that fitted, and what a repeat is known by.

    Most are asked for nothing but their render, so the rest is built when somebody asks.
    """

    __slots__ = ("_event", "_told")

    def __init__(self, told: Told) -> None:
        self._told = told
        self._event = told[5]

    @property
    def signature(self) -> str:
        """Its signature, in lower-case hex."""
        return self._told[2]

    @property
    def secret(self) -> SecretName:
        """The name or index of the secret that fitted."""
        return self._told[3]

    @property
    def event(self) -> Webhook:
        """What it says."""
        if self._event is None:
            published: Any = self._told[4]
            self._event = published_event(published, published_render(published))
        return self._event

    @property
    def render(self) -> Render | None:
        """The render that it proves to have ended."""
        return settled_render(self.event)

    @property
    def dedupe_key(self) -> str:
        """What a repeat is known by: the hash of the signed body."""
        return dedupe_key(self.event.event, *self._told[:2])

    def __repr__(self) -> str:
        return f"Delivery(event={self.event!r}, secret={self.secret!r})"


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
        return Delivery(self._verify(body, read_headers(headers), now))

    def _verify(self, body: Body, fields: Fields, now: float | None = None) -> Told:
        raw = body if type(body) is bytes and len(body) <= self._max_body else read_body(body, self._max_body)
        signature = read_signature(fields)
        secret = self._match(raw, signature)
        if secret is None:
            raise SignatureError("no secret fits the signature: forged, changed on its way, or of another secret")
        if self._tolerance is not None:
            check_freshness(fields, _read_time(now), self._tolerance)
        published = read_published(raw, fields)
        event = read_event(raw, fields) if published is None else None
        return raw, fields, signature, secret, published, event


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
