"""The headers of a delivery, with a signature over the exact body."""

import hashlib
import hmac

USER_AGENT = "Craftkit-Webhook/1.0"


def sign(body: bytes, secret: str) -> str:
    """Sign a body: HMAC-SHA256 in lowercase hex, without a prefix."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def write_headers(event: str, delivery_id: str, body: bytes, secret: str, now: int) -> dict[str, str]:
    """Return the headers of one attempt; `now` is in milliseconds."""
    return {
        "content-type": "application/json",
        "x-craftkit-event": event,
        "x-craftkit-signature": sign(body, secret),
        "x-craftkit-timestamp": str(now // 1000),
        "x-craftkit-delivery-id": delivery_id,
        "user-agent": USER_AGENT,
    }
