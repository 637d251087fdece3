"""Paging: a listing ends, whatever the cursors say, and no row comes twice."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from craftkit_async import SignaturePage, SignatureRequest
from craftkit_async._sansio.calls.paging import Pages

WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def page_of(*ids: str, cursor: str | None = "c", has_more: bool = True) -> SignaturePage:
    return SignaturePage(
        tuple(SignatureRequest(each, "r", "n", "sent", WHEN, recipients=()) for each in ids), has_more, cursor
    )


@pytest.mark.parametrize(
    ("page", "cursor"),
    [
        (page_of("a"), "c"),
        (page_of("a", has_more=False), None),
        (page_of("a", cursor=None), None),
        (page_of(), None),
    ],
)
def test_where_a_listing_ends(page: SignaturePage, cursor: str | None) -> None:
    """`hasMore` decides, not the cursor; an empty page or a missing cursor ends it as well."""
    assert Pages().next_cursor(page) == cursor


def test_a_cursor_that_repeats_ends_it() -> None:
    """A service that sends the same cursor again would be asked for ever."""
    pages = Pages()
    cursors = [pages.next_cursor(page_of("a", cursor=cursor)) for cursor in ("1", "2", "1")]

    assert cursors == ["1", "2", None]


def test_rows_come_once() -> None:
    """A row that was on an earlier page, or twice on one, is dropped; the order stays."""
    pages = Pages()
    rows = [pages.new_rows(page) for page in (page_of("b", "a", "b"), page_of("a", "c"))]

    assert [[row.id for row in each] for each in rows] == [["b", "a"], ["c"]]


@given(st.lists(st.builds(page_of, st.sampled_from("ab"), cursor=st.sampled_from("xyz"))))
def test_every_listing_ends(listing: list[SignaturePage]) -> None:
    """Whatever the service sends, there are no more pages than different cursors, and one."""
    pages, seen, asked = Pages(), [], 0
    for page in listing:
        asked += 1
        seen += [row.id for row in pages.new_rows(page)]
        if pages.next_cursor(page) is None:
            break

    assert asked <= 4
    assert len(seen) == len(set(seen))
