"""Embed sessions: where they may be used, for what, and how a form's data travels."""

import json
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from craftkit_async.emulator import Emulator
from tests.emulator.conftest import Start, Waiting
from tests.emulator.contract_client import ContractClient, Reply

PEOPLE = {"tenant": {"externalId": "t", "displayName": "T"}, "actor": {"externalId": "a"}}


async def _mint(api: ContractClient, *, mode: str = "fill", template: str = "", **more: Any) -> Any:
    template = template or (await api.call("get_template", slug="charter-handover")).json["id"]
    scope = {"mode": mode, "templateExternalId": template}
    reply = await api.call("mint_embed_session", json={**PEOPLE, "scope": scope, **more})
    assert reply.status == 200, reply.json
    return reply.json


async def _submit(api: ContractClient, session: Any, data: Any, **headers: str) -> Reply:
    return await api.call(
        "submit_embed_form",
        sessionId=session["session_id"],
        key=session["session_token"],
        json={"data": data},
        headers=headers,
    )


async def test_a_foreign_origin_is_refused_and_none_is_not(api: ContractClient) -> None:
    """A browser says where it is; a test client says nothing, and passes."""
    session = await _mint(api)
    data = {"booking.code": "B"}

    assert (await _submit(api, session, data, Origin="https://evil.example")).code == "bad_request"
    assert (await _submit(api, session, data, Origin=api.url)).status == 202
    assert (await _submit(api, session, data)).status == 202


async def test_a_token_is_good_for_its_own_session_and_while_it_lasts(api: ContractClient) -> None:
    """Not for another session, not for another's render, and not after its end."""
    mine, other = await _mint(api), await _mint(api)
    made = await _submit(api, mine, {"booking.code": "B"})
    crossed = {"session_id": other["session_id"], "session_token": mine["session_token"]}

    assert (await _submit(api, crossed, {})).code == "session_not_found"
    assert (await api.call("get_embed_render", id=made.json["id"], key=other["session_token"])).status == 404
    assert (await api.call("get_embed_render", id=made.json["id"], key=mine["session_token"])).status == 200
    await api.control("POST", "clock", {"advance": 86_400})
    assert (await _submit(api, mine, {})).status == 401


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"mode": "edit"}, "wrong_mode"),
        ({"permissions": {"submitForm": False}}, "permission_denied"),
        ({"template": "not-a-uuid"}, "template_not_resolved"),
        ({"template": "00000000-0000-4000-8000-000000000000"}, "template_not_found"),
    ],
)
async def test_a_session_may_do_what_it_was_made_for(api: ContractClient, wanted: Any, code: str) -> None:
    """Each refusal has its own code."""
    assert (await _submit(api, await _mint(api, **wanted), {"booking.code": "B"})).code == code


async def test_a_renew_token_works_once(api: ContractClient) -> None:
    """The session stays, its tokens change."""
    session = await _mint(api)
    fresh = (await api.call("refresh_embed_session", json={"renewToken": session["renew_token"]})).json
    spent = await api.call("refresh_embed_session", json={"renewToken": session["renew_token"]})

    assert fresh["session_id"] == session["session_id"]
    assert fresh["renew_token"] != session["renew_token"]
    assert (spent.status, spent.code) == (401, "refresh_failed")


async def test_collecting_renders_nothing_and_hands_the_data_over(start: Start, waiting: type[Waiting]) -> None:
    """The event is the only copy: prefill below, the form's values above, dotted keys expanded, the rest dropped."""
    emulator, api = await start(webhook_url="http://127.0.0.1:9/", webhook_secret="x", webhook_delays="0,0,0,0,0")
    prefill = {"booking.code": "B-1", "booking.activityName": "Tour"}
    session = await _mint(api, form={"captureMode": "collect", "prefill": prefill})
    reply = await _submit(api, session, {"booking.code": "B-2", "__proto__": {"x": 1}, "unknown": 1})
    await waiting.until(lambda: emulator.deliveries)
    [delivery] = emulator.deliveries
    event = json.loads(delivery.body)

    assert reply.status == 202
    assert emulator.renders == []
    assert delivery.event == "form.submitted"
    assert event["renderId"] is None
    assert event["data"] == {"booking": {"code": "B-2", "activityName": "Tour"}}
    assert (await _submit(api, await _mint(api, form={"captureMode": "collect"}), {})).code == "invalid_input_data"


async def test_projects_of_an_account_have_no_embed(api: ContractClient) -> None:
    """Embed is switched on by hand, or by provisioning."""
    project = (await api.call("create_project", json={"name": "Acme"})).json["id"]
    own = (await api.call("create_project_key", id=project)).json["key"]
    provisioned = (await api.call("provision_org", json={"externalOrgId": "org-1"})).json["apiKey"]

    refused = await api.call("list_builder_templates", key=own)
    assert (refused.status, refused.code) == (401, "invalid_credentials")
    assert (await api.call("list_builder_templates", key=provisioned)).status == 200


async def test_an_image_is_at_its_public_address(emulator: Emulator, api: ContractClient) -> None:
    """What was uploaded can be fetched by anybody; what is no image or too large is refused."""
    session = await _mint(api)

    async def upload(body: bytes, content_type: str) -> Reply:
        form = aiohttp.FormData()
        form.add_field("file", BytesIO(body), filename="boat.png", content_type=content_type)
        return await api.call(
            "upload_embed_form_image", sessionId=session["session_id"], key=session["session_token"], data=form
        )

    url = (await upload(b"picture", "image/png")).json["url"]
    async with api.session.get(url) as reply:
        assert (reply.content_type, await reply.read()) == ("image/png", b"picture")
    assert url.startswith(emulator.url)
    assert (await upload(b"text", "text/plain")).code == "invalid_type"
    assert (await upload(bytes(10 * 2**20 + 1), "image/png")).code == "file_too_large"


async def test_rows_bind_under_the_literal_key_of_a_dotted_loop(api: ContractClient, waiting: type[Waiting]) -> None:
    """On render a loop's key is taken as it is, dot and all; rows under the nested path are dropped in silence."""
    fields = [{"key": "name", "label": "Name", "dataType": "text", "required": True}]
    manifest = {"variables": [], "loops": [{"key": "handover.areas", "label": "Areas", "itemFields": fields}]}
    made = {"name": "Own", "slug": "own", "manifest": manifest}
    await api.control("POST", "templates", made)
    missing: list[dict[str, str]] = [{}]

    literal = await api.call("render_template", slug="own", json={"data": {"handover.areas": missing}})
    assert list(literal.json["error"]["issues"]["fieldErrors"]) == ["handover.areas.0.name"]
    nested = await api.call("render_template", slug="own", json={"data": {"handover": {"areas": missing}}})
    await waiting.for_render(api, nested.json["id"])
    refused = await api.call("create_template", json=made | {"slug": "other"})
    assert refused.code == "invalid_loop_key"
