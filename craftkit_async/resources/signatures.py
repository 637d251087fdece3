"""Signatures: send a finished render out for signing, and follow it."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from craftkit_async._io.downloads import Downloads, Progress, Source, Terms
from craftkit_async._io.files import check_target
from craftkit_async._io.keys import given_or_fresh
from craftkit_async._io.sender import Sender
from craftkit_async._sansio.calls.arguments import allow, need
from craftkit_async._sansio.calls.call import OMITTED, Call, Omitted, Operation, Retry, TimeoutOption
from craftkit_async._sansio.calls.paging import Pages
from craftkit_async.errors import ConfigurationError, ConflictError
from craftkit_async.models.signatures import AnchorTag, Recipient, SignaturePage, SignatureRequest, SignatureStatus
from craftkit_async.resources.resource import Resource

_ID = ("id", "id")

_LIST = Operation("list_signatures", "GET", "/v1/signatures", SignaturePage)
_CREATE = Operation("create_signature", "POST", "/v1/signatures", SignatureRequest, retry=Retry.WITH_KEY)
_GET = Operation("get_signature", "GET", "/v1/signatures/{id}", SignatureRequest, about=_ID)
_CANCEL = Operation("cancel_signature", "POST", "/v1/signatures/{id}/cancel", SignatureRequest, about=_ID)
_DOWNLOAD = Operation("download_signature", "GET", "/v1/signatures/{id}/download", bytes)
_CERTIFICATE = Operation("download_signature_certificate", "GET", "/v1/signatures/{id}/certificate", bytes)

_MOST_ROWS = 100


class Signatures(Resource):
    """Requests to sign."""

    __slots__ = ("_downloads",)

    def __init__(self, sender: Sender) -> None:
        super().__init__(sender)
        self._downloads = Downloads(sender)

    async def create(
        self,
        render_id: str,
        *,
        recipients: Sequence[Recipient | Mapping[str, Any]],
        idempotency_key: str | None = None,
        name: str | Omitted | None = OMITTED,
        fields: Sequence[Mapping[str, Any]] | Omitted | None = OMITTED,
        anchor_tags: Sequence[AnchorTag | Mapping[str, Any]] | Omitted | None = OMITTED,
        expiration_hours: float | Omitted | None = OMITTED,
        timeout: TimeoutOption = OMITTED,
    ) -> SignatureRequest:
        """Send a render out for signing; the recipients are mailed at once, and once per idempotency key."""
        need(str, render_id=render_id)
        need(list, recipients=recipients)
        allow(str, name=name)
        allow(list, fields=fields, anchor_tags=anchor_tags)
        allow(float, expiration_hours=expiration_hours)
        if not recipients:
            raise ConfigurationError("recipients takes at least one recipient")
        body = {
            "render_id": render_id,
            "name": name,
            "recipients": list(recipients),
            "fields": fields,
            "anchor_tags": anchor_tags,
            "expiration_hours": expiration_hours,
        }
        call = _CREATE.call().with_body(body)
        call.idempotency_key = given_or_fresh(idempotency_key)
        return await self._send(call, timeout)

    async def get(self, id: str, *, timeout: TimeoutOption = OMITTED) -> SignatureRequest:
        """Read a request with its recipients."""
        return await self._send(_GET.call(id=id), timeout)

    async def cancel(self, id: str, *, reason: str | None = None, timeout: TimeoutOption = OMITTED) -> SignatureRequest:
        """Cancel a request that has not ended yet."""
        allow(str, reason=reason)
        call = _CANCEL.call(id=id).with_body({"reason": OMITTED if reason is None else reason})
        try:
            return await self._send(call, timeout)
        except ConflictError as error:
            # An earlier attempt may have cancelled it and lost the answer; a read decides.
            if not error.maybe_applied:
                raise
            request = await self.get(id, timeout=timeout)
            if request.status != SignatureStatus.CANCELLED:
                raise
            return request

    async def download(
        self,
        id: str,
        path: str | os.PathLike[str],
        *,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> Path:
        """Save the signed document, once it is archived."""
        terms = Terms(max_bytes=max_bytes, progress=progress, timeout=timeout)
        return await self._save(_DOWNLOAD.call(id=id), path, terms)

    async def certificate(
        self,
        id: str,
        path: str | os.PathLike[str],
        *,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> Path:
        """Save the audit trail of the signing."""
        terms = Terms(max_bytes=max_bytes, progress=progress, timeout=timeout)
        return await self._save(_CERTIFICATE.call(id=id), path, terms)

    async def list_page(
        self,
        *,
        limit: int | None = None,
        render_id: str | None = None,
        cursor: str | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> SignaturePage:
        """List one page, the newest first; `cursor` is the `next_cursor` of the page before."""
        allow(int, limit=limit)
        allow(str, render_id=render_id, cursor=cursor)
        if limit is not None and not 1 <= limit <= _MOST_ROWS:
            raise ConfigurationError(f"limit takes 1 to {_MOST_ROWS} rows a page, not {limit}")
        return await self._send(_LIST.call().with_query(limit=limit, render_id=render_id, cursor=cursor), timeout)

    async def list(
        self,
        *,
        limit: int | None = None,
        render_id: str | None = None,
        cursor: str | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> AsyncIterator[SignatureRequest]:
        """Iterate over all requests, page by page, `limit` rows a page.

        The service pages by creation time, so a request made in the same millisecond as the last one of a page
        can be left out: do not take the listing for complete.
        """
        pages = Pages(cursor)
        while True:
            page = await self.list_page(limit=limit, render_id=render_id, cursor=cursor, timeout=timeout)
            for request in pages.new_rows(page):
                yield request
            cursor = pages.next_cursor(page)
            if cursor is None:
                break

    async def _save(self, call: Call[bytes], path: str | os.PathLike[str], terms: Terms) -> Path:
        return await self._downloads.save(Source((call,)), await check_target(path), terms)
