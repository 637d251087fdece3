"""Signing: the HMAC over the bytes of a body, the same for webhooks out and hooks in."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from craftkit_async.errors import ConfigurationError

Secret = str | bytes
Secrets = Secret | Iterable[Secret] | Mapping[str, Secret]
SecretName = str | int
CopyContext = Callable[[], Any]
Found = TypeVar("Found")

# RFC 2104: a key fills one block of the hash, and is mixed with one constant inside and another outside.
_BLOCK = hashlib.sha256().block_size
_INSIDE = bytes(byte ^ 0x36 for byte in range(256))
_OUTSIDE = bytes(byte ^ 0x5C for byte in range(256))


def signature_of(body: bytes, secret: Secret) -> str:
    """Return the lower-case hex HMAC-SHA256 of a body; the body is the only thing that is signed."""
    return hmac.digest(_key_of(secret), body, "sha256").hex()


class NamedSecret(NamedTuple):
    """One secret, its name, and the two hash contexts that its key is taken in by."""

    name: SecretName
    key: bytes
    copy_inner: CopyContext
    copy_outer: CopyContext


def read_secrets(secrets: Secrets) -> tuple[NamedSecret, ...]:
    """Return the secrets by name: by its key in a mapping, by its index otherwise; refuse what is no secret."""
    named = tuple(_prepare(name, _key_of(secret)) for name, secret in _name(secrets))
    if not named:
        raise ConfigurationError("there must be at least one secret")
    return named


def _prepare(name: SecretName, key: bytes) -> NamedSecret:
    """Take the key in once; copying the two contexts for each body costs half of what a fresh HMAC does."""
    block = (key if len(key) <= _BLOCK else hashlib.sha256(key).digest()).ljust(_BLOCK, b"\0")
    inner, outer = (hashlib.sha256(block.translate(pad)) for pad in (_INSIDE, _OUTSIDE))
    return NamedSecret(name, key, inner.copy, outer.copy)


def matcher_of(secret: NamedSecret, found: Found, missed: Found) -> Callable[[bytes, str], Found]:
    """Return a function from a body and an ASCII signature to `found`, if the secret made the signature."""
    copy_inner, copy_outer, compare = secret.copy_inner, secret.copy_outer, hmac.compare_digest

    def match(body: bytes, signature: str) -> Found:
        inner = copy_inner()
        inner.update(body)
        outer = copy_outer()
        outer.update(inner.digest())
        return found if compare(outer.hexdigest(), signature) else missed

    return match


def _name(secrets: Secrets) -> list[tuple[SecretName, Secret]]:
    if isinstance(secrets, str | bytes):
        return [(0, secrets)]
    if isinstance(secrets, Mapping):
        if not all(isinstance(name, str) for name in secrets):
            raise ConfigurationError("the names of secrets are text")
        return list(secrets.items())
    if not isinstance(secrets, Iterable):
        raise ConfigurationError("secret takes text, bytes, several of them, or a mapping from names to them")
    return list(enumerate(secrets))


def _key_of(secret: Secret) -> bytes:
    """Return the bytes of a secret, or refuse one that anybody could sign with, without showing it."""
    if not isinstance(secret, str | bytes):
        raise ConfigurationError("a secret must be text or bytes")
    try:
        key = secret.encode() if isinstance(secret, str) else secret
    except UnicodeEncodeError:
        raise ConfigurationError("a secret must not hold a lone surrogate; copy it from the dashboard") from None
    if not key:
        raise ConfigurationError("a secret must not be empty; copy it from the dashboard")
    return key
