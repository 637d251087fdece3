"""Keys: made fresh for each logical call, outside of any retry."""

import os

from craftkit_async._sansio.calls.idempotency import check_idempotency_key

# 16 bytes: no counter, since a machine that is cloned would count on from the same number.
_KEY_BYTES = 16


def given_or_fresh(idempotency_key: str | None) -> str:
    """Return the caller's key after a check, or a new one."""
    return os.urandom(_KEY_BYTES).hex() if idempotency_key is None else check_idempotency_key(idempotency_key)
