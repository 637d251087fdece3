"""Faults, as a client meets them."""

import json as json_module
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from craftkit_async.emulator.faults.effects import reshape
from craftkit_async.emulator.faults.grammar import Fault
from craftkit_async.emulator.http.answers import Answer
from tests.emulator.conftest import Start, Waiting
from tests.support.contract_client import ContractClient, Reply

BODY = {"data": {"booking": {"code": "B"}}}


async def _submit(api: ContractClient, fault: str = "") -> Reply:
    """Submit a render, and take any answer, also those that are not by the contract."""
    headers = {"Authorization": f"Bearer {api.keys['projectKey']}", **({"x-emulator-faults": fault} if fault else {})}
    url = f"{api.url}/v1/templates/charter-handover/render"
    async with api.session.post(url, json=BODY, headers=headers, allow_redirects=False) as response:
        body = await response.read()
    is_json = response.content_type == "application/json" and body
    return Reply(response.status, response.headers, body, json_module.loads(body) if is_json else None)


async def _count(api: ContractClient) -> int:
    return int((await api.control("GET", "state"))["counts"]["render"])


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("*:401", 401, "unauthorized"),
        ("*:429", 429, "rate_limited"),
        ("*:500", 500, "internal"),
        ("*:500=internal_error", 500, "internal_error"),
        ("*:502", 502, "upstream_error"),
        ("render_template:503", 503, "queue_unavailable"),
        ("*:503=email_not_configured", 503, "email_not_configured"),
    ],
)
async def test_a_status_stands_in_the_place_of_the_work(
    api: ContractClient, fault: str, status: int, code: str
) -> None:
    """The answer is by the contract's envelope, and nothing was done."""
    response = await _submit(api, fault)

    assert response.status == status
    assert response.code == code
    assert await _count(api) == 0


async def test_retry_after_comes_as_seconds_or_as_a_date(api: ContractClient) -> None:
    """Both forms that the standard allows; none unless asked for."""
    assert (await _submit(api, "*:429=2")).headers["Retry-After"] == "2"
    assert (await _submit(api, "*:503=7")).headers["Retry-After"] == "7"
    assert parsedate_to_datetime((await _submit(api, "*:429=date")).headers["Retry-After"]).tzinfo
    assert "Retry-After" not in (await _submit(api, "*:429")).headers


@pytest.mark.parametrize(("fault", "renders"), [("*:reset-before", 0), ("*:reset-after", 1)])
async def test_a_reset_loses_the_request_or_only_its_answer(api: ContractClient, fault: str, renders: int) -> None:
    """`reset-after` is the ambiguous failure: the work is done, and the client cannot know."""
    with pytest.raises(aiohttp.ClientError):
        await _submit(api, fault)

    assert await _count(api) == renders
    assert (await api.control("GET", "requests"))["requests"][-1]["status"] is None


async def test_a_plain_reset_is_either(start: Start) -> None:
    """Over many requests both happen."""
    emulator, api = await start(faults="render_template:reset")
    for _ in range(20):
        with pytest.raises(aiohttp.ClientError):
            await _submit(api)

    assert 0 < len(emulator.renders) < 20


async def test_a_truncated_answer_announces_more_than_it_sends(api: ContractClient) -> None:
    """The client sees a broken transfer, not a short success."""
    with pytest.raises(aiohttp.ClientPayloadError):
        await _submit(api, "*:truncate")

    assert await _count(api) == 1


async def test_pages_and_empty_answers(api: ContractClient) -> None:
    """A proxy's page before the work, or a success that cannot be read after it."""
    page = await _submit(api, "*:html")
    assert (page.status, page.headers["Content-Type"]) == (502, "text/html")
    assert await _count(api) == 0
    assert (await _submit(api, "*:html=200")).body.startswith(b"<!DOCTYPE html>")
    empty = await _submit(api, "*:empty")
    assert (empty.status, empty.body) == (202, b"")
    assert await _count(api) == 2
    assert (await _submit(api, "*:empty=500")).status == 500
    assert await _count(api) == 2


async def test_a_redirect_points_elsewhere(api: ContractClient) -> None:
    """A wrong host redirects; a client must not follow with its key."""
    response = await _submit(api, "*:redirect")

    assert response.status == 302
    assert response.headers["Location"] == "https://www.craftkit.dev/v1/templates/charter-handover/render"


