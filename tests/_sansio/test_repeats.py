"""Repeats: each delivery is taken once, unless its work failed; what is old or too much is forgotten."""

import pytest

from craftkit_async._sansio import repeats
from craftkit_async._sansio.repeats import Repeats


def test_taken_once() -> None:
    """Until it is released."""
    seen = Repeats()

    assert seen.claim("a", 0.0)
    assert not seen.claim("a", 1.0)
    assert seen.claim("b", 1.0)
    seen.release("a")
    seen.release("never taken")
    assert seen.claim("a", 2.0)
    assert not seen.claim("b", 2.0)


def test_remembered_for_a_day_at_least() -> None:
    """Six attempts come within hours; who comes after days is new."""
    seen = Repeats()
    seen.claim("a", 0.0)
    seen.claim("b", 86_399.0)
    seen.claim("c", 86_401.0)
    assert not seen.claim("a", 86_401.0)
    assert not seen.claim("b", 86_399.0 + 86_400.0)
    seen.claim("d", 2 * 86_402.0)

    assert seen.claim("a", 2 * 86_402.0)
    assert seen.claim("b", 2 * 86_402.0)
    assert not seen.claim("c", 2 * 86_402.0)
    seen.release("c")
    assert seen.claim("c", 2 * 86_402.0)


def test_bounded_by_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The older half makes room."""
    monkeypatch.setattr(repeats, "_MOST", 3)
    seen = Repeats()
    for key in "abcdefg":
        seen.claim(key, 0.0)

    assert not any(seen.claim(key, 0.0) for key in "defg")
    assert all(seen.claim(key, 0.0) for key in "abc")
