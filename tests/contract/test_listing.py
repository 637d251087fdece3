"""The listing of signature requests ends where it should, whatever its cursors say."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from craftkit_async import Craftkit, SignatureRequest
from craftkit_async.testing import FakeReply, FakeTransport
from tests.contract.document import BY_ID

EXAMPLE = BY_ID["list_signatures"].example


def page(ids: Sequence[str], *, cursor: str | None = None, more: bool = True) -> FakeReply:
    """Make a page with these requests."""
    rows = [{**EXAMPLE["signatures"][0], "id": id} for id in ids]  # noqa: A001 - the API's own word
    return FakeReply(json={"signatures": rows, "nextCursor": cursor, "hasMore": more})


async def listed(*pages: FakeReply, **arguments: Any) -> tuple[list[str], list[dict[str, list[str]]]]:
    """List everything, and return the ids and the queries that were sent."""
    transport = FakeTransport(pages)
    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        ids = [request.id async for request in craftkit.signatures.list(**arguments)]
    return ids, [parse_qs(urlsplit(request.url).query) for request in transport.requests]


async def test_example_of_the_contract_is_one_page() -> None:
    """The published example ends with a cursor all the same; `hasMore` decides."""
    assert EXAMPLE["nextCursor"]
    assert not EXAMPLE["hasMore"]

    ids, queries = await listed(FakeReply(json=EXAMPLE))

    assert ids == [EXAMPLE["signatures"][0]["id"]]
    assert queries == [{}]


async def test_cursor_is_sent_back_as_it_came() -> None:
    """The cursor is opaque text, and the other arguments go with every page."""
    odd = "2026-06-05T10:00:00.000+00:00&x=%41 ü"

    ids, queries = await listed(page(["a"], cursor=odd), page(["b"], more=False), limit=1, render_id="r1")

    assert ids == ["a", "b"]
    assert queries == [{"limit": ["1"], "renderId": ["r1"]}, {"limit": ["1"], "renderId": ["r1"], "cursor": [odd]}]


async def test_listing_may_start_at_a_cursor() -> None:
    """A caller can go on where an earlier listing ended."""
    ids, queries = await listed(page(["b"], more=False), cursor="2026-06-05T10:00:00.000Z")

    assert ids == ["b"]
    assert queries == [{"cursor": ["2026-06-05T10:00:00.000Z"]}]


@pytest.mark.parametrize(
    "last",
    [page([], cursor="c9"), page([], more=False), page(["b"]), page(["b"], cursor="c1"), page(["b"], more=False)],
    ids=["empty page", "empty and over", "no cursor", "cursor comes again", "over"],
)
async def test_listing_ends(last: FakeReply) -> None:
    """It ends at an empty page, without a cursor, with one that comes again, and where the service says so."""
    ids, queries = await listed(page(["a"], cursor="c1"), last)

    assert ids in (["a"], ["a", "b"])
    assert len(queries) == 2


async def test_cursors_that_go_in_circles_end_too() -> None:
    """A cursor from further back is as good a sign as the last one."""
    ids, _ = await listed(page(["a"], cursor="c1"), page(["b"], cursor="c2"), page(["c"], cursor="c1"))

    assert ids == ["a", "b", "c"]


async def test_first_cursor_that_comes_back_ends_the_listing() -> None:
    """So does the one that the caller began with."""
    ids, queries = await listed(page(["a"], cursor="c0"), cursor="c0")

    assert ids == ["a"]
    assert len(queries) == 1


async def test_repeated_rows_are_dropped() -> None:
    """Pages may overlap, within themselves too; each request comes once."""
    ids, _ = await listed(page(["a", "b", "a"], cursor="c1"), page(["b", "c"], cursor="c2"), page(["c"], more=False))

    assert ids == ["a", "b", "c"]


async def test_page_of_old_rows_is_no_end() -> None:
    """A page may hold nothing new and still lead on."""
    ids, _ = await listed(page(["a"], cursor="c1"), page(["a"], cursor="c2"), page(["b"], more=False))

    assert ids == ["a", "b"]


async def test_pages_are_asked_for_as_they_are_needed() -> None:
    """Whoever stops early pays for what was read."""
    transport = FakeTransport([page(["a", "b"], cursor="c1")])

    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        async for request in craftkit.signatures.list():
            assert isinstance(request, SignatureRequest)
            break

    assert len(transport.requests) == 1


async def test_one_page_tells_all_there_is_to_know() -> None:
    """Who pages by hand gets rows, cursor and end mark as they came."""
    transport = FakeTransport([page(["a", "a"], cursor="c1")])

    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        first = await craftkit.signatures.list_page(limit=2)

    assert [request.id for request in first.signatures] == ["a", "a"]
    assert (first.next_cursor, first.has_more) == ("c1", True)
