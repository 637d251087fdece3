"""Signing: the HMAC over the bytes of a body, the same for webhooks out and hooks in."""

import hmac

from craftkit_async.errors import ConfigurationError


def signature_of(body: bytes, secret: str | bytes) -> str:
    """Return the lower-case hex HMAC-SHA256 of a body; the body is the only thing that is signed."""
    try:
        key = secret.encode() if isinstance(secret, str) else secret
    except UnicodeEncodeError:
        raise ConfigurationError("a secret must not hold a lone surrogate; copy it from the dashboard") from None
    if not key:
        raise ConfigurationError("a secret must not be empty; copy it from the dashboard")
    return hmac.digest(key, body, "sha256").hex()
