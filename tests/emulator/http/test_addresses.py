"""Where clients find the emulator."""

import pytest

from craftkit_async.emulator.http.addresses import Address
from tests.emulator.conftest import Start


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:4010"),
        ("::1", "http://[::1]:4010"),
        ("0.0.0.0", "http://127.0.0.1:4010"),  # noqa: S104 - what is tested
        ("::", "http://[::1]:4010"),
    ],
)
def test_a_wildcard_is_no_address(host: str, url: str) -> None:
    """It says where to listen; nobody can call there."""
    address = Address()
    address.open(host, 4010)

    assert address.own == address.url == url


async def test_who_comes_from_elsewhere_gets_addresses_that_work_there(start: Start) -> None:
    """With a wildcard host the answers name the host that was asked; nonsense is not repeated."""
    emulator, api = await start(host="0.0.0.0")  # noqa: S104 - what is tested
    port = emulator.url.rpartition(":")[2]
    body = {"data": {"booking": {"code": "B"}}}

    async def submit(host: str) -> str:
        headers = {"Host": host}
        reply = await api.call("render_template", slug="charter-handover", json=body, headers=headers)
        return str(reply.json["pollUrl"]).partition("/v1/")[0]

    assert emulator.url == f"http://127.0.0.1:{port}"
    assert await submit(f"laptop.example:{port}") == f"http://laptop.example:{port}"
    assert await submit("evil.example/path?") == emulator.url


async def test_on_loopback_the_host_of_a_request_changes_nothing(start: Start) -> None:
    """There is one address, and a header cannot move it."""
    emulator, api = await start()
    listed = await api.call("mint_embed_session", json=_PEOPLE, headers={"Host": "elsewhere.example"})

    assert listed.json["iframe_url"].startswith(emulator.url)


_PEOPLE = {"tenant": {"externalId": "t", "displayName": "T"}, "actor": {"externalId": "a"}}
