"""The answers as the older family of pages describes them: `www`."""

from typing import Any

import pytest

from craftkit_async.emulator.faults.older_pages import to_older
from craftkit_async.emulator.http.answers import Answer
from tests.emulator.conftest import Waiting
from tests.support.contract_client import ContractClient

OLD = {"x-emulator-faults": "*:www"}
ISSUES = {"formErrors": ["x"], "fieldErrors": {"customer.name": ["Required"], "items.0.sku": ["Required", "Too short"]}}


def _age_error(code: str, **more: Any) -> tuple[int, Any]:
    answer = to_older("get_render", Answer(400, {"error": {"code": code, "message": "m", **more}}))
    return answer.status, answer.body["error"]


def test_errors_have_other_codes_and_issues() -> None:
    """401 has two codes on all routes, data that does not fit is 422, and paths end at their first part."""
    assert _age_error("unauthorized")[1]["code"] == "invalid_credentials"
    assert _age_error("missing_or_invalid_authorization")[1]["code"] == "missing_authorization"
    assert _age_error("not_found") == (400, {"code": "not_found", "message": "m"})
    status, error = _age_error("invalid_request", issues=ISSUES)
    assert (status, error["issues"]["formErrors"]) == (400, ["x"])
    assert set(error["issues"]["fieldErrors"]) == {"customer", "items"}
    status, error = _age_error("invalid_input_data", issues=ISSUES)
    assert status == 422
    assert error["issues"][0] == {"path": ["customer", "name"], "message": "Required"}


def test_what_has_no_older_form_stays() -> None:
    """Files, the flat form, and answers that both families agree on."""
    for operation, body in [
        ("get_render", b"%PDF-"),
        ("provision_org", {"error": "x"}),
        ("get_health", {"status": "ok"}),
    ]:
        assert to_older(operation, Answer(200, body)).body == body


@pytest.mark.parametrize(("status", "signed", "shown"), [
    ("sent", None, "sent"),
    ("viewed", "2026-06-01T10:00:00.000Z", "signed"),
    ("completed", "2026-06-01T10:00:00.000Z", "completed"),
])  # fmt: skip  # a table
def test_a_signature_was_a_status_once(status: str, signed: str | None, shown: str) -> None:
    """One signature made the request `signed`, while it was open."""
    body = {"status": status, "recipients": [{"signedAt": signed}]}

    assert to_older("get_signature", Answer(200, body)).body["status"] == shown


async def test_shares_projects_and_listings_are_older_too(api: ContractClient, waiting: type[Waiting]) -> None:
    """Other tokens, shorter answers, and a cursor that is null at the end."""
    data = {"data": {"booking": {"code": "B"}}}
    render = (await api.call("render_template", slug="charter-handover", json=data)).json["id"]
    await waiting.for_render(api, render)
    share = (await api.call("create_share", id=render, json={}, headers=OLD)).json
    [listed] = (await api.call("list_shares", id=render, headers=OLD)).json["shares"]
    project = (await api.call("create_project", json={"name": "Acme"})).json["id"]
    bearer = OLD | {"Authorization": f"Bearer {api.keys['accountKey']}"}
    async with api.session.patch(f"{api.url}/v1/projects/{project}", json={"name": "New"}, headers=bearer) as reply:
        renamed = await reply.json()  # not by the schema, which asks for times
    anchor = {"anchorString": "[[s]]", "recipientIndex": 0}
    asked = {"renderId": render, "recipients": [{"firstName": "M", "email": "m@example.com"}], "anchorTags": [anchor]}
    for _ in range(2):
        await api.call("create_signature", json=asked)
    last = (await api.call("list_signatures", headers=OLD)).json
    first = (await api.call("list_signatures", params={"limit": 1}, headers=OLD)).json

    assert share["shareToken"].startswith("shr_")
    assert {"revokedReason", "clickCount"}.isdisjoint(listed)
    assert renamed == {"id": project, "slug": "acme", "name": "New"}
    assert (last["hasMore"], last["nextCursor"]) == (False, None)
    assert first["hasMore"] is True
    assert first["nextCursor"]
