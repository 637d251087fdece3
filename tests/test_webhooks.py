"""The verifier: genuine deliveries pass, and hostile ones raise a `DeliveryError` and nothing else."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

import craftkit_async.webhooks
from craftkit_async import (
    ConfigurationError,
    DeliveryError,
    DeliveryTooLargeError,
    MalformedDeliveryError,
    Render,
    RenderStatus,
    RenderSucceeded,
    SignatureError,
    StaleDeliveryError,
    UnknownEvent,
    WebhookVerifier,
    sign,
)

SECRET = "test-secret"
BODY = json.dumps({"event": "render.succeeded", "renderId": "r1", "templateId": "t1", "status": "succeeded"}).encode()
HEADERS = {
    "X-Craftkit-Event": "render.succeeded",
    "X-Craftkit-Signature": sign(BODY, SECRET),
    "X-Craftkit-Timestamp": "1780653601",
    "X-Craftkit-Delivery-Id": "d1",
}

EVENT = RenderSucceeded("render.succeeded", json.loads(BODY), Render("r1", RenderStatus.SUCCEEDED), "t1")


def test_genuine_delivery() -> None:
    """The event of the body, however old it says it is."""
    assert WebhookVerifier(SECRET).verify(BODY, HEADERS) == EVENT


def test_every_secret_is_tried() -> None:
    """One may replace another without a gap; the repr shows none."""
    for secrets in ({"new": "other", "old": SECRET}, ["other", SECRET], [SECRET]):
        verifier = WebhookVerifier(secrets)

        assert verifier.verify(BODY, HEADERS) == EVENT
        assert SECRET not in repr(verifier)


REFUSED: dict[str, tuple[Any, Any, type[DeliveryError], int]] = {
    "other secret": (BODY, {**HEADERS, "X-Craftkit-Signature": sign(BODY, "other")}, SignatureError, 401),
    "changed body": (BODY + b" ", HEADERS, SignatureError, 401),
    "truncated body": (BODY[:-1], HEADERS, SignatureError, 401),
    "empty body": (b"", HEADERS, SignatureError, 401),
    "upper-case": (BODY, {**HEADERS, "X-Craftkit-Signature": sign(BODY, SECRET).upper()}, SignatureError, 401),
    "no headers": (BODY, {}, SignatureError, 401),
    "empty signature": (BODY, {**HEADERS, "X-Craftkit-Signature": ""}, SignatureError, 401),
    "not ASCII": (BODY, {**HEADERS, "X-Craftkit-Signature": "ä" * 64}, SignatureError, 401),
    "second signature": (BODY, [*HEADERS.items(), ("x-craftkit-signature", "0" * 64)], SignatureError, 401),
    "second signature first": (BODY, [("x-craftkit-signature", "0" * 64), *HEADERS.items()], SignatureError, 401),
    "other event": (BODY, {**HEADERS, "X-Craftkit-Event": "render.failed"}, MalformedDeliveryError, 400),
    "forged and other event": (BODY + b" ", {**HEADERS, "X-Craftkit-Event": "x"}, SignatureError, 401),
    "second event": (BODY, [*HEADERS.items(), ("x-craftkit-event", "x")], MalformedDeliveryError, 400),
    "text": (BODY.decode(), HEADERS, MalformedDeliveryError, 400),
    "parsed": (json.loads(BODY), HEADERS, MalformedDeliveryError, 400),
    "no mapping": (BODY, None, MalformedDeliveryError, 400),
    "too large": (BODY * 100, HEADERS, DeliveryTooLargeError, 413),
}


@pytest.mark.parametrize(("body", "headers", "kind", "status"), REFUSED.values(), ids=REFUSED)
def test_refused(body: Any, headers: Any, kind: type[DeliveryError], status: int) -> None:
    """Each in its own way, on one line, and without a foreign cause."""
    verifier = WebhookVerifier(["older", SECRET], max_body=len(BODY) * 99)
    with pytest.raises(DeliveryError) as caught:
        verifier.verify(body, headers)

    assert type(caught.value) is kind
    assert caught.value.status_hint == status
    assert caught.value.__cause__ is None
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


GENUINE_AND_UNREADABLE = [b"", b"{", b"\xff", b"[" * 100_000, b'{"event":' * 100_000, b"null", b'{"event":"\\ud800"}']


@pytest.mark.parametrize("body", GENUINE_AND_UNREADABLE, ids=lambda body: repr(body[:12]))
def test_genuine_and_unreadable(body: bytes) -> None:
    """Signed by us, and still 400."""
    with pytest.raises(MalformedDeliveryError, match="the body is genuine"):
        WebhookVerifier(SECRET).verify(body, {"x-craftkit-signature": sign(body, SECRET)})


def test_body_of_the_largest_size_passes() -> None:
    """One byte more does not."""
    assert WebhookVerifier(SECRET, max_body=len(BODY)).verify(bytearray(BODY), HEADERS) == EVENT
    with pytest.raises(DeliveryTooLargeError):
        WebhookVerifier(SECRET, max_body=len(BODY) - 1).verify(bytearray(BODY), HEADERS)


def test_repeated_equal_signature_passes() -> None:
    """A proxy that doubles a header has not forged anything."""
    assert WebhookVerifier(SECRET).verify(BODY, [*HEADERS.items(), *HEADERS.items()]) == EVENT


def test_tolerance() -> None:
    """Off unless asked for; a given time counts instead of the clock's."""
    verifier = WebhookVerifier(SECRET, tolerance=300)

    assert verifier.verify(BODY, HEADERS, now=1780653900) == EVENT
    assert WebhookVerifier(SECRET, tolerance=0).verify(BODY, HEADERS, now=1780653601.0) == EVENT
    assert WebhookVerifier(SECRET).verify(BODY, HEADERS, now=0) == EVENT
    for now in (1780653902, 0, float("nan")):
        with pytest.raises(StaleDeliveryError):
            verifier.verify(BODY, HEADERS, now=now)


