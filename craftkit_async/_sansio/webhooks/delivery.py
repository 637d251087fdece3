"""Delivery: the bytes and headers of a webhook become an event, or a `DeliveryError` and nothing else.

docs/webhooks.md says what is signed, and what follows from the rest not being signed.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from craftkit_async._sansio.calls.codec import build, build_list, read_json
from craftkit_async._sansio.headers import DELIVERY_ID, EVENT, SIGNATURE, TIMESTAMP
from craftkit_async.errors import (
    DecodeError,
    DeliveryTooLargeError,
    MalformedDeliveryError,
    SignatureError,
    StaleDeliveryError,
)
from craftkit_async.models.events import (
    FormSubmitted,
    RenderFailed,
    RenderSucceeded,
    SignatureEvent,
    UnknownEvent,
    Webhook,
)
from craftkit_async.models.renders import Render
from craftkit_async.models.signatures import SignatureRecipient

Body = bytes | bytearray | memoryview
Headers = Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[str | bytes, str | bytes]]
# By their names in lower case, as an ASGI server hands them on.
Fields = Mapping[bytes, str | bytes]

# Two tables, since `python -bb` refuses to compare text with bytes.
_TEXT_NAMES = {name: name.encode() for name in (SIGNATURE, EVENT, TIMESTAMP, DELIVERY_ID)}
_BYTE_NAMES = {name: name for name in _TEXT_NAMES.values()}
SIGNATURE_FIELD, NAMED_EVENT, _TIMESTAMP, _DELIVERY_ID = _BYTE_NAMES

# Most headers of a request have another length, and are skipped without comparing names.
_LENGTHS = frozenset(map(len, _TEXT_NAMES))

# The hex digits of a SHA-256.
_SIGNATURE_LENGTH = 64

# Digits only: `float` would take "nan", which no comparison refuses. Twelve of them last for 30,000 years.
_SECONDS = re.compile(r"[0-9]{1,12}")


def read_body(body: Body, max_body: int) -> bytes:
    """Return the body as bytes, if that is what it is and it is not too large."""
    if not isinstance(body, bytes):
        return _copy_body(body, max_body)
    if len(body) > max_body:
        raise DeliveryTooLargeError(f"the body is larger than the {max_body} bytes that are accepted")
    return body


def _copy_body(body: object, max_body: int) -> bytes:
    if not isinstance(body, bytearray | memoryview):
        raise MalformedDeliveryError(f"pass the raw bytes of the body as they were received, not {type(body).__name__}")
    try:
        # One byte more than is accepted is enough to know.
        return read_body(memoryview(body).cast("B")[: max_body + 1].tobytes(), max_body)
    except (ValueError, TypeError):
        raise MalformedDeliveryError("the memory of the body is no longer there, or not in one piece") from None


def read_headers(headers: Headers) -> Fields:
    """Find the headers that count, under their names in lower case, whatever the case and type they came in.

    One that came twice is joined by a comma as HTTP does, unless it only repeats itself; no rule accepts a comma.
    """
    found: dict[bytes, str | bytes] = {}
    try:
        pairs: Any = headers.items() if hasattr(headers, "items") else headers
        for given, value in pairs:
            if len(given) in _LENGTHS:
                names = _BYTE_NAMES if isinstance(given, bytes) else _TEXT_NAMES
                name = names.get(given) or names.get(given.lower())
                if name is not None:
                    # Most values are never asked for, so they are kept as they are.
                    found[name] = value if name not in found else _join(found[name], value)
    except (AttributeError, TypeError, ValueError):
        raise MalformedDeliveryError("headers take a mapping or pairs, of text or bytes") from None
    return found


def read_asgi_headers(headers: Any) -> Fields:
    """Do the same for those of an ASGI server, which are bytes in lower case."""
    if type(headers) is list:
        fields = dict(headers)
        if len(fields) == len(headers):
            return fields
    return read_headers(headers)


def read_multidict(headers: Any) -> Fields:
    """Do the same for a mapping that finds names in any case and may hold several values of one."""
    found: dict[bytes, str | bytes] = {}
    for name, key in _TEXT_NAMES.items():
        for value in headers.getall(name, ()):
            found[key] = value if key not in found else _join(found[key], value)
    return found


def _join(value: str | bytes, again: str | bytes) -> str | bytes:
    # As they are shown, for the same reason as there are two tables of names.
    return value if repr(value) == repr(again) else f"{value!r}, {again!r}"


def _text_of(fields: Fields, name: bytes) -> str | None:
    value = fields.get(name)
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        return value.strip(" \t")
    if value is None:
        return None
    raise MalformedDeliveryError(f"{name.decode()} is neither text nor bytes")


def read_signature(fields: Fields) -> str:
    """Return the signature, if it could be one.

    Being equal to lower-case hex digits is what proves it in the end; spelling them out in a pattern here would
    cost as much as hashing a small body.
    """
    signature = fields.get(SIGNATURE_FIELD)
    if type(signature) is bytes:
        if len(signature) == _SIGNATURE_LENGTH and signature.isascii():
            return signature.decode()
    elif type(signature) is str and len(signature) == _SIGNATURE_LENGTH and signature.isascii():
        return signature
    text = _text_of(fields, SIGNATURE_FIELD)
    if text is None:
        raise SignatureError(f"there is no {SIGNATURE} header")
    if len(text) != _SIGNATURE_LENGTH or not text.isascii():
        raise SignatureError(f"{SIGNATURE} is not one signature of {_SIGNATURE_LENGTH} lower-case hex digits")
    return text


def check_freshness(fields: Fields, now: float, tolerance: float) -> None:
    """Refuse a delivery whose timestamp is too far from now; the timestamp is not signed, so this is a hint."""
    timestamp = _text_of(fields, _TIMESTAMP) or ""
    if not _SECONDS.fullmatch(timestamp):
        raise StaleDeliveryError(f"{TIMESTAMP} is missing or not a number of seconds")
    # So that a NaN on either side is stale.
    if not abs(now - int(timestamp)) <= tolerance:
        raise StaleDeliveryError(f"{TIMESTAMP} is further than {tolerance} s from the time here")


def read_event(body: bytes, fields: Fields) -> Webhook:
    """Read a genuine body; the header with the event's name may be missing, but not say something else."""
    try:
        document = read_json(body)
    except DecodeError:
        raise MalformedDeliveryError(f"the body is genuine and not JSON ({len(body)} bytes)") from None
    event = document.get("event") if isinstance(document, dict) else None
    if not isinstance(event, str) or not event:
        raise MalformedDeliveryError("the body is genuine and names no event")
    named = fields.get(NAMED_EVENT)
    if named is not None and (type(named) is not str or named != event) and _text_of(fields, NAMED_EVENT) != event:
        raise MalformedDeliveryError(f"{EVENT} names another event than the signed body")
    if not _is_known_by_body(event):
        # Validate the delivery id now; computing the key later must not raise.
        _text_of(fields, _DELIVERY_ID)
    read = _READERS.get(event, UnknownEvent)
    try:
        return read(event, document)
    except DecodeError as error:
        path = "$.renderId" if error.path == "$.id" else error.path
    raise MalformedDeliveryError(f"the body is genuine, but {path} is missing or of another type than published")