async def test_answers_change_their_shape(api: ContractClient, waiting: type[Waiting]) -> None:
    """The flat envelope, a download address that is missing or the API's own, a status nobody knows."""
    flat = await api.call("get_render", id="none", headers={"x-emulator-faults": "*:flat"})
    assert flat.json == {"error": "not_found"}
    render = (await _submit(api)).json["id"]
    await waiting.for_render(api, render)

    async def read(fault: str) -> Any:
        return (await api.call("get_render", id=render, headers={"x-emulator-faults": fault})).json

    assert (await read("*:null-url"))["downloadUrl"] is None
    assert (await read("*:api-url"))["downloadUrl"] == f"{api.url}/v1/renders/{render}/download"
    assert (await read("*:www"))["status"] == "succeeded"
    headers = {"Authorization": f"Bearer {api.keys['projectKey']}", "x-emulator-faults": "*:status=cancelled"}
    async with api.session.get(f"{api.url}/v1/renders/{render}", headers=headers) as response:
        assert (await response.json())["status"] == "cancelled"


async def test_the_older_pages_variants(api: ContractClient) -> None:
    """Data that does not fit is 422 with an array there, and 401 has another code."""
    old = {"x-emulator-faults": "*:www"}
    refused = await api.call("render_template", slug="invoice", json={"data": {}}, headers=old)
    assert (refused.status, refused.code) == (422, "invalid_input_data")
    assert isinstance(refused.json["error"]["issues"], list)
    assert (await api.call("list_templates", key="x", headers=old)).code == "invalid_credentials"
    accepted = await api.call("render_template", slug="charter-handover", json=BODY, headers=old)
    assert accepted.json["poll_url"] == accepted.json["pollUrl"]


async def test_a_render_can_be_made_to_fail(api: ContractClient, waiting: type[Waiting]) -> None:
    """`render:failed` decides at submission, by whichever of the three ways."""
    await api.control("PUT", "faults", {"spec": "render:failed#1"})
    first = (await _submit(api)).json["id"]
    second = (await _submit(api)).json["id"]
    own = (await _submit(api, "render:failed=Out of ink.")).json["id"]

    assert (await waiting.for_render(api, first, "failed"))["errorMessage"] == "Layout could not be rendered."
    assert (await waiting.for_render(api, second))["errorMessage"] is None
    assert (await waiting.for_render(api, own, "failed"))["errorMessage"] == "Out of ink."


async def test_a_count_runs_out_and_the_api_clears(api: ContractClient) -> None:
    """`#2` strikes twice; `DELETE` ends everything."""
    await api.control("PUT", "faults", {"spec": "render_template:503#2,get_health:503"})
    assert [(await _submit(api)).status for _ in range(3)] == [503, 503, 202]
    health = await api.call("get_health")
    assert (health.status, health.json["status"]) == (503, "degraded")
    assert (await api.control("DELETE", "faults")) == {"spec": ""}
    assert (await api.call("get_health")).status == 200


async def test_a_header_that_makes_no_sense_is_refused_with_what_would(api: ContractClient) -> None:
    """A misspelt fault must not pass as no fault."""
    response = await _submit(api, "*:explode")

    assert response.status == 400
    assert "reset-after" in response.json["error"]["message"]


async def test_the_same_seed_gives_the_same_run(start: Start) -> None:
    """A failure that was seen once can be seen again."""
    runs = []
    for _ in range(2):
        _, api = await start(faults=["render_template:503@0.4", "render_template:429@0.3"], seed=7)
        runs.append([(await _submit(api)).status for _ in range(25)])

    assert runs[0] == runs[1]
    assert set(runs[0]) == {202, 429, 503}


async def test_a_rate_turns_requests_away_but_never_health(start: Start) -> None:
    """A token bucket: one period's worth at once, then 429 without a header, as the contract knows none."""
    _, api = await start(rate="3/m")
    statuses = [(await _submit(api)).status for _ in range(5)]

    assert statuses == [202, 202, 202, 429, 429]
    assert (await api.call("get_health")).status == 200


async def test_requests_can_be_slow(start: Start) -> None:
    """`slow` holds one request, `http_latency` every one."""
    _, api = await start(http_latency="0.01")
    assert (await _submit(api, "*:slow=0.01")).status == 202


@pytest.mark.parametrize("kind", ["flat", "null-url", "api-url", "status=x"])
@pytest.mark.parametrize("body", [b"%PDF-", {"templates": []}, {"error": "flat"}])
def test_what_a_fault_is_not_about_stays(kind: str, body: Any) -> None:
    """Files, other answers, and errors that are flat already."""
    fault = Fault(*kind.split("="))

    assert reshape([fault], Answer(200, body), "http://x/v1/renders").body == body