def test_tolerance_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a time of the caller's, it is Unix time."""
    verifier = WebhookVerifier(SECRET, tolerance=300)
    monkeypatch.setattr(craftkit_async.webhooks, "_read_time", lambda now: 1780653601.0 if now is None else now)
    assert verifier.verify(BODY, HEADERS) == EVENT
    monkeypatch.undo()

    # The clock of the machine is nowhere near the beginning of time.
    with pytest.raises(StaleDeliveryError):
        verifier.verify(BODY, {**HEADERS, "X-Craftkit-Timestamp": "0"})


def test_forged_is_told_before_stale() -> None:
    """A timestamp means nothing on a body that nobody signed."""
    with pytest.raises(SignatureError):
        WebhookVerifier(SECRET, tolerance=1).verify(BODY + b" ", HEADERS, now=0)


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf"), 10**400, "5", True])
def test_unusable_tolerance(tolerance: Any) -> None:
    """Refused when the verifier is made."""
    with pytest.raises(ConfigurationError, match="tolerance takes seconds"):
        WebhookVerifier(SECRET, tolerance=tolerance)


@pytest.mark.parametrize("size", [0, -1, 1.5, "5", True, None])
def test_unusable_size(size: Any) -> None:
    """There is always a bound."""
    with pytest.raises(ConfigurationError, match="max_body takes a whole number"):
        WebhookVerifier(SECRET, max_body=size)


@pytest.mark.parametrize("secret", ["", b"", [], {}, ["a", ""], None])
def test_unusable_secret(secret: Any) -> None:
    """An endpoint that is open by mistake must not come to be."""
    with pytest.raises(ConfigurationError, match="secret"):
        WebhookVerifier(secret)


def test_mistakes_of_the_caller() -> None:
    """A time that is no number, and a body to sign that is no bytes, are told in a sentence."""
    now: Any = "noon"
    text: Any = "text"

    with pytest.raises(ConfigurationError, match="now takes Unix seconds, not 'noon'"):
        WebhookVerifier(SECRET, tolerance=1).verify(BODY, HEADERS, now=now)
    with pytest.raises(ConfigurationError, match="sign takes the bytes of a body, not str"):
        sign(text, SECRET)


@given(st.binary(), st.text(min_size=1), st.text(min_size=1))
def test_only_the_secret_that_signed_fits(body: bytes, secret: str, other: str) -> None:
    """Any body at all: signed it is read or malformed, and for any other secret it is forged."""
    headers = {"x-craftkit-signature": sign(body, secret)}

    with pytest.raises(MalformedDeliveryError, match="genuine"):
        WebhookVerifier(secret).verify(body, headers)
    if secret.encode().rstrip(b"\0") != other.encode().rstrip(b"\0"):
        with pytest.raises(SignatureError):
            WebhookVerifier(other).verify(body, headers)


@given(st.text(min_size=1), st.dictionaries(st.text(), st.none() | st.text() | st.integers(-(2**63), 2**63)))
def test_signed_events_pass(name: str, members: dict[str, Any]) -> None:
    """Whatever their names and members are."""
    document = {**members, "event": f"new.{name}"}
    body = json.dumps(document).encode()

    assert WebhookVerifier(SECRET).verify(body, {b"X-Craftkit-Signature": sign(body, SECRET).encode()}) == UnknownEvent(
        f"new.{name}", document
    )


