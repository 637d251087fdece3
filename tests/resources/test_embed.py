"""Embed: arguments that are checked before any request."""

from collections.abc import Callable
from typing import Any

import pytest

from craftkit_async import ConfigurationError, Craftkit
from craftkit_async.testing import FakeReply, FakeTransport

pytestmark = pytest.mark.virtual_time

PERSON = {"tenant": {"externalId": "t", "displayName": "T"}, "actor": {"externalId": "a"}}
FILE = {"session_token": "token", "filename": "a.png", "content_type": "image/png"}


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda embed: embed.mint_session(**PERSON, variable_catalog={}, catalog_ref={}), "not both"),
        (lambda embed: embed.refresh_session("short"), "at least 8 characters"),
        (lambda embed: embed.refresh_session("with a blank"), "visible ASCII"),
        (lambda embed: embed.get_render("r1", session_token=""), "session_token takes visible ASCII"),
        (lambda embed: embed.upload_form_image("s1", "text", **FILE), "image takes bytes"),
        (lambda embed: embed.list_renders(limit="5"), "limit takes a whole number"),
    ],
)
async def test_wrong_arguments_are_refused(call: Callable[[Any], Any], reason: str) -> None:
    """One sentence says what to do, and nothing is sent."""
    async with Craftkit("ck_test_key", transport=FakeTransport([])) as craftkit:
        with pytest.raises(ConfigurationError, match=reason):
            await call(craftkit.embed)


async def test_session_token_takes_the_place_of_the_key() -> None:
    """The routes of a browser's session carry its token and never the key; no client's key is needed."""
    transport = FakeTransport([FakeReply(json={}), FakeReply(status=202, json={"id": "r1"})])

    async with Craftkit(transport=transport) as craftkit:
        await craftkit.embed.get_render("r1", session_token="token")
        await craftkit.embed.submit_form("s1", {"a": 1}, session_token="token", dataset_selection={"rows": "x"})

    assert {request.headers["authorization"] for request in transport.requests} == {"Bearer token"}
    assert transport.bodies()[1] == {"data": {"a": 1}, "datasetSelection": {"rows": "x"}}
