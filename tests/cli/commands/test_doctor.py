"""`doctor`: what is set up well, what is not, and what to do about it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from craftkit_async import (
    Craftkit,
    CraftkitError,
    ForbiddenError,
    Health,
    NotFoundError,
    PaymentRequiredError,
    RateLimitedError,
)
from craftkit_async.cli.commands.doctor import address_of, check_templates
from craftkit_async.cli.findings import Finding, from_error, judge_health, judge_key, judge_round_trip, judge_skew
from craftkit_async.emulator import Emulator
from craftkit_async.errors import DownloadError
from craftkit_async.models.health import HealthChecks
from craftkit_async.testing import FakeReply, FakeTransport
from tests.cli.conftest import SECRET, Run

_TEMPLATE = {
    "id": "t1",
    "name": "Note",
    "slug": "note",
    "currentVersionNumber": 3,
    "createdAt": "2026-06-05T10:00:00.000Z",
    "updatedAt": "2026-06-05T10:00:00.000Z",
}

CHECKS = ["key", "address", "health", "clock", "webhooks", "templates", "download"]


def _examine(run: Run, *words: str) -> tuple[int, dict[str, dict[str, str]]]:
    ended = run("doctor", "--json", *words)
    assert ended.err == ""
    return ended.code, {finding["check"]: finding for finding in json.loads(ended.out)}


def test_all_is_well(run: Run, service: Emulator, invoice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thing was looked at, with a document that the service has and a delivery that it could have sent."""
    monkeypatch.setenv("CRAFTKIT_WEBHOOK_SECRET", SECRET)
    run("render", "invoice", invoice, "-o", "out.pdf")
    code, found = _examine(run, "--template", "invoice")
    table = run("doctor")

    assert code == table.code == 0
    assert list(found) == CHECKS
    assert {finding["state"] for finding in found.values()} == {"ok"}
    assert found["key"]["seen"] == "a test key"
    assert found["address"]["seen"] == service.url
    assert found["download"]["seen"].endswith("bytes of PDF through its own address")
    assert [line.split("\t")[:2] for line in table.out.splitlines()] == [[check, "ok"] for check in CHECKS]


def test_a_document_behind_the_api(run: Run, service: Emulator, invoice: str) -> None:
    """Where the deployment has no storage of its own."""
    run("render", "invoice", invoice, "-o", "out.pdf")
    service.faults.set("get_render:null-url")
    code, found = _examine(run, "--render", service.renders[-1].id)

    assert code == 0
    assert found["download"]["seen"].endswith("through the API itself")
    assert found["webhooks"]["state"] == "skipped"


@pytest.mark.usefixtures("service")
def test_without_a_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs none is looked at all the same."""
    monkeypatch.delenv("CRAFTKIT_API_KEY")
    code, found = _examine(run)

    assert code == 1
    assert list(found) == CHECKS[:5]
    assert found["key"]["state"] == "problem"
    assert "dashboard" in found["key"]["advice"]


@pytest.mark.usefixtures("service")
def test_a_key_that_nobody_knows(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form is good, and the service refuses it."""
    monkeypatch.setenv("CRAFTKIT_API_KEY", "ck_live_stranger")
    code, found = _examine(run)

    assert code == 1
    assert found["key"]["seen"] == "a live key"
    assert found["templates"]["state"] == "problem"
    assert "unknown or revoked" in found["templates"]["advice"]
    assert "download" not in found


