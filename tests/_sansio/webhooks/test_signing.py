"""Signing: lower-case hex HMAC-SHA256 of the bytes, and of nothing else."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from craftkit_async import ConfigurationError
from craftkit_async._sansio.webhooks.keyring import Keyring
from craftkit_async._sansio.webhooks.signing import SecretName, Secrets, read_secrets, signature_of


def match_with(secrets: Secrets) -> Callable[[bytes, str], SecretName | None]:
    """Return what names the secret that made a signature."""
    ring = Keyring((None, secret) for secret in read_secrets(secrets))

    def match(body: bytes, signature: str) -> SecretName | None:
        owners = ring.owners_of(body, signature)
        return owners[0].secret if owners else None

    return match


SECRET = st.binary(min_size=1, max_size=200) | st.text(min_size=1)


def test_known_vector() -> None:
    """The second test case of RFC 4231."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert signature_of(b"what do ya want for nothing?", "Jefe") == expected


@given(st.binary(), st.text(min_size=1))
def test_agrees_with_an_independent_hmac(body: bytes, secret: str) -> None:
    """A secret is its UTF-8 bytes, of any length."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    assert signature_of(body, secret) == signature_of(body, secret.encode()) == expected


@pytest.mark.parametrize("secret", ["", b"", "s3cret\ud800", 7, None, bytearray(b"s3cret")])
def test_unusable_secrets_are_refused(secret: Any) -> None:
    """An empty secret would sign for everybody; the refusal does not show a secret."""
    with pytest.raises(ConfigurationError, match="a secret must") as caught:
        signature_of(b"", secret)

    assert "s3cret" not in str(caught.value)


@given(st.binary(), SECRET)
def test_prepared_key_agrees_with_the_plain_one(body: bytes, secret: str | bytes) -> None:
    """What is signed in one way is recognised in the other, as often as one likes, and nothing else is."""
    match = match_with(secret)
    signature = signature_of(body, secret)

    assert match(body, signature) == match(body, signature) == 0
    assert match(body + b" ", signature) is None
    assert match(body, signature[::-1]) is None or signature == signature[::-1]


@pytest.mark.parametrize("length", [1, 63, 64, 65, 128, 1000])
def test_keys_around_the_size_of_a_block(length: int) -> None:
    """A key fills one block; a longer one is hashed first."""
    key = bytes(range(1, 256)) * 4

    assert match_with(key[:length])(b"body", hmac.digest(key[:length], b"body", "sha256").hex()) == 0


@given(st.lists(SECRET, min_size=1, max_size=4), st.data())
def test_place_of_the_secret_is_told(secrets: list[str | bytes], data: st.DataObject) -> None:
    """Of several, the first that fits."""
    which = data.draw(st.sampled_from(secrets))
    signature = signature_of(b"body", which)
    fitting = [place for place, secret in enumerate(secrets) if signature_of(b"body", secret) == signature]

    assert match_with(secrets)(b"body", signature) == fitting[0]
    assert match_with(iter(secrets))(b"body", signature) == fitting[0]
    assert match_with(secrets)(b"other", signature) is None


def test_name_of_the_secret_is_told() -> None:
    """A mapping names its secrets, also where it has but one."""
    both = match_with({"new": "a", "old": b"b"})

    assert both(b"body", signature_of(b"body", "a")) == "new"
    assert both(b"body", signature_of(b"body", "b")) == "old"
    assert both(b"body", signature_of(b"body", "c")) is None
    assert match_with({"only": "a"})(b"body", signature_of(b"body", "a")) == "only"


@pytest.mark.parametrize(
    "secrets", ["", b"", [], (), {}, [""], ["a", ""], {"x": b""}, None, 7, [None], {1: "a"}, [["a"]]]
)
def test_unusable_choices_of_secrets_are_refused(secrets: Any) -> None:
    """None at all, an empty one among others, other types: an endpoint that is open by mistake must not come to be."""
    with pytest.raises(ConfigurationError, match="secret"):
        read_secrets(secrets)
