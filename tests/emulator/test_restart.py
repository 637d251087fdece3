"""With a file, a restart loses nothing that was answered, and goes on with what was under way."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from craftkit_async.emulator import Emulator
from tests.emulator.conftest import Start, Waiting
from tests.support.contract_client import ContractClient

BODY = {"data": {"booking": {"code": "B"}}}
GONE = {"webhook_url": "http://127.0.0.1:9/", "webhook_secret": "x", "webhook_delays": "60,60,60,60,60"}
PEOPLE = {"tenant": {"externalId": "t", "displayName": "T"}, "actor": {"externalId": "a"}}


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "state.db")


async def _submit(api: ContractClient, **headers: str) -> str:
    reply = await api.call("render_template", slug="charter-handover", json=BODY, headers=headers)
    return str(reply.json["id"])


async def _end(emulator: Emulator) -> None:
    await emulator.__aexit__(None, None, None)


async def test_renders_go_on_where_they_were(start: Start, waiting: type[Waiting], file: str) -> None:
    """What had ended is as it was, file and all; what waited ends after the restart, under its key."""
    first, api = await start(db=file, latency="0", pdf=True)
    done = await _submit(api)
    await waiting.for_render(api, done)
    document = (await api.call("download_render", id=done)).body
    first.faults.set("render:failed=Out of ink.#1")
    failing = await _submit(api)
    await waiting.for_render(api, failing, "failed")
    await _end(first)
    slow, api = await start(db=file, latency="3600")
    queued = await _submit(api, **{"Idempotency-Key": "booking-7"})
    await _end(slow)
    again, api = await start(db=file, pdf=True)
    await api.control("POST", "clock", {"advance": 3600})
    await waiting.for_render(api, queued)

    assert (await api.call("download_render", id=done)).body == document
    assert (await api.call("get_render", id=failing)).json["errorMessage"] == "Out of ink."
    assert await _submit(api, **{"Idempotency-Key": "booking-7"}) == queued
    assert len(again.renders) == 3


async def test_deliveries_go_on_where_they_were(start: Start, waiting: type[Waiting], file: str) -> None:
    """A second attempt that was due later comes later, under the same id; what had ended stays ended."""
    first, api = await start(db=file, **GONE)
    await _submit(api)
    await waiting.until(lambda: first.deliveries and first.deliveries[0].attempts)
    first.faults.set("webhook:lost")
    await _submit(api)
    await waiting.until(lambda: len(first.deliveries) == 2)
    before = first.deliveries
    await _end(first)
    again, api = await start(db=file, **GONE)
    kept = again.deliveries
    await api.control("POST", "clock", {"advance": 60})
    await waiting.until(lambda: len(again.deliveries[0].attempts) == 2)

    assert [each.id for each in kept] == [each.id for each in before]
    assert [each.state for each in kept] == ["pending", "lost"]
    assert len(again.state["projects"]) == again.state["counts"]["subscription"] == 1


async def test_time_keys_tokens_and_projects_are_kept(start: Start, file: str) -> None:
    """What was handed out still works: minted keys, session tokens, a clock that was moved on."""
    own: Any = {"slug": "own", "manifest": {"variables": [], "loops": []}}
    first, api = await start(db=file, templates=[own])
    project = (await api.call("create_project", json={"name": "Acme"})).json
    key = (await api.call("create_project_key", id=project["id"])).json["key"]
    session = (await api.call("mint_embed_session", json=PEOPLE)).json
    organisation = (await api.call("provision_org", json={"externalOrgId": "o"})).json
    await api.control("POST", "clock", {"advance": 3600})
    moved = (await api.control("GET", "state"))["now"]
    await _end(first)
    _, api = await start(db=file, templates=[own])
    draft: Any = {"documentTemplate": {"name": "Draft"}}
    refreshed = await api.call("refresh_embed_session", json={"renewToken": session["renew_token"]})

    assert (await api.call("get_template", slug="own")).json["currentVersionNumber"] == 1
    assert (await api.call("list_templates", key=key)).json == {"templates": []}
    assert (await api.call("create_builder_template", key=session["session_token"], json=draft)).status == 200
    assert refreshed.json["session_id"] == session["session_id"]
    assert (await api.call("provision_org", json={"externalOrgId": "o"})).json == organisation
    assert (await api.control("GET", "state"))["now"] >= moved
    assert (await api.call("create_project", json={"name": "Acme"})).json["slug"] == "acme-1"


async def test_a_completed_signature_is_archived_after_a_restart(
    start: Start, waiting: type[Waiting], file: str
) -> None:
    """The second until archiving may fall between two processes."""
    first, api = await start(db=file)
    render = await _submit(api)
    await waiting.for_render(api, render)
    anchor = {"anchorString": "[[s]]", "recipientIndex": 0}
    asked = {"renderId": render, "recipients": [{"firstName": "M", "email": "m@example.com"}], "anchorTags": [anchor]}
    ids = [(await api.call("create_signature", json=asked)).json["id"] for _ in range(2)]
    await api.control("POST", f"signatures/{ids[0]}/completed")
    await _end(first)
    again, api = await start(db=file)
    await api.control("POST", "clock", {"advance": 1})
    await waiting.until(lambda: again._service.state.signatures[ids[0]].archived)

    assert (await api.call("get_signature", id=ids[1])).json["status"] == "sent"


async def test_a_reset_empties_the_file_too(start: Start, waiting: type[Waiting], file: str) -> None:
    """After the next start nothing comes back."""
    first, api = await start(db=file)
    await waiting.for_render(api, await _submit(api))
    subscription = await api.control("POST", "subscriptions", {"url": "http://127.0.0.1:9/", "secret": "s"})
    await api.control("DELETE", f"subscriptions/{subscription['id']}")
    await api.control("POST", "reset")
    await _end(first)
    again, _ = await start(db=file)

    assert again.renders == []
    assert again.state["counts"]["subscription"] == 0


async def test_a_file_is_of_one_emulator(start: Start, file: str) -> None:
    """Two that write the same file would each lose what the other answered."""
    await start(db=file)
    with pytest.raises(Exception, match="locked"):
        await start(db=file)


async def test_what_is_read_before_it_is_written_is_there(start: Start) -> None:
    """A record that is gone again before it reached the disk leaves nothing there."""
    emulator, _ = await start()
    store = emulator._service.store
    store.put("kind", "a", b"1")
    store.put_file("file", b"body")
    kept = store.read("kind", "a"), store.read_file("file")
    store.remove("kind", "a")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store.committed()) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()  # who hangs up does not keep the others from their answer

    assert kept == (1, b"body")
    assert store.read("kind", "a") is None
    assert store.read_file("file") == b"body"
    assert store.read_file("none") is None
