"""Inbound hooks: the token says which template, the signature who sends."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.emulator.conftest import Waiting
from tests.support.contract_client import ContractClient

BODY = json.dumps({"booking": {"code": "BK-1"}}).encode()
MANIFEST = {"variables": [{"key": "booking.code", "dataType": "text", "required": True}], "loops": []}


async def _hook(api: ContractClient, slug: str) -> Any:
    [project] = (await api.control("GET", "state"))["projects"]
    return next(each for each in project["hooks"] if each["slug"] == slug)


def _sign(secret: str, body: bytes = BODY) -> dict[str, str]:
    return {"x-craftkit-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


async def test_the_body_is_the_data(api: ContractClient, waiting: type[Waiting]) -> None:
    """Unsigned or signed with the template's own secret, it is rendered; the answer has three members."""
    hook = await _hook(api, "charter-handover")
    for headers in ({}, _sign(hook["secret"])):
        reply = await api.call("trigger_hook", token=hook["token"], data=BODY, headers=headers)

        assert reply.status == 202
        assert set(reply.json) == {"id", "status", "pollUrl"}
        await waiting.for_render(api, reply.json["id"])


@pytest.mark.parametrize("headers", [_sign("another secret"), {"x-craftkit-signature": "ü"}, _sign("x", b"other")])
async def test_a_wrong_signature_is_refused(api: ContractClient, headers: dict[str, str]) -> None:
    """Also where none would have been needed, and before the body is read."""
    hook = await _hook(api, "charter-handover")
    reply = await api.call("trigger_hook", token=hook["token"], data=b"{", headers=headers)

    assert (reply.status, reply.code) == (401, "invalid_signature")


async def test_a_template_may_insist_on_a_signature(api: ContractClient) -> None:
    """A dashboard setting; a missing signature is then a wrong one."""
    made = {"slug": "strict", "name": "Strict", "manifest": MANIFEST, "enforceHookSignature": True}
    template = await api.control("POST", "templates", made)
    token, secret = template["hook_token"], template["hook_secret"]

    assert (await api.call("trigger_hook", token=token, data=BODY)).code == "invalid_signature"
    assert (await api.call("trigger_hook", token=token, data=BODY, headers=_sign(secret))).status == 202


async def test_a_token_ends_with_its_template_or_project(api: ContractClient) -> None:
    """A token that leads nowhere is a 404, whatever it led to before."""
    hook = await _hook(api, "charter-handover")
    await api.call("delete_template", slug="charter-handover")
    [project] = (await api.control("GET", "state"))["projects"]
    other = await _hook(api, "invoice")
    await api.call("delete_project", id=project["id"])

    for token in ("none", hook["token"], other["token"]):
        assert (await api.call("trigger_hook", token=token, data=BODY)).code == "invalid_token"


async def test_an_unpublished_template_cannot_be_rendered(api: ContractClient) -> None:
    """It is there, without a manifest, until it is published."""
    made = {"slug": "draft", "name": "Draft", "published": False}
    token = (await api.control("POST", "templates", made))["hook_token"]
    shown = (await api.call("get_template", slug="draft")).json

    assert (await api.call("trigger_hook", token=token, data=BODY)).code == "no_published_version"
    assert (shown["published"], shown["manifest"], shown["jsonSchema"]) == (False, None, None)
