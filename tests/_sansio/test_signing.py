"""Signing: lower-case hex HMAC-SHA256 of the bytes, and of nothing else."""

import hashlib
import hmac

import pytest
from hypothesis import given, strategies as st

from craftkit_async import ConfigurationError
from craftkit_async._sansio.signing import signature_of


def test_known_vector() -> None:
    """The second test case of RFC 4231."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert signature_of(b"what do ya want for nothing?", "Jefe") == expected


@given(st.binary(), st.text(min_size=1))
def test_agrees_with_an_independent_hmac(body: bytes, secret: str) -> None:
    """A secret is its UTF-8 bytes, of any length."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    assert signature_of(body, secret) == signature_of(body, secret.encode()) == expected


@pytest.mark.parametrize("secret", ["", b"", "s3cret\ud800"])
def test_unusable_secrets_are_refused(secret: str | bytes) -> None:
    """An empty secret would sign for everybody; the refusal does not show a secret."""
    with pytest.raises(ConfigurationError, match="a secret must not") as caught:
        signature_of(b"", secret)

    assert "s3cret" not in str(caught.value)
