"""Hooks: trigger a render through the secret address of one template."""

from typing import Any

from craftkit_async._sansio.calls.arguments import need
from craftkit_async._sansio.calls.call import OMITTED, Credential, Operation, Retry, TimeoutOption
from craftkit_async._sansio.calls.data import encode_object
from craftkit_async._sansio.headers import SIGNATURE
from craftkit_async._sansio.webhooks.signing import signature_of
from craftkit_async.models.renders import Render
from craftkit_async.resources.resource import Resource

_TRIGGER = Operation("trigger_hook", "POST", "/v1/hooks/{token}", Render, retry=Retry.NEVER, credential=Credential.NONE)


class Hooks(Resource):
    """Inbound hooks."""

    __slots__ = ()

    async def trigger(
        self, token: str, data: Any, *, secret: str | bytes | None = None, timeout: TimeoutOption = OMITTED
    ) -> Render:
        """Ask for a render of the template behind the token; `secret` signs the data.

        There is no idempotency of any kind here, so this is never sent twice by itself; where a lost answer must
        not mean a lost or doubled document, use `templates.render`.
        """
        need(str, token=token)
        call = _TRIGGER.call(token=token)
        call.body = encode_object(data)
        if secret is not None:
            call.headers[SIGNATURE] = signature_of(call.body, secret)
        # Error trackers show the local variables of the frames of a traceback.
        del token, secret
        return await self._send(call, timeout)
