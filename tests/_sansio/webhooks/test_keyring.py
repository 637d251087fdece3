"""The keyring: whose secret made a signature, where several projects have some."""

from hypothesis import given, strategies as st

from craftkit_async._sansio.webhooks.keyring import Keyring, Owner
from craftkit_async._sansio.webhooks.signing import read_secrets, signature_of


def _ring(secrets: dict[str, list[str]]) -> Keyring[str]:
    return Keyring((project, secret) for project, given in secrets.items() for secret in read_secrets(given))


def test_the_owner_is_named() -> None:
    """The project, and the name of the secret there."""
    ring = _ring({"a": ["one", "two"], "b": ["three"]})

    assert ring.owners_of(b"body", signature_of(b"body", "two")) == (Owner("a", 1),)
    assert ring.owners_of(b"body", signature_of(b"body", "three")) == (Owner("b", 0),)
    assert ring.owners_of(b"body", signature_of(b"body", "four")) == ()


def test_equal_secrets_are_tried_once() -> None:
    """All projects that have one own what it signed, in the order in which they came."""
    ring = _ring({"a": ["shared"], "b": ["own", "shared"], "c": ["shared"]})

    assert len(ring) == 2
    assert ring.owners_of(b"body", signature_of(b"body", "shared")) == (Owner("a", 0), Owner("b", 1), Owner("c", 0))


def test_an_empty_ring_owns_nothing() -> None:
    """There is nothing to try."""
    ring = _ring({})

    assert len(ring) == 0
    assert ring.owners_of(b"body", signature_of(b"body", "x")) == ()


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, unique=True)))
def test_as_trying_each_would_do_it(secrets: dict[str, list[str]]) -> None:
    """The ring finds what a loop over all secrets finds."""
    for secret in ("x", "y", "z"):
        expected = tuple(Owner(project, given.index(secret)) for project, given in secrets.items() if secret in given)

        assert _ring(secrets).owners_of(b"body", signature_of(b"body", secret)) == expected
