"""Guest links, mails, and what is counted of them."""

from typing import Any

import pytest

from tests.emulator.conftest import Start, Waiting
from tests.support.contract_client import ContractClient

BODY = {"data": {"booking": {"code": "B"}}}


async def _render(api: ContractClient, waiting: type[Waiting]) -> str:
    render = str((await api.call("render_template", slug="charter-handover", json=BODY)).json["id"])
    await waiting.for_render(api, render)
    return render


async def _open(api: ContractClient, url: str) -> tuple[int, bytes]:
    async with api.session.get(url) as reply:
        return reply.status, await reply.read()


async def test_a_guest_sees_a_page_and_gets_the_file(api: ContractClient, waiting: type[Waiting]) -> None:
    """The message is shown as text; views and downloads are counted as the recipient's."""
    render = await _render(api, waiting)
    share = (await api.call("create_share", id=render, json={"message": "<b>Here</b>"})).json
    status, page = await _open(api, share["shareUrl"])
    _, document = await _open(api, share["shareUrl"] + "/download")
    engagement = (await api.call("get_engagement", id=render)).json

    assert status == 200
    assert b"&lt;b&gt;Here&lt;/b&gt;" in page
    assert document.startswith(b"%PDF-")
    assert (engagement["counts"]["viewed"], engagement["counts"]["downloaded"], engagement["linkOpens"]) == (1, 1, 1)
    assert engagement["recent"][0]["actorKind"] == "recipient"
    assert (await api.call("list_shares", id=render)).json["shares"][0]["clickCount"] == 1


async def test_a_share_ends_by_its_date_or_by_hand(api: ContractClient, waiting: type[Waiting]) -> None:
    """Both at once, and for the file too."""
    render = await _render(api, waiting)
    now = (await api.control("GET", "state"))["now"]
    later = f"{int(now[:4]) + 1}{now[4:]}".replace("-02-29", "-02-28")
    lasting, revoked = [(await api.call("create_share", id=render, json={"expiresAt": later})).json for _ in range(2)]
    await api.call("revoke_share", id=render, shareId=revoked["id"])

    assert (await _open(api, lasting["shareUrl"]))[0] == 200
    assert (await _open(api, revoked["shareUrl"]))[0] == 404
    await api.control("POST", "clock", {"advance": 370 * 86_400})
    assert (await _open(api, lasting["shareUrl"] + "/download"))[0] == 404
    assert (await api.call("list_shares", id=render)).json["shares"][0]["revokedReason"] == "revoked_by_partner"


@pytest.mark.parametrize("date", ["9999-12-31T23:59:60Z", "0001-01-01T00:00:00+23:59"])
async def test_a_date_on_no_calendar_is_refused(api: ContractClient, waiting: type[Waiting], date: str) -> None:
    """It has the form of a moment, and is none."""
    refused = await api.call("create_share", id=await _render(api, waiting), json={"expiresAt": date})

    assert (refused.status, refused.code) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("operation", "body"), [("create_share", {}), ("email_render", {"to": "a@example.com"})],
)  # fmt: skip  # a table
async def test_nothing_is_shared_before_it_is_ready(start: Start, operation: str, body: Any) -> None:
    """409 until the render has succeeded; its files are not there either."""
    _, api = await start(latency="3600")
    render = (await api.call("render_template", slug="charter-handover", json=BODY)).json["id"]

    assert (await api.call(operation, id=render, json=body)).code == "not_ready"
    assert (await api.call("download_render", id=render)).code == "not_ready"
    assert (await api.call("download_embed_render", id=render)).json == {"error": "not_found"}
    assert (await _open(api, f"{api.url}/craftkit-renders/{render}.pdf"))[0] == 404


async def test_an_event_counts_again_after_five_minutes(api: ContractClient, waiting: type[Waiting]) -> None:
    """From one address, one of each kind; another kind is another event."""
    render = await _render(api, waiting)

    async def track(kind: str) -> bool:
        reply = await api.call("track_event", id=render, json={"eventType": kind, "metadata": {"page": 1}})
        return bool(reply.json["recorded"])

    assert [await track(kind) for kind in ("viewed", "printed", "viewed")] == [True, True, False]
    await api.control("POST", "clock", {"advance": 240})
    assert not await track("viewed")
    await api.control("POST", "clock", {"advance": 60})
    assert await track("viewed")


async def test_a_version_is_pinned_or_is_not_there(api: ContractClient) -> None:
    """A render keeps the version it was made from; a slug is chosen around those that are taken."""
    manifest: dict[str, Any] = {"variables": [], "loops": []}
    for _ in range(2):
        await api.call("put_template", slug="note", json={"name": "Note", "manifest": manifest})
    pinned: dict[str, Any] = {"data": {}, "options": {"versionNumber": 1}}

    assert (await api.call("render_template", slug="note", json=pinned)).status == 202
    pinned["options"] = {"versionNumber": 3}
    assert (await api.call("render_template", slug="note", json=pinned)).code == "version_not_found"
    assert (await api.call("create_template", json={"name": "Note", "slug": "note", "manifest": manifest})).code == (
        "slug_conflict"
    )
    chosen = (await api.call("create_template", json={"name": "Note", "manifest": manifest})).json["slug"]
    assert chosen.startswith("note-")


async def test_a_job_id_dedupes_where_no_header_does(api: ContractClient) -> None:
    """The header wins; keys are the project's, whatever the template."""
    asked = BODY | {"jobId": "job-1"}
    first = await api.call("render_template", slug="charter-handover", json=asked)
    again = await api.call("render_template", slug="charter-handover", json=asked)
    other = await api.call("render_template", slug="charter-handover", json=asked, headers={"Idempotency-Key": "k"})
    crossed = await api.call("render_template", slug="certificate", json={"data": {}, "jobId": "job-1"})

    assert (again.status, again.json["id"]) == (200, first.json["id"])
    assert (other.status, other.json["id"] != first.json["id"]) == (202, True)
    assert (crossed.status, crossed.json["id"]) == (200, first.json["id"])


async def test_nothing_of_another_project_is_there(api: ContractClient, waiting: type[Waiting]) -> None:
    """404, never 403."""
    render = await _render(api, waiting)
    project = (await api.call("create_project", json={"name": "Acme"})).json["id"]
    key = (await api.call("create_project_key", id=project, json={"name": "CI"})).json["key"]

    for operation in ("get_render", "download_render", "list_shares", "get_engagement"):
        assert (await api.call(operation, id=render, key=key)).code == "not_found"
    assert (await api.call("get_template", slug="invoice", key=key)).code == "template_not_found"
