"""Webhook deliveries as Craftkit sends them, to hand to the code under test."""

import json
import os
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from craftkit_async._sansio.webhooks.signing import signature_of


class SignedDelivery(NamedTuple):
    """A body and its headers: `await craftkit.inbox.receive(*signed_delivery(event, secret))`."""

    body: bytes
    headers: dict[str, str]


def signed_delivery(
    event: Mapping[str, Any], secret: str, *, delivery_id: str | None = None, timestamp: int = 1_780_653_601
) -> SignedDelivery:
    """Sign an event, given as its flat body with `event` in it."""
    body = json.dumps(event, separators=(",", ":")).encode()
    headers = {
        "content-type": "application/json",
        "x-craftkit-event": str(event["event"]),
        "x-craftkit-signature": signature_of(body, secret),
        "x-craftkit-timestamp": str(timestamp),
        "x-craftkit-delivery-id": delivery_id or str(uuid.UUID(bytes=os.urandom(16), version=4)),
        "user-agent": "Craftkit-Webhook/1.0",
    }
    return SignedDelivery(body, headers)
