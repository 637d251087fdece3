"""Every operation of the contract, walked once, each reply held against its schema."""

import json
import re
from typing import Any

import aiohttp
import pytest

from tests.emulator.conftest import Waiting
from tests.support.contract_client import ContractClient, operations

BOOKING = {"booking": {"code": "BK-12345"}}
MANIFEST = {
    "variables": [{"key": "customer.name", "label": "Customer", "dataType": "text", "required": True}],
    "loops": [{"key": "items", "label": "Items", "itemFields": [{"key": "sku", "label": "SKU", "dataType": "text"}]}],
}
SIGNING = {
    "recipients": [{"firstName": "Mira", "email": "mira@example.com"}],
    "anchorTags": [{"anchorString": "[[sign-1]]", "recipientIndex": 0}],
}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


async def _render(api: ContractClient, waiting: type[Waiting]) -> str:
    reply = await api.call("render_template", slug="charter-handover", json={"data": BOOKING})
    assert reply.status == 202
    await waiting.for_render(api, reply.json["id"])
    return str(reply.json["id"])


async def _walk_system(api: ContractClient) -> None:
    assert (await api.call("get_health")).json == {"status": "ok", "version": "local", "checks": {"database": "ok"}}
    assert (await api.call("get_liveness")).json == {"status": "ok"}


async def _walk_templates(api: ContractClient) -> None:
    body = {"name": "Delivery note", "manifest": MANIFEST}
    assert (await api.call("create_template", json=body)).json["slug"] == "delivery-note"
    assert (await api.call("put_template", slug="note", json=body)).status == 201
    assert (await api.call("put_template", slug="note", json=body)).json["currentVersionNumber"] == 2
    assert (await api.call("get_template", slug="note")).json["manifest"] == MANIFEST
    assert (await api.call("delete_template", slug="note")).json["slug"] == "note"
    assert (await api.call("get_template", slug="note")).code == "template_not_found"
    assert len((await api.call("list_templates")).json["templates"]) == 4


async def _walk_shares(api: ContractClient, render: str) -> None:
    share = (await api.call("create_share", id=render, json={"channel": "link"})).json
    assert (await api.call("email_render", id=render, json={"to": "mira@example.com"})).status == 201
    assert len((await api.call("list_shares", id=render)).json["shares"]) == 2
    assert (await api.call("revoke_share", id=render, shareId=share["id"])).status == 200
    assert (await api.call("revoke_share", id=render, shareId=share["id"])).code == "not_found"
    assert (await api.call("track_event", id=render, json={"eventType": "viewed"})).json == {"recorded": True}
    assert (await api.call("track_event", id=render, json={"eventType": "viewed"})).json == {"recorded": False}
    assert (await api.call("get_engagement", id=render)).json["total"] == 5


async def _walk_signatures(api: ContractClient, render: str) -> None:
    first = (await api.call("create_signature", json=SIGNING | {"renderId": render})).json["id"]
    second = (await api.call("create_signature", json=SIGNING | {"renderId": render})).json["id"]
    assert (await api.call("cancel_signature", id=second, json={"reason": "Withdrawn."})).json["status"] == "cancelled"
    assert (await api.call("download_signature", id=first)).code == "conflict"
    await api.control("POST", f"signatures/{first}/signed", {"recipient": 0})
    await api.control("POST", "clock", {"advance": 2})
    assert (await api.call("download_signature", id=first)).body.startswith(b"%PDF-")
    assert (await api.call("download_signature_certificate", id=first)).body.startswith(b"%PDF-")
    assert (await api.call("get_signature", id=first)).json["signedDownloadUrl"].endswith("/download")
    assert len((await api.call("list_signatures")).json["signatures"]) == 2


async def _walk_embed(api: ContractClient, render: str, waiting: type[Waiting]) -> None:
    fields = [{"key": "order.number", "label": "Number", "dataType": "text"}]
    catalog = {"namespaces": [{"key": "order", "label": "Order", "fields": fields}]}
    assert (await api.call("publish_embed_catalog", json={"name": "orders", "catalog": catalog})).json["version"] == 1
    draft = {"documentTemplate": {"name": "Packing list", "layout": {"blocks": []}}}
    assert (await api.call("create_builder_template", json=draft)).json["documentTemplate"]["name"] == "Packing list"
    assert (await api.call("list_builder_templates")).json["templates"][0]["name"] == "Packing list"
    assert (await api.call("list_embed_renders")).json["renders"][0]["id"] == render
    assert (await api.call("download_embed_render", id=render)).headers["Content-Disposition"] == "inline"
    await _walk_form(api, waiting)


