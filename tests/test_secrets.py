"""Secrets: what nobody may find in a repr, an error, a traceback or a log."""

import asyncio
import logging
import traceback
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from craftkit_async import (
    Craftkit,
    CraftkitAccount,
    CraftkitAdmin,
    CraftkitError,
    Limits,
    LoggingObserver,
    Recipient,
    Render,
    RetryPolicy,
    TransportError,
    TransportTimeoutError,
)
from craftkit_async._sansio.calls.request import Request
from craftkit_async.testing import FakeReply, FakeTransport, SignedDelivery, signed_delivery
from tests.support.loopback import read_head, serve_raw

# Each has this in it, so that one search finds them all.
MARK = "recognisable"
KEY = f"ck_test_{MARK}_key"
TOKEN = f"{MARK}-token"
MAIL = f"{MARK}@mail.example"
DATA = {"name": f"{MARK} name", "rows": [{"note": f"{MARK} note"}]}
ADDRESS = f"https://files.example/{MARK}.pdf?signature={MARK}"
RENDER = Render("r1", "succeeded", ADDRESS)
NOW = "2026-01-01T00:00:00.000Z"

Do = Callable[[Craftkit, Path], Coroutine[Any, Any, Any]]


async def mint_account_key(options: dict[str, Any]) -> Any:
    async with CraftkitAccount(f"ck_acct_{MARK}", **options) as account:
        return await account.projects.create_key("p1", name="k")


async def provision(options: dict[str, Any]) -> Any:
    async with CraftkitAdmin(f"{MARK}-admin", **options) as admin:
        return await admin.provision("o1", emailFrom=MAIL)


CALLS: dict[str, Do] = {
    "render": lambda craftkit, _: craftkit.templates.render("t", DATA, filename="a.pdf"),
    "hook": lambda craftkit, _: craftkit.hooks.trigger(TOKEN, DATA, secret=f"{MARK}-secret"),
    "mint": lambda craftkit, _: craftkit.embed.mint_session(
        tenant={"externalId": "t", "displayName": "T"}, actor={"externalId": "a", "email": MAIL}
    ),
    "refresh": lambda craftkit, _: craftkit.embed.refresh_session(TOKEN),
    "session": lambda craftkit, _: craftkit.embed.get_render("r1", session_token=TOKEN),
    "form": lambda craftkit, _: craftkit.embed.submit_form("s1", DATA, session_token=TOKEN),
    "upload": lambda craftkit, _: craftkit.embed.upload_form_image(
        "s1", MARK.encode(), session_token=TOKEN, filename="a.png", content_type="image/png"
    ),
    "sign": lambda craftkit, _: craftkit.signatures.create("r1", recipients=[Recipient("A", MAIL)]),
    "share": lambda craftkit, _: craftkit.shares.create("r1", channel="email", recipient_email=MAIL),
    "mail": lambda craftkit, _: craftkit.renders.email("r1", to=MAIL, message=f"{MARK} words"),
    "read": lambda craftkit, _: craftkit.renders.read(RENDER),
    "save": lambda craftkit, directory: craftkit.renders.download(RENDER, directory / "a.pdf"),
    "account": lambda craftkit, _: mint_account_key({"transport": craftkit._runtime.api.transport}),
    "admin": lambda craftkit, _: provision({"transport": craftkit._runtime.api.transport}),
}

# A success whose every secret is recognisable, whichever operation reads it.
SUCCESS = {
    "id": "r1",
    "status": "succeeded",
    "downloadUrl": ADDRESS,
    "createdAt": NOW,
    "name": "n",
    "renderId": "r1",
    "session_id": "s1",
    "session_token": TOKEN,
    "renew_token": TOKEN,
    "expires_at": NOW,
    "iframe_url": f"https://x.example/{MARK}",
    "shareToken": TOKEN,
    "shareUrl": f"https://x.example/{MARK}",
    "channel": "email",
    "recipientEmail": MAIL,
    "emailMessageId": "m1",
    "sentAt": NOW,
    "url": "https://x.example",
    "recipients": [{"email": MAIL}],
    "key": f"ck_live_{MARK}",
    "prefix": "ck_live",
    "projectId": "p1",
}

FAILURES: dict[str, Callable[[], FakeReply | Exception]] = {
    "success": lambda: FakeReply(json=SUCCESS),
    "lost": lambda: TransportError("lost"),
    "refused": lambda: TransportError("refused", maybe_sent=False),
    "late": lambda: TransportTimeoutError("late"),
    "slow": lambda: FakeReply(after=10_000.0),
    "foreign": lambda: RuntimeError("foreign"),
    "no JSON": lambda: FakeReply(body=f"<html>{MARK}</html>".encode()),
    "misfit": lambda: FakeReply(json={"key": f"ck_live_{MARK}", "session_token": TOKEN, "downloadUrl": ADDRESS}),
    "no object": lambda: FakeReply(json=[f"ck_live_{MARK}"]),
    "redirect": lambda: FakeReply(status=302, headers={"location": f"https://10.0.0.1/{MARK}"}),
    "cut": lambda: FakeReply(body=b"%PDF-" + MARK.encode(), cut_at=7),
    "rejected": lambda: FakeReply(status=429, headers={"retry-after": "100"}),
}
FAILURES.update({str(status): partial(FakeReply, status=status) for status in (400, 401, 403, 404, 409, 422, 500, 503)})


