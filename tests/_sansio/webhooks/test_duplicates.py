"""Repeats: each delivery is taken once, unless its work failed; what is too much is forgotten."""

import pytest

from craftkit_async._sansio.webhooks import duplicates
from craftkit_async._sansio.webhooks.duplicates import Repeats


def test_taken_once() -> None:
    """Until it is released."""
    seen = Repeats()

    assert seen.claim("a")
    assert not seen.claim("a")
    assert seen.claim("b")
    seen.release("a")
    seen.release("never taken")
    assert seen.claim("a")
    assert not seen.claim("b")


def test_bounded_by_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The older half makes room."""
    monkeypatch.setattr(duplicates, "_MOST", 3)
    seen = Repeats()
    for key in "abcdefg":
        seen.claim(key)

    assert not any(seen.claim(key) for key in "defg")
    assert all(seen.claim(key) for key in "abc")
    for key in "gab":
        seen.release(key)
        assert seen.claim(key)
