"""The inbox: what is genuine is taken in once, everything else is answered and does nothing."""

import asyncio
import json
import logging
from typing import Any

import pytest
from hypothesis import given, strategies as st

from craftkit_async import (
    ConfigurationError,
    Craftkit,
    DeliveryReceived,
    DeliveryRefused,
    Limits,
    Receipt,
    RenderSucceeded,
    UnknownEvent,
    sign,
)
from craftkit_async.testing import VirtualTimeLoop, signed_delivery
from tests.support.cancelling import cancel_everywhere, settle
from tests.support.observing import Recorder
from tests.support.service import SECRET, Service, delivery_of

pytestmark = pytest.mark.virtual_time

GENUINE = delivery_of("x1")


def signed(body: bytes, **headers: Any) -> tuple[bytes, dict[str, Any]]:
    """Sign whatever it is."""
    return body, {"x-craftkit-signature": sign(body, SECRET), **headers}


def with_headers(**headers: str) -> tuple[bytes, dict[str, str]]:
    """Change headers of a genuine delivery."""
    return GENUINE.body, {**GENUINE.headers, **{f"x-craftkit-{name}": value for name, value in headers.items()}}


DEEP = b'{"event":"render.succeeded","renderId":"x1","raw":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
SIGNED = b'{"event":"signature.signed","signatureRequestId":"s1","renderId":"x1"}'
TRUE_SIGNATURE = GENUINE.headers["x-craftkit-signature"]