def test_text_and_bytes_are_never_compared() -> None:
    """Python can be told to make an error of that; headers of both types are no reason for a foreign exception."""
    code = f"""
from craftkit_async import MalformedDeliveryError, SignatureError, WebhookVerifier, sign
headers = [("x-craftkit-signature", "0"), (b"x-craftkit-signature", b"0"), ("x-craftkit-event", "e"), (b"x" * 16, b"")]
try:
    WebhookVerifier("{SECRET}").verify(b"body", headers)
except SignatureError:
    print("refused")
body = b'{{"event":"render.succeeded","renderId":"r","status":"succeeded","createdAt":"2026-06-05T10:00:00Z"}}'
class Name(bytes): pass
headers = {{Name(b"X-Craftkit-Signature"): sign(body, "{SECRET}"), "x-craftkit-event": bytearray(b"render.succeeded")}}
try:
    WebhookVerifier("{SECRET}").verify(body, headers)
except MalformedDeliveryError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-bb", "-c", code], capture_output=True, check=True)  # noqa: S603 - our own code

    assert done.stdout.split() == [b"refused", b"refused"]


# ---- fuzz


_SIGNED = b'{"event":"signature.sent","signatureRequestId":"s","renderId":"r","recipients":[{"firstName":"M"}]}'
_FORM = json.dumps(
    {
        "event": "form.submitted",
        "sessionId": "s",
        "templateSlug": "t",
        "templateVersion": 3,
        "data": {"a": [1]},
        "submittedAt": "2026-06-05T10:04:11.000Z",
    }
).encode()
_BODIES = [BODY, BODY.replace(b"succeeded", b"failed"), _SIGNED, _FORM, b'{"event":"brand.new","x":null}']

_PIECES = [
    b"", b"\0", b"\xff", b"\xed\xa0\x80", b'"', b"{", b"}", b"[" * 2000, b"null", b"NaN", b"1e999", b"-0", b"\\ud800",
    b"9" * 400, b'"event":', b'"renderId":7', b"true", b",", b"2026-13-45T99:99:99Z", b"+99:99", b"render.failed",
]  # fmt: skip

_VALUES: list[Any] = [
    "", " ", "0" * 64, "F" * 64, "é" * 64, "\udcff" * 64, b"\xff" * 64, "nan", "-1", "9" * 400, "1780653601",
    "render.failed", "a, b", "\0", "\r\nx: y", None, 7, [], b"",
]  # fmt: skip

_NAMES: list[Any] = [
    *HEADERS,
    *(name.lower().encode() for name in HEADERS),
    "x",
    "",
    "é" * 20,
    b"\xff" * 16,
    7,
    None,
    ("x",) * 20,
]


def _deliveries(count: int) -> Iterator[tuple[bytes, list[tuple[Any, Any]]]]:
    """Mutate genuine deliveries, and sign most of them again, so that the fuzz gets past the signature."""
    dice = random.Random(count)  # noqa: S311 - the same deliveries each time
    for _ in range(count):
        body = dice.choice(_BODIES)
        for _ in range(dice.randrange(4)):
            start = dice.randrange(len(body) + 1)
            end = min(len(body), start + dice.choice((0, 0, 1, 5, 30)))
            body = body[:start] + dice.choice(_PIECES) + body[end:]
        signed = body if dice.random() < 0.7 else dice.choice(_BODIES)
        headers: list[tuple[Any, Any]] = [("x-craftkit-signature", sign(signed, SECRET))]
        for _ in range(dice.randrange(3)):
            headers.insert(dice.randrange(len(headers) + 1), (dice.choice(_NAMES), dice.choice(_VALUES)))
        yield body, headers


@pytest.mark.parametrize("count", [5_000, pytest.param(200_000, marks=pytest.mark.full)])
def test_fuzz(count: int) -> None:
    """Nothing but events and `DeliveryError`s comes out, and all kinds of them do."""
    verifier = WebhookVerifier(["older", SECRET], tolerance=10**9, max_body=1500)
    lenient = WebhookVerifier(SECRET)
    seen: set[type] = set()
    for body, headers in _deliveries(count):
        for each in (verifier, lenient):
            try:
                seen.add(type(each.verify(body, headers, now=1780653601)))
            except DeliveryError as error:
                seen.add(type(error))

    assert {kind.__name__ for kind in seen} == {
        "RenderSucceeded", "RenderFailed", "SignatureEvent", "FormSubmitted", "UnknownEvent",
        "SignatureError", "StaleDeliveryError", "MalformedDeliveryError", "DeliveryTooLargeError",
    }  # fmt: skip