@pytest.mark.usefixtures("service")
def test_a_bad_address_and_nobody_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be asked of a bad one; one where nobody answers is told as such."""
    code, found = _examine(run, "--base-url", "nowhere")
    assert (code, list(found), found["address"]["state"]) == (1, ["key", "address"], "problem")

    monkeypatch.delenv("CRAFTKIT_BASE_URL")
    code, found = _examine(run, "--base-url", "http://127.0.0.1:9")
    assert (code, found["health"]["state"], found["clock"]["state"]) == (1, "problem", "skipped")
    assert "CRAFTKIT_BASE_URL" in found["health"]["advice"]


@pytest.mark.parametrize(
    ("faults", "words", "check", "seen"),
    [
        ("list_templates:empty=200", [], "templates", "problem"),
        ("list_embed_renders:500", [], "download", "skipped"),
        ("download_render:html,get_render:api-url", [], "download", "problem"),
    ],
)
def test_what_goes_wrong(  # noqa: PLR0917 - a table of cases
    run: Run, service: Emulator, invoice: str, faults: str, words: list[str], check: str, seen: str
) -> None:
    """Each thing has its own finding."""
    run("render", "invoice", invoice, "-o", "out.pdf")
    service.faults.set(faults)

    assert _examine(run, *words)[1][check]["state"] == seen


@pytest.mark.parametrize(
    ("reply", "slug", "seen", "state"),
    [
        ({"templates": []}, None, "none is published", "problem"),
        (_TEMPLATE | {"published": False}, "note", "note is a draft", "problem"),
        (_TEMPLATE | {"published": True}, "note", "note is there, version 3", "ok"),
    ],
)
async def test_templates_are_published_or_not(reply: object, slug: str | None, seen: str, state: str) -> None:
    """A draft renders nothing."""
    async with Craftkit("ck_test_key", transport=FakeTransport(lambda _: FakeReply(json=reply))) as craftkit:
        found = await check_templates(craftkit, slug)

    assert (found.seen, found.state) == (seen, state)


def test_the_address_is_the_public_one_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a client has it."""
    monkeypatch.delenv("CRAFTKIT_BASE_URL", raising=False)
    assert address_of(None) == "https://api.craftkit.dev"
    assert address_of("http://x") == "http://x"
    monkeypatch.setenv("CRAFTKIT_BASE_URL", " http://y ")
    assert address_of(None) == "http://y"


@pytest.mark.parametrize(
    ("key", "state", "seen"),
    [
        ("ck_test_1", "ok", "a test key"),
        ("ck_live_1", "ok", "a live key"),
        ("something", "ok", "a key of an unknown kind"),
        (
            "ck_acct_1",
            "problem",
            "api_key is a ck_acct_… key, and Craftkit takes a project key (ck_live_… or ck_test_…)",
        ),
        ("", "problem", "CRAFTKIT_API_KEY is not set"),
    ],
)
def test_the_form_of_a_key(key: str, state: str, seen: str) -> None:
    """Of the key itself nothing is told."""
    found = judge_key(key)

    assert (found.state, found.seen) == (state, seen)


def _at(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("date", "state", "seen"),
    [
        (_at(1_000_000), "ok", "within 1 s of the service's"),
        (_at(1_000_020), "ok", "within 19 s of the service's"),
        (_at(999_900), "problem", "99 s ahead of the service's"),
        (_at(1_000_101), "problem", "100 s behind the service's"),
        ("tomorrow", "skipped", "the reply has no date"),
        (None, "skipped", "the reply has no date"),
    ],
)
def test_the_clock(date: str | None, state: str, seen: str) -> None:
    """The reply was made between two looks at the clock here, and its date has whole seconds."""
    found = judge_skew(date, 1_000_000.0, 1_000_001.0)

    assert (found.state, found.seen) == (state, seen)


@pytest.mark.parametrize(
    ("finding", "state"),
    [
        (judge_health(Health("ok", "1", HealthChecks("ok"))), "ok"),
        (judge_health(Health("degraded", "1", HealthChecks("down"))), "problem"),
        (judge_round_trip(200, 401), "ok"),
        (judge_round_trip(503, 401), "problem"),
        (judge_round_trip(200, 200), "problem"),
    ],
)
def test_judgements(finding: Finding, state: str) -> None:
    """A problem comes with what to do about it."""
    assert finding.state == state
    assert bool(finding.advice) is (state == "problem")


@pytest.mark.parametrize(
    "make",
    [
        lambda: PaymentRequiredError("no", 402),
        lambda: ForbiddenError("no", 403),
        lambda: NotFoundError("no", 404),
        lambda: RateLimitedError("no", 429),
        lambda: DownloadError("no"),
        CraftkitError,
    ],
)
def test_every_error_has_its_advice(make: Callable[[], CraftkitError]) -> None:
    """Whatever happens, there is something to do."""
    assert from_error("templates", make()).advice