HOSTILE: dict[str, tuple[Any, Any, int]] = {
    "forged": (*with_headers(signature=sign(GENUINE.body, "another")), 401),
    "changed": (GENUINE.body.replace(b"x1", b"x2"), GENUINE.headers, 401),
    "truncated": (GENUINE.body[:-1], GENUINE.headers, 401),
    "truncated and signed": (*signed(GENUINE.body[:-1]), 400),
    "not UTF-8": (*signed(b'{"event":"render.succeeded","renderId":"\xff"}'), 400),
    "not JSON": (*signed(b"render.succeeded"), 400),
    "empty": (*signed(b""), 400),
    "no object": (*signed(b"[1]"), 400),
    "no event": (*signed(b'{"renderId":"x1"}'), 400),
    "no id": (*signed(b'{"event":"render.succeeded","status":"succeeded"}'), 400),
    "deep": (*signed(DEEP), 400),
    "deep and forged": (DEEP, GENUINE.headers, 401),
    "gigantic": (*signed(b" " * (2**20 + 1)), 413),
    "gigantic and forged": (b" " * 2**24, GENUINE.headers, 413),
    "wrong event header": (*with_headers(event="render.failed"), 400),
    "two signatures": (GENUINE.body, [*GENUINE.headers.items(), ("X-Craftkit-Signature", "0" * 64)], 401),
    "empty signature": (*with_headers(signature=""), 401),
    "upper-case signature": (*with_headers(signature=TRUE_SIGNATURE.upper()), 401),
    "odd signature": (*with_headers(signature="\udcff" * 64), 401),
    "id that is no text": (*signed(SIGNED, **{"x-craftkit-delivery-id": 7}), 400),
    "no headers": (GENUINE.body, {}, 401),
    "headers that are none": (GENUINE.body, 7, 400),
    "text": (GENUINE.body.decode(), GENUINE.headers, 400),
    "parsed": (json.loads(GENUINE.body), GENUINE.headers, 400),
    "nothing": (None, None, 400),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_deliveries(name: str) -> None:
    """Each gets the status that fits, no foreign exception, and completes nothing."""
    body, headers, status = HOSTILE[name]
    recorder = Recorder()
    async with Service().make_client(observers=[recorder]) as craftkit:
        waiting = asyncio.ensure_future(craftkit.wait("x1", timeout=9.0))
        handled: list[Any] = []

        @craftkit.inbox.on("*")
        async def handle_it(event: Any) -> None:
            handled.append(event)

        await settle()
        receipt = await craftkit.inbox.receive(body, headers)
        await asyncio.sleep(0.1)

        assert (receipt.status, receipt.event, receipt.duplicate, receipt.secret) == (status, None, False, None)
        assert receipt.reason
        assert not waiting.done()
        assert handled == []
        statistics = craftkit.statistics()
        assert (statistics.refused, statistics.deliveries) == (1, 0)
        assert recorder.events[-1] == DeliveryRefused(receipt.reason)
        assert (await craftkit.inbox.receive(*GENUINE)).status == 200
        assert (await waiting).is_succeeded


async def test_a_receipt_matches_by_what_it_shows() -> None:
    """A pattern has the members in the order in which a receipt takes them, and the event itself."""
    async with Service().make_client() as craftkit:
        receipt = await craftkit.inbox.receive(*GENUINE)

    assert [getattr(receipt, name) for name in Receipt.__match_args__] == [
        200,
        receipt.event,
        False,
        None,
        0,
        receipt.project,
    ]
    assert isinstance(receipt.event, RenderSucceeded)


@pytest.mark.parametrize(
    "headers",
    [
        {name.upper(): value for name, value in GENUINE.headers.items()},
        {"x-craftkit-signature": TRUE_SIGNATURE},
        [(name.encode(), value.encode()) for name, value in GENUINE.headers.items()],
        [*GENUINE.headers.items(), ("x-craftkit-signature", TRUE_SIGNATURE)],
        {**GENUINE.headers, "x-craftkit-timestamp": "nan"},
    ],
)
async def test_what_only_looks_odd_is_taken(headers: Any) -> None:
    """Case, bytes, hints that are missing and headers that repeat themselves do no harm."""
    async with Service().make_client() as craftkit:
        assert (await craftkit.inbox.receive(bytearray(GENUINE.body), headers)).status == 200


@given(
    st.binary(max_size=200) | st.builds(lambda cut: GENUINE.body[:cut], st.integers(0, 300)) | st.text() | st.none(),
    st.dictionaries(st.text(max_size=5) | st.sampled_from(list(GENUINE.headers)), st.text() | st.just(TRUE_SIGNATURE)),
    st.booleans(),
)
def test_whatever_comes_is_answered(body: Any, headers: dict[str, str], is_signed: bool) -> None:  # noqa: FBT001 - drawn
    """With a status, and without an exception."""

    async def receive() -> int:
        async with Service().make_client() as craftkit:
            if is_signed and isinstance(body, bytes):
                headers["x-craftkit-signature"] = sign(body, SECRET)
            receipt = await craftkit.inbox.receive(body, headers)
            return receipt.status

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(receive()) in (200, 400, 401)


async def test_limits_bound_a_delivery() -> None:
    """`Limits.webhook_bytes` is what a receiver reads and the inbox takes."""
    async with Service().make_client(limits=Limits(webhook_bytes=100)) as craftkit:
        assert craftkit.inbox.max_body == 100
        assert (await craftkit.inbox.receive(*GENUINE)).status == 413


# -- secrets


async def test_without_a_secret_nothing_is_received() -> None:
    """It is said when a receiver is made, and when it is called."""
    async with Service().make_client(webhook_secret=None) as craftkit:
        with pytest.raises(ConfigurationError, match="CRAFTKIT_WEBHOOK_SECRET"):
            craftkit.inbox.check()
        with pytest.raises(ConfigurationError, match="no webhook secret"):
            await craftkit.inbox.receive(*GENUINE)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"CRAFTKIT_WEBHOOK_SECRET": f" {SECRET} "}, 0),
        ({"CRAFTKIT_WEBHOOK_SECRET": " ", "CK_WEBHOOK_SECRET": SECRET}, 0),
        ({"CRAFTKIT_WEBHOOK_SECRET": f"old {SECRET}", "CK_WEBHOOK_SECRET": "other"}, 1),
    ],
)
async def test_secrets_of_the_environment(
    variables: dict[str, str], named: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first variable that is set counts; several secrets are split on blanks."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    async with Service().make_client(webhook_secret=None) as craftkit:
        craftkit.inbox.check()
        receipt = await craftkit.inbox.receive(*GENUINE)

    assert (receipt.status, receipt.secret) == (200, named)


@pytest.mark.parametrize(
    ("secret", "named"),
    [(SECRET.encode(), 0), (["a", SECRET], 1), (iter(["a", SECRET]), 1), ({"old": "a", "new": SECRET}, "new")],
)
async def test_several_secrets(secret: Any, named: object) -> None:
    """The receipt tells which one fitted; an iterator is read once and kept."""
    async with Service().make_client(webhook_secret=secret) as craftkit:
        for n in range(2):
            assert (await craftkit.inbox.receive(*delivery_of(f"x{n}"))).secret == named


@pytest.mark.parametrize("wrong", ["", b"", [], {}, [""], 7, [7], {7: "x"}])
def test_secrets_that_are_none_are_refused_at_once(wrong: Any) -> None:
    """And not when the first webhook comes in."""
    with pytest.raises(ConfigurationError, match="secret"):
        Craftkit("ck_test_key", webhook_secret=wrong)


@pytest.mark.parametrize(
    "options",
    [
        {"polling": None},
        {"polling": {"first": 1}},
        {"webhooks": "on"},
        {"webhooks": None},
        {"relay": object()},
        {"relay": "redis://"},
    ],
)
def test_wrong_terms_are_refused(options: dict[str, Any]) -> None:
    """Each is named."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Craftkit("ck_test_key", **options)


# -- repeats


async def test_who_signs_may_cause_the_same_body_as_another() -> None:
    """For signature events the delivery id counts too; for renders and forms the body alone."""
    sent = {"event": "signature.signed", "signatureRequestId": "s1", "renderId": "r1"}
    form = {"event": "form.submitted", "sessionId": "s", "templateSlug": "t", "templateVersion": 1, "renderId": None}
    form.update({"data": {}, "submittedAt": "2026-01-01T00:00:00.000Z"})
    recorder = Recorder()
    async with Service().make_client(observers=[recorder]) as craftkit:
        craftkit.inbox.on("form.submitted")(lambda _: None)
        for event, expected in ((sent, [False, False, True]), (form, [False, True, True])):
            receipts = [
                await craftkit.inbox.receive(*signed_delivery(event, SECRET, delivery_id=each)) for each in "abb"
            ]
            assert [receipt.duplicate for receipt in receipts] == expected
            assert {receipt.status for receipt in receipts} == {200}

        assert (craftkit.statistics().deliveries, craftkit.statistics().duplicates) == (6, 3)
    assert recorder.events[:3] == [
        DeliveryReceived("signature.signed", duplicate=each) for each in (False, False, True)
    ]


@pytest.mark.parametrize("secret", [SECRET, ["other", SECRET]], ids=["one secret", "two"])
async def test_repeats_are_known_whatever_was_said_around_the_body(secret: Any) -> None:
    """Only the body is signed, so the rest makes no new delivery, in whichever way it is read."""
    body, headers = delivery_of("x1")
    signature = {"x-craftkit-signature": headers["x-craftkit-signature"]}
    around: list[Any] = [
        headers,
        signature,
        list(signature.items()),
        signature | {"x-craftkit-event": " render.succeeded"},
    ]
    async with Service().make_client(webhook_secret=secret) as craftkit:
        receipts = [await craftkit.inbox.receive(body, each) for each in around]

    assert [receipt.duplicate for receipt in receipts] == [False, True, True, True]


async def test_receipts_are_equal_if_they_say_the_same() -> None:
    """The event too, though it is only built when somebody asks."""
    receipts = []
    for each in ("x1", "x1", "x2"):
        async with Service().make_client() as craftkit:
            receipts.append(await craftkit.inbox.receive(*delivery_of(each)))
    first, same, other = receipts

    assert first == same == Receipt(200, same.event, secret=0, project=same.project)
    assert first != other
    assert "x1" not in repr(first)


async def test_two_secrets_of_one_body_are_two_deliveries() -> None:
    """A signature is what a repeat has in common with the first one, in all processes."""
    event = {"event": "render.succeeded", "renderId": "x1", "status": "succeeded", "createdAt": "2026-01-01T00:00:00Z"}
    async with Service().make_client(webhook_secret=["old", SECRET]) as craftkit:
        receipts = [await craftkit.inbox.receive(*signed_delivery(event, each)) for each in ("old", SECRET)]

    assert [(receipt.secret, receipt.duplicate) for receipt in receipts] == [(0, False), (1, False)]


async def test_unknown_events_are_passed_on() -> None:
    """A genuine event that nobody has heard of is an event."""
    async with Service().make_client() as craftkit:
        receipt = await craftkit.inbox.receive(*signed_delivery({"event": "moon.landing", "renderId": "x1"}, SECRET))

    assert receipt.status == 200
    assert isinstance(receipt.event, UnknownEvent)


async def test_cancelled_at_every_wait_a_delivery_may_come_again() -> None:
    """Who is cut off while a handler works has taken nothing in."""
    async with Service().make_client() as craftkit:

        @craftkit.inbox.on("*", before_answer=True)
        async def handle_it(_: object) -> None:
            await asyncio.sleep(1.0)
            await asyncio.sleep(1.0)

        numbers = iter(range(100))

        async def receive() -> None:
            delivery = delivery_of(f"x{next(numbers)}")
            receiving = asyncio.ensure_future(craftkit.inbox.receive(*delivery))
            await settle()
            repeating = asyncio.ensure_future(craftkit.inbox.receive(*delivery))
            try:
                await receiving
            finally:
                receiving.cancel()
                await asyncio.wait([receiving, repeating])
                done = not receiving.cancelled()
                assert repeating.result().status == (200 if done else 503)
                assert repeating.result().duplicate
                assert (await craftkit.inbox.receive(*delivery)).duplicate is done

        await cancel_everywhere(receive, lambda: None)
        deliveries = craftkit._waiting._deliveries
        assert deliveries is not None
        assert deliveries._working == {}


@pytest.mark.parametrize(("workers", "warnings"), [("4", 1), ("1", 0), ("", 0), ("many", 0), ("²", 0)])
def test_other_workers_are_warned_of(
    workers: str, warnings: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A webhook may come in at another worker than the one that waits, if nothing stands between them."""
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    with caplog.at_level(logging.WARNING):
        assert Service().make_client().inbox is not None

    assert caplog.text.count("WEB_CONCURRENCY is 4 and there is no relay") == warnings
