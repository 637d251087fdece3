"""Signature requests: made, signed by script, told to subscribers, listed by a cursor."""

import json
from typing import Any

import pytest

from craftkit_async.emulator import Emulator
from tests.emulator.conftest import Start, Waiting
from tests.support.contract_client import ContractClient, Reply

MIRA = {"firstName": "Mira", "email": "mira@example.com"}
OLE = {"firstName": "Ole", "email": "ole@example.com"}
ANCHOR = {"anchorString": "[[s]]", "recipientIndex": 0}


async def _render(api: ContractClient, waiting: type[Waiting]) -> str:
    body = {"data": {"booking": {"code": "B"}}}
    render = str((await api.call("render_template", slug="charter-handover", json=body)).json["id"])
    await waiting.for_render(api, render)
    return render


async def _ask(api: ContractClient, render: str, *recipients: Any, **more: Any) -> Reply:
    headers = more.pop("headers", {})
    body = {"renderId": render, "recipients": list(recipients or [MIRA]), "anchorTags": [ANCHOR], **more}
    return await api.call("create_signature", json=body, headers=headers)


async def _read(api: ContractClient, signature: str) -> Any:
    return (await api.call("get_signature", id=signature)).json


@pytest.fixture
async def told(start: Start) -> tuple[Emulator, ContractClient]:
    """An emulator whose signature events go nowhere, and stand in the log all the same."""
    emulator, api = await start()
    emulator.subscribe("http://127.0.0.1:9/", "x", events=[f"signature.{step}" for step in _STEPS])
    return emulator, api


_STEPS = ("sent", "viewed", "signed", "completed", "declined", "expired", "cancelled")


def _events(emulator: Emulator) -> list[Any]:
    return [json.loads(delivery.body) for delivery in emulator.deliveries]


async def test_the_last_signature_completes_and_the_file_follows(
    told: tuple[Emulator, ContractClient], waiting: type[Waiting], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One recipient's signature changes that recipient only; there is no status `signed`."""
    emulator, api = told
    # An hour for the second that it takes, so that no slow machine lets it pass between two calls.
    monkeypatch.setattr("craftkit_async.emulator.signing_provider._ARCHIVING", 3_600_000)
    signature = (await _ask(api, await _render(api, waiting), MIRA | {"order": 1}, OLE | {"order": 2})).json["id"]
    await api.control("POST", f"signatures/{signature}/viewed")
    await api.control("POST", f"signatures/{signature}/signed", {"recipient": 1})
    half = await _read(api, signature)
    await api.control("POST", f"signatures/{signature}/signed")
    done = await _read(api, signature)
    early = await api.call("download_signature", id=signature)
    await api.control("POST", "clock", {"advance": 3600})
    await waiting.until(lambda: emulator._service.state.signatures[signature].archived)
    await api.control("POST", f"signatures/{signature}/archived")  # by hand, and once more
    archived = await _read(api, signature)

    assert (half["status"], half["recipients"][0]["signedAt"]) == ("viewed", None)
    assert half["recipients"][1]["signedAt"]
    assert (done["status"], done["signedDownloadUrl"], done["certificateUrl"]) == ("completed", None, None)
    assert (early.status, early.code) == (409, "conflict")
    assert archived["signedDownloadUrl"].endswith(f"/v1/signatures/{signature}/download")
    assert (await api.call("download_signature_certificate", id=signature)).body.startswith(b"%PDF-")
    assert [event["event"].partition(".")[2] for event in _events(emulator)] == [
        "sent", "viewed", "signed", "signed", "completed",
    ]  # fmt: skip  # one line
    assert _events(emulator)[0]["recipients"][1] == OLE | {"lastName": None, "order": 2}


@pytest.mark.parametrize(
    ("step", "reason", "event"),
    [
        ("declined", "Wrong price.", "signature.declined"),
        ("expired", None, "signature.expired"),
        ("failed", "Bounced.", None),
        ("failed", None, None),
        ("completed", None, "signature.completed"),
    ],
)
async def test_a_request_ends_as_the_script_says(
    told: tuple[Emulator, ContractClient], waiting: type[Waiting], step: str, reason: str | None, event: str | None
) -> None:
    """Each end is final; a failure has no event, so that one has to look."""
    emulator, api = told
    signature = (await _ask(api, await _render(api, waiting))).json["id"]
    await api.control("POST", f"signatures/{signature}/{step}", {} if reason is None else {"reason": reason})
    ended = await _read(api, signature)
    events = _events(emulator)[1:]

    assert ended["status"] == step
    assert [each["event"] for each in events] == ([event] if event else [])
    assert [each["reason"] for each in events if step == "declined"] == ([reason] if step == "declined" else [])
    assert (ended["errorMessage"] is None) == (step != "failed")
    assert bool(ended["recipients"][0]["declinedAt"]) == (step == "declined")
    assert bool(ended["completedAt"]) == (step == "completed")
    assert (await api.call("cancel_signature", id=signature, json={})).code == "conflict"
    async with api.session.post(f"{api.url}/_emulator/signatures/{signature}/viewed") as again:
        assert again.status == 409


async def test_a_cancelled_request_tells_why(told: tuple[Emulator, ContractClient], waiting: type[Waiting]) -> None:
    """The reason becomes the error message, and stands in the event."""
    emulator, api = told
    signature = (await _ask(api, await _render(api, waiting))).json["id"]
    await api.call("cancel_signature", id=signature, json={"reason": "Withdrawn."})

    assert (await _read(api, signature))["errorMessage"] == "Withdrawn."
    assert _events(emulator)[-1]["reason"] == "Withdrawn."


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("signatures/{id}/danced", {}, 404),
        ("signatures/none/signed", {}, 404),
        ("signatures/{id}/signed", {"recipient": 1}, 409),
        ("signatures/{id}/signed", {"recipient": "first"}, 400),
        ("signatures/{id}/declined", {"reason": 5}, 400),
        ("signatures/{id}/archived", {}, 409),
    ],
)
async def test_a_step_that_cannot_be_is_refused(
    api: ContractClient, waiting: type[Waiting], path: str, body: Any, status: int
) -> None:
    """Steps, recipients and their order are checked, and the steps that there are are named."""
    signature = (await _ask(api, await _render(api, waiting))).json["id"]
    async with api.session.post(f"{api.url}/_emulator/{path.format(id=signature)}", json=body) as reply:
        refused = await reply.json()

    assert reply.status == status
    assert "danced" not in path or "declined" in refused["error"]["message"]
    assert (await _read(api, signature))["status"] == "sent"


