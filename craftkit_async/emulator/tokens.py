"""Embed session tokens: JWTs signed with EdDSA, verified only by the service that issued them."""

import base64
import binascii
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

AUDIENCE: Final = "embed.craftkit.dev"
ISSUER: Final = "craftkit"
_SEGMENTS: Final = 3


class TokenSigner:
    """Signs and verifies session tokens with one key."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._kid = self._key.public_key().public_bytes_raw().hex()[:16]

    def sign(self, claims: dict[str, Any]) -> str:
        """Encode and sign claims as a token."""
        header = {"alg": "EdDSA", "typ": "JWT", "kid": self._kid}
        signed = b".".join(_encode_segment(orjson.dumps(part)) for part in (header, claims))
        return (signed + b"." + _encode_segment(self._key.sign(signed))).decode()

    def read(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token signed by this key, otherwise None."""
        parts = token.encode("utf-8", "surrogateescape").split(b".")
        if len(parts) != _SEGMENTS:
            return None
        try:
            self._key.public_key().verify(_decode_segment(parts[2]), parts[0] + b"." + parts[1])
        except (InvalidSignature, binascii.Error, ValueError):
            return None
        claims: dict[str, Any] = orjson.loads(_decode_segment(parts[1]))
        return claims


def _encode_segment(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode_segment(data: bytes) -> bytes:
    return base64.b64decode(data + b"=" * (-len(data) % 4), b"-_", validate=True)
