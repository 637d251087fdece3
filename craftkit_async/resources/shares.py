"""Shares: guest links to a finished render."""

from datetime import datetime

from craftkit_async._sansio.calls.arguments import allow
from craftkit_async._sansio.calls.call import OMITTED, Omitted, Operation, Retry, TimeoutOption
from craftkit_async.errors import NotFoundError
from craftkit_async.models.shares import Share, ShareRevoked
from craftkit_async.resources.resource import Resource

_LIST = Operation("list_shares", "GET", "/v1/renders/{id}/shares", Share, envelope="shares")
_CREATE = Operation("create_share", "POST", "/v1/renders/{id}/shares", Share, retry=Retry.NEVER)
_REVOKE = Operation(
    "revoke_share", "DELETE", "/v1/renders/{id}/shares/{shareId}", ShareRevoked, about=("shareId", "id")
)


class Shares(Resource):
    """Guest links."""

    __slots__ = ()

    async def create(
        self,
        render_id: str,
        *,
        channel: str | Omitted | None = OMITTED,
        recipient_email: str | Omitted | None = OMITTED,
        message: str | Omitted | None = OMITTED,
        expires_at: datetime | str | Omitted | None = OMITTED,
        timeout: TimeoutOption = OMITTED,
    ) -> Share:
        """Create a guest link; the channel `email` only notes whom it is for, `renders.email` is what sends."""
        allow(str, channel=channel, recipient_email=recipient_email, message=message)
        allow(datetime, expires_at=expires_at)
        fields = {
            "channel": channel,
            "recipient_email": recipient_email,
            "message": message,
            "expires_at": expires_at,
        }
        return await self._send(_CREATE.call(id=render_id).with_body(fields), timeout)

    async def revoke(self, render_id: str, share_id: str, *, timeout: TimeoutOption = OMITTED) -> ShareRevoked:
        """Stop a link from working, at once."""
        try:
            return await self._send(_REVOKE.call(id=render_id, shareId=share_id), timeout)
        except NotFoundError as error:
            if not error.maybe_applied:
                raise
            return ShareRevoked(share_id)

    async def list(self, render_id: str, *, timeout: TimeoutOption = OMITTED) -> list[Share]:
        """List all links of a render, the newest first, revoked ones as well."""
        return await self._send_for_list(_LIST.call(id=render_id), timeout)
