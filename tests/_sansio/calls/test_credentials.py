"""Credentials: a key of the wrong kind is refused early, and no key is ever shown."""

import pytest

from craftkit_async import ConfigurationError
from craftkit_async._sansio.calls.credentials import ACCOUNT, ADMIN, PROJECT, KeyKind, check_key, missing_key

KINDS = [PROJECT, ACCOUNT, ADMIN]


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (PROJECT, "ck_live_1"),
        (PROJECT, "ck_test_1"),
        (PROJECT, "ck_next_1"),
        (PROJECT, "anything"),
        (ACCOUNT, "ck_acct_1"),
        (ACCOUNT, "other"),
        (ADMIN, "any-value!"),
    ],
)
def test_keys_are_taken(kind: KeyKind, key: str) -> None:
    """Known right kinds and unknown prefixes pass, and blanks around a key are not part of it."""
    assert check_key(kind, key) == key
    assert check_key(kind, f" \t{key}\r\n") == key


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [
        (PROJECT, "ck_acct_"),
        (PROJECT, "ck_pk_"),
        (ACCOUNT, "ck_live_"),
        (ACCOUNT, "ck_test_"),
        (ACCOUNT, "ck_pk_"),
        (ADMIN, "ck_live_"),
        (ADMIN, "ck_test_"),
        (ADMIN, "ck_acct_"),
        (ADMIN, "ck_pk_"),
    ],
)
def test_known_wrong_kinds_are_refused(kind: KeyKind, prefix: str) -> None:
    """A key that belongs to another client is refused with the names of both kinds, and without the key."""
    with pytest.raises(ConfigurationError) as caught:
        check_key(kind, f"{prefix}s3cret")

    assert str(caught.value) == f"api_key is a {prefix}… key, and {kind.client} takes {kind.noun}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "key", ["", " ", "s3c ret", "s3cret\r\nX: 1", "s3crét", "\ud800s3cret", 7, b"s3cret", None, ["s3cret"]]
)
def test_unusable_keys_are_refused(kind: KeyKind, key: object) -> None:
    """Empty, of another type, or not fit for a header: one sentence, and nothing of the key in it."""
    with pytest.raises(ConfigurationError) as caught:
        check_key(kind, key)

    assert str(caught.value).startswith("api_key ")
    assert "s3c" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_key_is_asked_for(kind: KeyKind) -> None:
    """The sentence names the kind of key, the argument and the variable."""
    assert str(missing_key(kind)) == f"this call needs {kind.noun}; pass it as api_key, or set {kind.variable}"