async def _walk_form(api: ContractClient, waiting: type[Waiting]) -> None:
    template = (await api.call("get_template", slug="charter-handover")).json["id"]
    people = {"tenant": {"externalId": "t", "displayName": "T"}, "actor": {"externalId": "a"}}
    minted = people | {"scope": {"mode": "fill", "templateExternalId": template}}
    session = (await api.call("mint_embed_session", json=minted)).json
    session = (await api.call("refresh_embed_session", json={"renewToken": session["renew_token"]})).json
    session_id, token = session["session_id"], session["session_token"]
    sent = await api.call("submit_embed_form", sessionId=session_id, key=token, json={"data": {"booking.code": "B"}})
    await waiting.for_render(api, sent.json["id"])
    assert (await api.call("get_embed_render", id=sent.json["id"], key=token)).json["status"] == "succeeded"
    form = aiohttp.FormData()
    form.add_field("file", PNG, filename="boat.png", content_type="image/png")
    assert (await api.call("upload_embed_form_image", sessionId=session_id, key=token, data=form)).status == 200


async def _walk_projects(api: ContractClient) -> None:
    project = (await api.call("create_project", json={"name": "Acme Corp"})).json
    assert (await api.call("create_project", json={"name": "Acme Corp"})).json["slug"] == "acme-corp-1"
    assert (await api.call("update_project", id=project["id"], json={"name": "New"})).json["slug"] == "acme-corp"
    assert (await api.call("get_project", id=project["id"])).json["name"] == "New"
    assert (await api.call("create_project_key", id=project["id"])).json["key"].startswith("ck_live_")
    assert len((await api.call("list_projects")).json["projects"]) == 3
    assert (await api.call("delete_project", id=project["id"])).json == {"id": project["id"], "deleted": True}
    assert (await api.call("delete_project", id=project["id"])).status == 404


async def _walk_admin(api: ContractClient) -> None:
    first = await api.call("provision_org", json={"externalOrgId": "org-77"})
    again = await api.call("provision_org", json={"externalOrgId": "org-77"})
    assert (first.status, again.status) == (201, 200)
    assert first.json["apiKey"] == again.json["apiKey"]
    changed = {"externalOrgId": "org-77", "emailFrom": "documents@example.com"}
    assert (await api.call("update_provisioned_org", json=changed)).status == 200


async def test_every_operation_answers_by_its_schema(api: ContractClient, waiting: type[Waiting]) -> None:
    """Whatever the emulator answers validates against the contract, and no operation is left out."""
    await _walk_system(api)
    await _walk_templates(api)
    render = await _render(api, waiting)
    assert (await api.call("download_render", id=render)).body.startswith(b"%PDF-")
    await _walk_shares(api, render)
    await _walk_signatures(api, render)
    await _walk_embed(api, render, waiting)
    await _walk_projects(api)
    await _walk_admin(api)
    hook = (await api.control("GET", "state"))["projects"][0]["hooks"][0]
    assert (await api.call("trigger_hook", token=hook["token"], json={})).code == "invalid_input_data"

    assert api.covered == set(operations())


GUARDED = [name for name, (_, _, described) in operations().items() if described["security"]]


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize("key", [None, "nonsense", "ck_live_unknown", "\x80"])
async def test_a_missing_or_unknown_key_is_401_with_the_operations_own_code(
    api: ContractClient, name: str, key: str | None
) -> None:
    """401 codes differ by route; the emulator uses those that the route lists."""
    reply = await api.call(name, key=key, **_only_needed(name))

    codes = operations()[name][2]["x-error-codes"]["401"]
    assert reply.status == 401
    assert reply.code in codes
    if key is None and "missing_authorization" in codes:
        assert reply.code == "missing_authorization"


@pytest.mark.parametrize("name", GUARDED)
async def test_the_wrong_kind_of_key_is_401_and_never_403(api: ContractClient, name: str) -> None:
    """A key that is genuine elsewhere is worth no more than an unknown one."""
    accepted = {kind for choice in operations()[name][2]["security"] for kind in choice}
    for kind, key in api.keys.items():
        if kind not in accepted:
            reply = await api.call(name, key=key, **_only_needed(name))

            assert reply.status == 401, (name, kind)


def _only_needed(name: str) -> dict[str, Any]:
    return dict.fromkeys(re.findall(r"{(\w+)}", operations()[name][1]), "none")


async def test_the_contract_is_served_as_it_is(api: ContractClient) -> None:
    """`/openapi.yaml` is the very file, and does not mention the emulator's own routes."""
    async with api.session.get(f"{api.url}/openapi.yaml") as response:
        body = await response.read()

    assert b"_emulator" not in body
    assert b"operationId: render_template" in body


async def test_a_path_that_nothing_matches_is_a_404_in_json(api: ContractClient) -> None:
    """Errors are JSON everywhere."""
    for path in ("/", "/v2", "/v1/templates/a/b/c", "/_emulator/nothing", "/share/none", "/craftkit-renders/x.pdf"):
        async with api.session.get(api.url + path) as response:
            assert response.status == 404
            assert json.loads(await response.read())["error"]["code"] == "not_found"


async def test_a_method_that_a_path_does_not_take_is_a_405_that_names_those_it_takes(api: ContractClient) -> None:
    """The path is right and the method is not: say which would be."""
    async with api.session.patch(f"{api.url}/v1/templates") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, POST"
        assert (await response.json())["error"]["code"] == "method_not_allowed"