def say_everything(outcome: object) -> str:
    """Say all that a log or a traceback could say of an outcome, causes and contexts included."""
    if not isinstance(outcome, BaseException):
        return repr(outcome)
    shown = [repr(outcome), str(outcome), *traceback.format_exception(outcome)]
    before = [say_everything(error) for error in (outcome.__cause__, outcome.__context__) if error is not None]
    return "\n".join(shown + before)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="craftkit_async")
    return caplog


async def outcome_of(call: Coroutine[Any, Any, Any]) -> object:
    try:
        return await call
    except CraftkitError as error:
        return error


@pytest.mark.virtual_time
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", CALLS.keys() - {"save"})
async def test_no_failure_shows_a_secret(
    name: str, failure: str, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong with whichever call: keys, tokens, data, addresses and recipients are not told."""
    transport = FakeTransport(lambda _: FAILURES[failure]())
    policy = RetryPolicy(attempts=2, total=50.0)

    async with Craftkit(KEY, transport=transport, retries=policy, observers=[LoggingObserver()]) as craftkit:
        outcome = await outcome_of(CALLS[name](craftkit, tmp_path))
        task = asyncio.ensure_future(outcome_of(CALLS[name](craftkit, tmp_path)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        shown = [repr(craftkit), say_everything(outcome), logged.text, *map(repr, transport.requests)]

    assert MARK not in "\n".join(shown)


SECRETS = (KEY, TOKEN, f"{MARK}-secret", f"ck_acct_{MARK}", f"{MARK}-admin")


def locals_of(error: BaseException | None) -> str:
    """Say what an error tracker would send: the variables of all frames of an error and of its chain, but for tests."""
    said: list[str] = []
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                said += [repr(value) for value in frame.f_locals.values()]
        if error.__cause__ is not None:
            said.append(locals_of(error.__cause__))
        error = error.__context__
    return "\n".join(said)


@pytest.mark.virtual_time
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", CALLS.keys() - {"save"})
async def test_no_frame_of_an_error_shows_a_key(name: str, failure: str, tmp_path: Path) -> None:
    """Error trackers send the local variables of every frame: no key and no token is one of them."""
    transport = FakeTransport(lambda _: FAILURES[failure]())
    async with Craftkit(KEY, transport=transport, retries=RetryPolicy(attempts=2, total=50.0)) as craftkit:
        outcome = await outcome_of(CALLS[name](craftkit, tmp_path))

    shown = locals_of(outcome) if isinstance(outcome, BaseException) else ""
    assert not [secret for secret in SECRETS if secret in shown]


async def test_no_frame_shows_the_key_that_a_function_returned() -> None:
    """A function that returns a key of the wrong kind."""
    async with Craftkit(lambda: f"ck_acct_{MARK}", transport=FakeTransport([])) as craftkit:
        outcome = await outcome_of(craftkit.renders.get("r1"))

    assert isinstance(outcome, CraftkitError)
    assert MARK not in locals_of(outcome)


async def test_no_failed_save_shows_a_secret(tmp_path: Path, logged: pytest.LogCaptureFixture) -> None:
    """Saving tells no more than reading does; on a real loop, for the disk."""
    for failure in ("lost", "no JSON", "cut", "404", "redirect", "foreign"):
        transport = FakeTransport([FAILURES[failure]() for _ in range(4)])
        policy = RetryPolicy(attempts=2, first_delay=0.0)
        async with Craftkit(KEY, transport=transport, retries=policy, observers=[LoggingObserver()]) as craftkit:
            outcome = await outcome_of(CALLS["save"](craftkit, tmp_path))

        assert isinstance(outcome, CraftkitError)
        assert MARK not in say_everything(outcome) + logged.text


WIRES: dict[str, bytes] = {
    "dropped": b"",
    "nonsense": b"nonsense\r\n\r\n",
    "cut": b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
    "bad header": b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    "long line": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20_000 + b"\r\n\r\n",
    "not found": b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", ["hook", "refresh", "read", "render"])
async def test_no_failure_of_aiohttp_shows_a_secret(
    name: str, wire: str, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    """Aiohttp's errors name whole addresses, which hold hook tokens and documents' addresses: they are left out."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(WIRES[wire])

    policy = RetryPolicy(attempts=2, first_delay=0.0)
    async with (
        serve_raw(handler) as url,
        Craftkit(KEY, base_url=url, retries=policy, observers=[LoggingObserver()]) as craftkit,
    ):
        render = Render("r1", "succeeded", f"{url}/{MARK}.pdf?signature={MARK}")
        call = craftkit.renders.read(render) if name == "read" else CALLS[name](craftkit, tmp_path)
        outcome = await outcome_of(call)

    assert isinstance(outcome, CraftkitError)
    assert not [secret for secret in SECRETS if secret in locals_of(outcome)]
    # `__context__` too: a debugger or an error tracker may follow it.
    assert MARK not in say_everything(outcome) + logged.text


@pytest.mark.parametrize("key", [f"ck_acct_{MARK}", f"{MARK} blank", f"{MARK}\n"[:-1] + "ä", f"ck_pk_{MARK}"])
def test_refused_key_is_not_shown(key: str) -> None:
    """An error about a key does not hold it."""
    with pytest.raises(CraftkitError) as caught:
        Craftkit(key)

    assert MARK not in say_everything(caught.value)


async def test_request_and_call_show_no_secret() -> None:
    """What goes out can be printed by whoever writes a transport."""
    seen: list[Request] = []

    class Transport:
        async def send(self, request: Request) -> Any:
            seen.append(request)
            raise TransportError("lost")

    async with Craftkit(KEY, transport=Transport(), limits=Limits(requests=1)) as craftkit:
        await outcome_of(craftkit.hooks.trigger(TOKEN, DATA))

    assert len(seen) == 1
    assert MARK not in repr(seen)


# -- waiting


def _delivery(secret: str = f"{MARK}-whsec", **fields: Any) -> SignedDelivery:
    event = {"event": "render.succeeded", "renderId": "r1", "status": "succeeded", "createdAt": NOW}
    return signed_delivery({**event, "downloadUrl": ADDRESS, **fields}, secret)


FORM = signed_delivery(
    {
        "event": "form.submitted",
        "sessionId": "s1",
        "templateSlug": "t",
        "templateVersion": 1,
        "renderId": None,
        "data": DATA,
        "submittedAt": NOW,
    },
    f"{MARK}-whsec",
)

DELIVERIES: dict[str, tuple[SignedDelivery, int]] = {
    "genuine": (_delivery(), 200),
    "form": (FORM, 503),
    "forged": (_delivery(f"{MARK} another"), 401),
    "unreadable": (_delivery(templateId=[MARK]), 400),
    "no event": (_delivery(event=""), 400),
    "other event": (SignedDelivery(FORM.body, {**FORM.headers, "x-craftkit-event": MARK}), 400),
}


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", DELIVERIES)
async def test_no_delivery_shows_what_it_holds(name: str, logged: pytest.LogCaptureFixture) -> None:
    """Neither a receipt nor a log line nor an event shows data, addresses or secrets, whatever handlers raise."""
    transport = FakeTransport(lambda _: FakeReply(json={"id": "r1", "status": "queued"}))
    options: dict[str, Any] = {"webhook_secret": f"{MARK}-whsec", "observers": [LoggingObserver()]}
    delivery, status = DELIVERIES[name]

    async with Craftkit(KEY, transport=transport, **options) as craftkit:

        @craftkit.inbox.on("*")
        async def fail(event: object) -> None:
            raise LookupError(f"{event!r}")

        waiting = asyncio.ensure_future(outcome_of(craftkit.wait("r1", timeout=3.0)))
        await asyncio.sleep(0.5)
        receipt = await craftkit.inbox.receive(*delivery)
        handle = craftkit.attach("r1")
        outcome = await waiting
        shown = [repr(receipt), say_everything(outcome), repr(handle), repr(craftkit.inbox), repr(craftkit._waiting)]

    assert receipt.status == status
    assert MARK not in "\n".join([*shown, logged.text])


@pytest.mark.virtual_time
@pytest.mark.parametrize("is_submitted", [True, False])
@pytest.mark.parametrize("failure", FAILURES)
async def test_no_wait_shows_a_secret(
    failure: str,
    is_submitted: bool,  # noqa: FBT001 - a column
    logged: pytest.LogCaptureFixture,
) -> None:
    """Whatever goes wrong with a submit or a look."""
    submitted = FakeReply(status=202, json={"id": "r1", "status": "queued", "pollUrl": ADDRESS})

    def answer(request: Request) -> FakeReply | Exception:
        return submitted if is_submitted and request.method == "POST" else FAILURES[failure]()

    async with Craftkit(KEY, transport=FakeTransport(answer), observers=[LoggingObserver()]) as craftkit:
        shown = say_everything(await outcome_of(craftkit.render("t", DATA, timeout=20.0)))
        task = asyncio.ensure_future(outcome_of(craftkit.render("t", DATA)))
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.wait([task])

    assert MARK not in shown + logged.text
