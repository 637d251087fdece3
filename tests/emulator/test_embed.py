"""Embed sessions: where they may be used, for what, and how a form's data travels."""

import json
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from craftkit_async.emulator import Emulator
from tests.emulator.conftest import Start, Waiting
from tests.support.contract_client import ContractClient, Reply

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


async def test_a_form_may_take_its_place_among_the_sessions_rights(api: ContractClient) -> None:
    """A session for viewing makes no template; one for editing does, and publishes only if it may."""
    draft = {"documentTemplate": {"name": "Draft", "layout": {"blocks": []}}}

    async def make(mode: str, **permissions: bool) -> Reply:
        token = (await _mint(api, mode=mode, permissions=permissions))["session_token"]
        return await api.call("create_builder_template", key=token, json=draft)

    assert (await make("view")).code == "permission_denied"
    assert (await make("edit", saveDraft=False)).code == "permission_denied"
    silent, published = await make("edit"), await make("create", publish=True)
    shown = [
        (await api.call("get_template", slug=slug)).json["published"]
        for slug in [each["slug"] for each in (await api.call("list_templates")).json["templates"][:2]]
    ]
    assert (silent.status, published.status) == (200, 200)
    assert sorted(shown) == [False, True]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"variableCatalog": {"namespaces": []}, "catalogRef": {"name": "x"}}, 422, "invalid_request"),
        ({"scope": {"mode": "fill"}}, 422, "invalid_request"),
        ({"catalogRef": {"name": "none"}}, 404, "catalog_not_found"),
        ({"catalogRef": {"name": "orders", "version": 2}}, 404, "catalog_not_found"),
    ],
)
async def test_a_session_that_cannot_be_is_not_minted(api: ContractClient, asked: Any, status: int, code: str) -> None:
    """Catalogs exclude each other and exist; a form has a template."""
    fields = [{"key": "order.number", "label": "Number", "dataType": "text"}]
    catalog = {"namespaces": [{"key": "order", "label": "Order", "fields": fields}]}
    await api.call("publish_embed_catalog", json={"name": "orders", "catalog": catalog})
    refused = await api.call("mint_embed_session", json={**PEOPLE, **asked})

    assert (refused.status, refused.code) == (status, code)
    known = await api.call("mint_embed_session", json={**PEOPLE, "catalogRef": {"name": "orders", "version": 1}})
    assert known.status == 200


async def test_renders_are_listed_by_offset(api: ContractClient) -> None:
    """Newest first; a negative place is none."""
    body = {"data": {"booking": {"code": "B"}}}
    made = [(await api.call("render_template", slug="charter-handover", json=body)).json["id"] for _ in range(3)]
    page = (await api.call("list_embed_renders", params={"limit": 1, "offset": 1})).json
    refused = await api.call("list_embed_renders", params={"offset": -1})

    assert [each["id"] for each in page["renders"]] == [made[1]]
    assert page["total"] == 3
    assert (refused.status, refused.code) == (422, "invalid_request")


async def test_a_session_ends_with_its_project(api: ContractClient) -> None:
    """A key says that the project is gone, a session only that it is no longer good."""
    session = await _mint(api)
    project = (await api.control("GET", "state"))["projects"][0]["id"]
    await api.call("delete_project", id=project)

    assert (await _submit(api, session, {})).status == 401
    assert (await api.call("render_template", slug="invoice", json={"data": {}})).code == "forbidden"


async def test_an_image_type_that_is_no_text_is_not_repeated(api: ContractClient) -> None:
    """What is sent as an image is served as one, and can run nothing."""
    session = await _mint(api)
    body = (
        "--x\r\nContent-Disposition: form-data; name=file\r\nContent-Type: image/ü\r\n\r\npicture\r\n--x--\r\n".encode()
    )
    sent = {"sessionId": session["session_id"], "key": session["session_token"], "data": body}
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    url = (await api.call("upload_embed_form_image", headers=headers, **sent)).json["url"]
    async with api.session.get(url) as reply:
        assert reply.content_type == "image/png"
        assert reply.headers["Content-Security-Policy"] == "sandbox"
    async with api.session.get(url + "x") as reply:
        assert reply.status == 404


async def test_a_form_of_too_many_parts_has_no_file(api: ContractClient) -> None:
    """A hostile form must not keep the parser busy."""
    session = await _mint(api)
    body = b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" * 200 + b"--x--\r\n"
    sent = {"sessionId": session["session_id"], "key": session["session_token"], "data": body}
    headers = {"Content-Type": "multipart/form-data; boundary=x"}

    assert (await api.call("upload_embed_form_image", headers=headers, **sent)).code == "missing_file"


async def test_provisioning_may_leave_the_sender_alone(api: ContractClient) -> None:
    """A sender is a text or null, and an organisation is known."""
    await api.call("provision_org", json={"externalOrgId": "o"})
    change = {"externalOrgId": "o", "emailFrom": "a@example.com"}

    assert (await api.call("update_provisioned_org", json=change)).json == change
    assert (await api.call("update_provisioned_org", json={"externalOrgId": "o"})).json == change
    assert (await api.call("update_provisioned_org", json=change | {"emailFrom": 5})).status in {400, 422}
    assert (await api.call("update_provisioned_org", json={"externalOrgId": "x"})).status == 404