# ---- one reader for each kind of event


def _read_render(kind: type[RenderSucceeded | RenderFailed]) -> "_Reader":
    def read(event: str, document: Mapping[str, Any]) -> Webhook:
        template_id = document.get("templateId")
        if template_id is not None and type(template_id) is not str:
            raise DecodeError("not text", "$.templateId")
        known = {**document, "id": document.get("renderId")}
        if not isinstance(document.get("status"), str | None):
            # The name of the event decides.
            known["status"] = event.removeprefix("render.")
        return kind(event, document, build(Render, known, dropped=[]), template_id)

    return read


def _read_signature(event: str, document: Mapping[str, Any]) -> Webhook:
    present = {name: member for name, member in document.items() if member is not None}
    recipients = _readable(present.get("recipients"))
    return build(SignatureEvent, {**present, "event": event, "raw": document, "recipients": recipients}, dropped=[])


def _readable(recipients: Any) -> list[Any]:
    """Pass recipients on if they have the shape that other replies give them; no page says that they do."""
    listed: list[Any] = recipients if isinstance(recipients, list) else []
    try:
        build_list(SignatureRecipient, listed, "recipients")
    except DecodeError:
        return []
    return listed


def _read_form(event: str, document: Mapping[str, Any]) -> Webhook:
    return build(FormSubmitted, {**document, "event": event, "raw": document}, dropped=[])


_Reader = Callable[[str, Mapping[str, Any]], Webhook]

_OF_SIGNATURES = ("sent", "viewed", "signed", "completed", "declined", "expired", "cancelled")

_READERS: Mapping[str, _Reader] = MappingProxyType(
    {
        "render.succeeded": _read_render(RenderSucceeded),
        "render.failed": _read_render(RenderFailed),
        **{f"signature.{what}": _read_signature for what in _OF_SIGNATURES},
        "form.submitted": _read_form,
    },
)


# ---- what follows from an event


# The published events whose bodies only the service can cause.
_WITHOUT_ID = frozenset({"render.succeeded", "render.failed", "form.submitted"})


def _is_known_by_body(event: str) -> bool:
    return event in _WITHOUT_ID or event.startswith("render.")


def deduplication_key(event: str, signature: str, fields: Fields) -> str:
    """Return what a repeat of a delivery has in common with it.

    It is the signature, a function of secret and body that nobody can vary. Two people who sign can honestly cause the
    same body, so wherever that may be, the delivery id counts too, although anybody who repeats a delivery can make up
    another one. However long that is, the key is short.
    """
    delivery_id = None if _is_known_by_body(event) else _text_of(fields, _DELIVERY_ID)
    return (
        signature + hashlib.sha256(delivery_id.encode("utf-8", "surrogatepass")).hexdigest()
        if delivery_id
        else signature
    )


def finished_render(event: Webhook) -> Render | None:
    """Return the render that an event proves to have finished, or None where its name and its members do not agree."""
    kind = type(event)
    if kind is not RenderSucceeded and kind is not RenderFailed:
        return None
    render: Render = event.render  # type: ignore[attr-defined]  # both kinds have one
    return render if render.is_final and render.is_succeeded is (kind is RenderSucceeded) else None
