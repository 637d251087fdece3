"""Every kind of fault, each in its three ways: when the emulator starts, while it runs, for one request."""

import json
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from craftkit_async.emulator.faults.grammar import ANSWER_KINDS, DELIVERY_KINDS, RENDER_KINDS
from tests.emulator.conftest import Start, Waiting
from tests.support.contract_client import ContractClient, Reply
from tests.support.loopback import replying, serve

BODY = {"data": {"booking": {"code": "B"}}}
_Shows = Callable[[Reply], bool]


def _has_status(status: int) -> _Shows:
    return lambda reply: reply.status == status


# How an answer shows the fault; None where the connection breaks and no answer comes.
ANSWERS: dict[str, tuple[str, _Shows | None]] = {
    "401": ("401", _has_status(401)),
    "429": ("429=date", lambda reply: bool(parsedate_to_datetime(reply.headers["Retry-After"]).tzinfo)),
    "500": ("500", _has_status(500)),
    "502": ("502", _has_status(502)),
    "503": ("503=queue_unavailable", lambda reply: reply.code == "queue_unavailable"),
    "reset-before": ("reset-before", None),
    "reset-after": ("reset-after", None),
    "reset": ("reset", None),
    "truncate": ("truncate", None),
    "html": ("html", lambda reply: reply.headers["Content-Type"] == "text/html"),
    "empty": ("empty", lambda reply: reply.body == b""),
    "slow": ("slow=0.05", lambda reply: reply.status == 200),
    "redirect": ("redirect", _has_status(302)),
    "flat": ("401,*:flat", lambda reply: reply.json == {"error": "unauthorized"}),
    "null-url": ("null-url", lambda reply: reply.json["downloadUrl"] is None),
    "api-url": ("api-url", lambda reply: str(reply.json["downloadUrl"]).endswith("/download")),
    "status": ("status=paused", lambda reply: reply.json["status"] == "paused"),
    "www": ("401,*:www", lambda reply: reply.code == "invalid_credentials"),
}
DELIVERIES = {
    "early": ("early", ["delivered"]),
    "late": ("late=60", ["pending"]),
    "duplicate": ("duplicate", ["delivered"]),
    "reorder": ("reorder", ["pending"]),
    "lost": ("lost", ["lost"]),
    "forged": ("forged", ["delivered", "delivered"]),
}


def test_no_kind_is_left_out() -> None:
    """A new kind needs a line here."""
    assert set(ANSWERS) == set(ANSWER_KINDS)
    assert set(DELIVERIES) == set(DELIVERY_KINDS)
    assert set(RENDER_KINDS) == {"failed"}


async def _send(api: ContractClient, method: str, path: str, headers: Any = (), body: Any = None) -> Reply:
    """Send a request and take any answer, also those that are not by the contract."""
    headers = {"Authorization": f"Bearer {api.keys['projectKey']}", **dict(headers)}
    sent = {"headers": headers, "json": body, "allow_redirects": False}
    async with api.session.request(method, api.url + path, **sent) as response:
        content = await response.read()
    is_json = response.content_type == "application/json" and content
    return Reply(response.status, response.headers, content, json.loads(content) if is_json else None)


async def _submit(api: ContractClient, headers: Any = ()) -> str:
    reply = await _send(api, "POST", "/v1/templates/charter-handover/render", headers, BODY)
    return str(reply.json["id"])


async def _arrange(start: Start, way: str, spec: str, **settings: Any) -> tuple[Any, ContractClient, dict[str, str]]:
    """Put a fault in force in one of the three ways; gives the header that the third one needs."""
    emulator, api = await start(**settings, faults=spec if way == "start" else ())
    if way == "api":
        await api.control("PUT", "faults", {"spec": spec})
    return emulator, api, {"x-emulator-faults": spec} if way == "header" else {}


WAYS = pytest.mark.parametrize("way", ["start", "api", "header"])


@WAYS
@pytest.mark.parametrize("kind", ANSWERS)
async def test_an_answer_goes_wrong(start: Start, waiting: type[Waiting], way: str, kind: str) -> None:
    """The same fault, however it was asked for."""
    written, shows = ANSWERS[kind]
    emulator, api, headers = await _arrange(start, way, f"get_render:{written.replace('*', 'get_render')}")
    render = await _submit(api)
    await waiting.until(lambda: emulator.renders[0].completed)
    path = f"/v1/renders/{render}"
    if shows is None:
        with pytest.raises(aiohttp.ClientError):
            await _send(api, "GET", path, headers)
    else:
        assert shows(await _send(api, "GET", path, headers))
    await api.control("DELETE", "faults")

    assert (await _send(api, "GET", path)).json["status"] == "succeeded"


@WAYS
@pytest.mark.parametrize("kind", DELIVERIES)
async def test_a_delivery_goes_wrong(start: Start, waiting: type[Waiting], way: str, kind: str) -> None:
    """Decided when the render is submitted, so that a request can ask for it."""
    written, states = DELIVERIES[kind]
    emulator, api, headers = await _arrange(start, way, f"webhook:{written}")
    async with serve(replying(204)) as server:
        emulator.subscribe(f"{server.url}/", "x", events=["render.succeeded"])
        await _submit(api, headers)
        await waiting.until(lambda: [each.state for each in emulator.deliveries] == states)

    assert all(each.faults == written for each in emulator.deliveries)


@WAYS
async def test_a_render_fails(start: Start, waiting: type[Waiting], way: str) -> None:
    """With the message that was asked for."""
    _, api, headers = await _arrange(start, way, "render:failed=Out of ink.")

    assert (await waiting.for_render(api, await _submit(api, headers), "failed"))["errorMessage"] == "Out of ink."
