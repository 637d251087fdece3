"""Requests: exactly what aiohttp is asked to send."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses
from aioresponses.core import RequestCall
from yarl import URL

from craftkit_async import Craftkit, __version__

API = "https://api.craftkit.dev"


class _Response(aiohttp.ClientResponse):
    """A response with the one argument more that this aiohttp wants."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{"stream_writer": SimpleNamespace(output_size=0), **named})


@pytest.fixture
def sent() -> Iterator[aioresponses]:
    with aioresponses() as mocked:
        yield mocked


def only_call(mocked: aioresponses) -> tuple[str, URL, RequestCall]:
    (((method, url), (call,)),) = mocked.requests.items()
    return method, url, call


async def test_submit_is_one_plain_post(sent: aioresponses) -> None:
    """A submit is bytes with their headers; redirects, raising and aiohttp's own total timeout are off."""
    sent.post(
        f"{API}/v1/templates/a%2Fb/render",
        status=202,
        payload={"id": "r1", "status": "queued"},
        response_class=_Response,
    )

    async with Craftkit("ck_test_key") as craftkit:
        await craftkit.templates.render("a/b", {"total": 1}, idempotency_key="mine", version=3, filename="a.pdf")

    method, url, call = only_call(sent)
    assert (method, url) == ("POST", URL(f"{API}/v1/templates/a%2Fb/render", encoded=True))
    assert call.kwargs["data"] == b'{"data":{"total":1},"options":{"versionNumber":3,"filename":"a.pdf"}}'
    assert call.kwargs["headers"] == {
        "user-agent": f"craftkit-async/{__version__}",
        "accept-encoding": "identity",
        "authorization": "Bearer ck_test_key",
        "content-type": "application/json",
        "idempotency-key": "mine",
    }
    assert call.kwargs["allow_redirects"] is False
    assert call.kwargs["raise_for_status"] is False
    assert call.kwargs["timeout"].total is None
    assert call.kwargs["timeout"].sock_connect == 10.0
    assert call.kwargs["ssl"] is True
    assert "proxy" not in call.kwargs


async def test_read_has_no_body_and_no_type(sent: aioresponses) -> None:
    """A GET carries nothing but its credential."""
    sent.get(f"{API}/v1/renders/r1", payload={"id": "r1", "status": "queued"}, response_class=_Response)

    async with Craftkit("ck_test_key") as craftkit:
        await craftkit.renders.get("r1")

    _, _, call = only_call(sent)
    assert call.kwargs["data"] is None
    assert not {"content-type", "idempotency-key"} & set(call.kwargs["headers"])


async def test_hook_carries_its_signature_and_no_credential(sent: aioresponses) -> None:
    """A hook's token is in its path; the bytes that are signed are those that are sent."""
    sent.post(f"{API}/v1/hooks/token", status=202, payload={"id": "r1", "status": "queued"}, response_class=_Response)

    async with Craftkit("ck_test_key") as craftkit:
        await craftkit.hooks.trigger("token", {"a": 1}, secret="secret")

    _, _, call = only_call(sent)
    assert call.kwargs["data"] == b'{"a":1}'
    assert "authorization" not in call.kwargs["headers"]
    assert call.kwargs["headers"]["x-craftkit-signature"] == (
        "aa9e2e3575f5d7098b6caccd790888c36d5fdb63342a73bada2d6a51747a8494"
    )