async def test_who_has_signed_cannot_sign_again(api: ContractClient, waiting: type[Waiting]) -> None:
    """A second signature is somebody else's."""
    signature = (await _ask(api, await _render(api, waiting), MIRA, OLE)).json["id"]
    await api.control("POST", f"signatures/{signature}/signed", {"recipient": 0})
    async with api.session.post(f"{api.url}/_emulator/signatures/{signature}/signed", json={"recipient": 0}) as reply:
        assert reply.status == 409


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"recipients": [MIRA | {"order": 1}, OLE | {"order": 3}]}, "recipients"),
        ({"recipients": [MIRA | {"order": 1}, OLE]}, "recipients"),
        ({"anchorTags": []}, "fields"),
        ({"anchorTags": [ANCHOR | {"recipientIndex": 4}]}, "anchorTags.0.recipientIndex"),
    ],
)
async def test_what_a_schema_cannot_say_is_checked(
    api: ContractClient, waiting: type[Waiting], wrong: Any, field: str
) -> None:
    """Orders are 1 to N, a signer has a place to sign, and a tag has its recipient."""
    body = {"renderId": await _render(api, waiting), "recipients": [MIRA], "anchorTags": [ANCHOR]} | wrong
    refused = await api.call("create_signature", json=body)

    assert (refused.status, refused.code) == (400, "invalid_request")
    assert list(refused.json["error"]["issues"]["fieldErrors"]) == [field]


async def test_who_does_not_sign_needs_no_place_to(api: ContractClient, waiting: type[Waiting]) -> None:
    """An observer gets the document and signs nothing."""
    watching = MIRA | {"designation": "CC"}

    assert (await _ask(api, await _render(api, waiting), watching, anchorTags=[])).status == 201


async def test_the_same_key_gives_the_same_request(api: ContractClient, waiting: type[Waiting]) -> None:
    """200 is the only sign of a replay; keys of renders are others."""
    render = await _render(api, waiting)
    key = {"Idempotency-Key": "contract-7"}
    first, second = [await _ask(api, render, headers=key) for _ in range(2)]

    assert (first.status, second.status) == (201, 200)
    assert first.json["id"] == second.json["id"]


async def test_only_what_has_succeeded_is_signed(start: Start) -> None:
    """Not a render that still waits, nor one that nobody knows."""
    _, api = await start(latency="3600")
    body = {"data": {"booking": {"code": "B"}}}
    render = (await api.call("render_template", slug="charter-handover", json=body)).json["id"]

    assert (await _ask(api, render)).code == "not_ready"
    assert (await _ask(api, "01890000-0000-7000-8000-000000000000")).code == "not_found"
    assert (await api.call("get_signature", id="none")).code == "not_found"


async def test_a_listing_is_read_by_moments(api: ContractClient, waiting: type[Waiting]) -> None:
    """Newest first, strictly before the cursor, which is never null while there are rows."""
    render = await _render(api, waiting)
    ids = []
    for _ in range(3):
        ids.append((await _ask(api, render)).json["id"])
        await api.control("POST", "clock", {"advance": 1})
    first = (await api.call("list_signatures", params={"limit": 2, "renderId": render})).json
    rest = (await api.call("list_signatures", params={"limit": 2, "cursor": first["nextCursor"]})).json
    after = (await api.call("list_signatures", params={"cursor": rest["nextCursor"]})).json

    assert [each["id"] for each in first["signatures"] + rest["signatures"]] == ids[::-1]
    assert (first["hasMore"], rest["hasMore"]) == (True, False)
    assert rest["nextCursor"]
    assert (after["signatures"], after["nextCursor"]) == ([], None)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "x"},
        {"limit": "1" * 20},
        {"cursor": "then"},
        {"cursor": "2026-06-01T10:00:00"},
        {"cursor": "2026-06-30T23:59:60Z"},
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(api: ContractClient, query: dict[str, str]) -> None:
    """Numbers are whole and in range, moments have a zone; what is unknown is ignored."""
    assert (await api.call("list_signatures", params=query)).code == "invalid_request"
    assert (await api.call("list_signatures", params={"unknown": "x"})).status == 200
