"""The emulator's own routes: what tests look at and turn."""

from typing import Any

import pytest

from craftkit_async.emulator import Emulator
from tests.emulator.conftest import Start, Waiting
from tests.support.contract_client import ContractClient

BODY = {"data": {"booking": {"code": "B"}}}
MANIFEST: dict[str, Any] = {"variables": [{"key": "a"}], "loops": []}


async def _refusal(api: ContractClient, method: str, path: str, json: Any = None) -> tuple[int, str]:
    async with api.session.request(method, f"{api.url}/_emulator/{path}", json=json) as reply:
        return reply.status, (await reply.json())["error"]["message"]


async def test_the_state_shows_everything_but_secrets(start: Start, waiting: type[Waiting]) -> None:
    """Projects with their hooks, counts, renders by status, mails, subscriptions without what signs them."""
    emulator, api = await start(webhook_url="http://127.0.0.1:9/", webhook_secret="whsec_x", faults="*:slow=0")
    render = (await api.call("render_template", slug="charter-handover", json=BODY)).json["id"]
    await waiting.for_render(api, render)
    await api.call("email_render", id=render, json={"to": "mira@example.com", "message": "Here."})
    state = await api.control("GET", "state")

    assert state["renders"] == {"queued": 0, "rendering": 0, "succeeded": 1, "failed": 0}
    assert state["counts"]["render"] == state["counts"]["mail"] == 1
    assert state["counts"]["requests"] == len(emulator.requests)
    assert state["mails"][0]["to"] == "mira@example.com"
    assert state["subscriptions"][0]["url"] == "http://127.0.0.1:9/"
    assert "whsec_x" not in str(state)
    assert state["faults"] == "*:slow=0"
    assert "ck_test_local" not in str(await api.control("GET", "requests"))


async def test_a_reset_is_a_fresh_start(start: Start) -> None:
    """Everything that was made is gone; what the emulator was started with is back, faults too."""
    own = {"slug": "own", "manifest": MANIFEST}
    emulator, api = await start(
        latency="3600", webhook_url="http://127.0.0.1:9/", webhook_secret="x", faults="webhook:late=60", templates=[own]
    )
    await api.call("render_template", slug="charter-handover", json=BODY, headers={"x-emulator-faults": "*:slow=0"})
    await api.call("create_project", json={"name": "Acme"})
    await api.call("delete_template", slug="own")
    await api.control("PUT", "faults", {"spec": "*:503"})
    assert await api.control("POST", "reset") == {"reset": True}
    await api.control("POST", "clock", {"advance": 7200})

    assert str(emulator.faults) == "webhook:late=60"
    assert [str(rule) for rule in emulator.faults.rules] == ["webhook:late=60"]
    assert (emulator.renders, emulator.deliveries) == ([], [])
    assert [each["slug"] for each in emulator.state["projects"]] == ["local"]
    assert "own" in [each["slug"] for each in (await api.call("list_templates")).json["templates"]]
    assert (await api.call("render_template", slug="charter-handover", json=BODY)).status == 202


@pytest.mark.parametrize("seconds", [-1, 1e12, "soon", None, True])
async def test_the_clock_goes_forward_by_seconds(api: ContractClient, seconds: Any) -> None:
    """Ten years at most, so that every date can be written."""
    status, message = await _refusal(api, "POST", "clock", {"advance": seconds})

    assert status == 400
    assert message.startswith("advance: ")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ({}, "slug"),
        ({"slug": "A b"}, "slug"),
        ({"slug": "a", "name": 5}, "name"),
        ({"slug": "a"}, "manifest"),
        ({"slug": "a", "manifest": []}, "manifest"),
        ({"slug": "a", "manifest": {"variables": {}}}, "variables"),
        ({"slug": "a", "manifest": {"loops": [{}]}}, "loops"),
        ({"slug": "a", "manifest": {"loops": [{"key": "x", "itemFields": ["y"]}]}}, "itemFields"),
        ({"slug": "a", "manifest": {"variables": [{"key": "." * 40}]}}, "variables"),
        ({"slug": "a", "manifest": MANIFEST, "pipeline": "ink"}, "pipeline"),
        ({"slug": "a", "manifest": MANIFEST, "projectId": "none"}, "projectId"),
    ],
)
async def test_a_template_that_is_none_is_refused_by_what_is_wrong(
    api: ContractClient, template: Any, said: str
) -> None:
    """The dashboard has fewer rules than the API, and these."""
    status, message = await _refusal(api, "POST", "templates", template)

    assert status == 400
    assert said in message


async def test_a_template_made_again_is_its_next_version(api: ContractClient) -> None:
    """In the project that is named, with a pipeline and a type of its own."""
    project = (await api.call("create_project", json={"name": "Acme"})).json["id"]
    key = (await api.call("create_project_key", id=project)).json["key"]
    made = {"slug": "a", "manifest": MANIFEST, "projectId": project, "templateType": "pdf-overlay"}
    for _ in range(2):
        await api.control("POST", "templates", made)
    shown = (await api.call("get_template", slug="a", key=key)).json

    assert (shown["currentVersionNumber"], shown["templateType"], shown["name"]) == (2, "pdf-overlay", "a")


@pytest.mark.parametrize(
    "subscription",
    [
        {},
        {"url": "x"},
        {"url": "http://x/", "secret": ""},
        {"url": "http://x/", "secret": "s", "events": "all"},
        {"url": "http://x/", "secret": "s", "events": [1]},
    ],
)
async def test_a_subscription_that_cannot_be_is_refused(api: ContractClient, subscription: Any) -> None:
    """It needs an address and a secret."""
    assert (await _refusal(api, "POST", "subscriptions", subscription))[0] == 400


async def test_a_subscription_may_be_of_one_project_or_asleep(emulator: Emulator, api: ContractClient) -> None:
    """Others' events do not come, and those of a sleeping one do not either."""
    for extra in ({"projectId": "another"}, {"active": False}):
        await api.control("POST", "subscriptions", {"url": "http://127.0.0.1:9/", "secret": "s", **extra})
    failing = {"x-emulator-faults": "render:failed"}
    await api.call("render_template", slug="charter-handover", json=BODY, headers=failing)
    await api.control("POST", "clock", {"advance": 1})

    assert emulator.deliveries == []


@pytest.mark.parametrize(
    ("method", "path", "json", "status"),
    [
        ("DELETE", "subscriptions/none", None, 404),
        ("POST", "deliveries/none/redeliver", None, 404),
        ("PUT", "faults", {}, 400),
        ("PUT", "faults", {"spec": "*:explode"}, 400),
        ("PUT", "faults", [], 400),
        ("PUT", "faults", "x", 400),
    ],
)
async def test_what_makes_no_sense_is_refused(
    api: ContractClient, method: str, path: str, json: Any, status: int
) -> None:
    """In the form of all errors."""
    assert (await _refusal(api, method, path, json))[0] == status


async def test_the_faults_in_force_are_shown(api: ContractClient) -> None:
    """As they would be written."""
    await api.control("PUT", "faults", {"spec": " get_render:slow=1@0.5 , *:www#2 "})

    assert await api.control("GET", "faults") == {"spec": "get_render:slow=1@0.5,*:www#2"}
