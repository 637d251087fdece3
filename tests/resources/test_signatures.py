"""Signatures: listings that end, and arguments that are checked."""

from typing import Any

import pytest

from craftkit_async import ConfigurationError, Craftkit
from craftkit_async.testing import FakeReply, FakeTransport

pytestmark = pytest.mark.virtual_time


def page(*ids: str, more: bool, cursor: str | None) -> FakeReply:
    rows = [
        {
            "id": one,
            "renderId": "r",
            "name": "n",
            "status": "sent",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "recipients": [],
        }
        for one in ids
    ]
    return FakeReply(json={"signatures": rows, "hasMore": more, "nextCursor": cursor})


@pytest.mark.parametrize(
    ("pages", "ids"),
    [
        ([page("a", more=False, cursor="1")], ["a"]),
        ([page("a", more=True, cursor="1"), page("a", "b", more=False, cursor="2")], ["a", "b"]),
        ([page("a", more=True, cursor=None)], ["a"]),
        ([page(more=True, cursor="1")], []),
        ([page("a", more=True, cursor="1"), page("b", more=True, cursor="1")], ["a", "b"]),
    ],
)
async def test_listing_ends(pages: list[FakeReply], ids: list[str]) -> None:
    """It ends where hasMore is false, the page is empty, or the cursor is null or repeats; no row comes twice."""
    transport = FakeTransport(pages)

    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        listed = [request.id async for request in craftkit.signatures.list(limit=2, render_id="r")]

    assert listed == ids
    assert len(transport.requests) == len(pages)
    assert "cursor=1" in "".join(request.url for request in transport.requests[1:]) or len(pages) == 1


@pytest.mark.parametrize("limit", [0, 101, "5", True])
async def test_limit_of_a_page_is_checked(limit: Any) -> None:
    """A page has 1 to 100 rows."""
    async with Craftkit("ck_test_key", transport=FakeTransport([])) as craftkit:
        with pytest.raises(ConfigurationError, match="limit takes"):
            await craftkit.signatures.list_page(limit=limit)


@pytest.mark.parametrize("recipients", [[], {}, "a@b.example", {"email": "a@b.example"}])
async def test_recipients_are_a_list(recipients: Any) -> None:
    """A request without recipients, or with one that is no list, is refused before anybody is mailed."""
    async with Craftkit("ck_test_key", transport=FakeTransport([])) as craftkit:
        with pytest.raises(ConfigurationError, match="recipients takes"):
            await craftkit.signatures.create("r1", recipients=recipients)
