"""Paging: when a listing of signature requests ends, and which rows came before.

The published example ends with `hasMore` false and a cursor all the same, so the cursor is no end marker;
a page may repeat rows; and nothing promises that a cursor never comes twice.
"""

from craftkit_async.models.signatures import SignaturePage, SignatureRequest


class Pages:
    """What was seen of one listing."""

    def __init__(self, cursor: str | None = None) -> None:
        self._ids: set[str] = set()
        self._cursors = {None, cursor}

    def new_rows(self, page: SignaturePage) -> list[SignatureRequest]:
        """Return the rows of a page that did not come before."""
        new = {request.id: request for request in page.signatures if request.id not in self._ids}
        self._ids.update(new)
        return list(new.values())

    def next_cursor(self, page: SignaturePage) -> str | None:
        """Return the cursor of the next page, or None where the listing ends."""
        cursor = page.next_cursor
        if not page.has_more or not page.signatures or cursor in self._cursors:
            return None
        self._cursors.add(cursor)
        return cursor
