"""Requests: a call with its credential becomes what goes over the wire."""

from collections.abc import Mapping
from typing import Any

import attrs

from craftkit_async._sansio.calls.call import Call, Retry
from craftkit_async._sansio.headers import AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY
from craftkit_async._version import __version__

_ALWAYS = {
    "user-agent": f"craftkit-async/{__version__}",
    # Bodies are small, and the length of a download is compared with what was announced.
    "accept-encoding": "identity",
}


@attrs.define(eq=False, repr=False)
class Request:
    """What goes out: complete, so that a transport has nothing to add."""

    method: str
    url: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)
    is_repeatable: bool = True
    """May it be sent twice? If not, it should meet no connection that the service is about to close."""


def make_request(call: Call[Any], base_url: str, key: str | None) -> Request:
    """Build the request; a token of the call itself replaces the key."""
    headers = {**_ALWAYS, **call.headers}
    token = call.own_credential or key
    if token is not None:
        headers[AUTHORIZATION] = f"Bearer {token}"
    if call.body is not None:
        headers[CONTENT_TYPE] = call.content_type
    if call.idempotency_key is not None:
        headers[IDEMPOTENCY_KEY] = call.idempotency_key
    return Request(
        call.operation.method, base_url + call.path, headers, call.body, call.operation.retry is not Retry.NEVER
    )
