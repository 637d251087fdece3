"""Idempotency keys: which are allowed, and the one formula for those derived from a row."""

import hashlib
import re
from typing import Any

from craftkit_async._sansio.calls.data import canonical_json
from craftkit_async.errors import ConfigurationError

# The header has no published limit; `jobId`, its counterpart in the body, takes 1 to 200 characters.
_ALLOWED = re.compile(r"[!-~]{1,200}")

# 40 hex digits are 160 bits: no two rows of any batch meet by chance.
_DIGEST_DIGITS = 40
# Keeps namespace, template and digest together under 200 characters for any sensible namespace.
_TEMPLATE_CHARACTERS = 60


def check_idempotency_key(key: object) -> str:
    """Return the key, or refuse one that a header could not carry unchanged."""
    if not isinstance(key, str) or not _ALLOWED.fullmatch(key):
        raise ConfigurationError("idempotency_key takes 1 to 200 visible ASCII characters without blanks")
    return key


def derive_key(  # noqa: PLR0917 - the order of the parts is the formula
    namespace: str,
    template: str,
    version: int | None,
    filename: str | None,
    row_key: str | None,
    data: Any,
    attempt: int = 1,
) -> str:
    """Derive the idempotency key of one row of a batch; the same parts give the same key on every machine."""
    parts = canonical_json([namespace, template, version, filename, row_key, data, attempt])
    digest = hashlib.sha256(parts).hexdigest()[:_DIGEST_DIGITS]
    return check_idempotency_key(f"{namespace}:{template[:_TEMPLATE_CHARACTERS]}:{digest}")
