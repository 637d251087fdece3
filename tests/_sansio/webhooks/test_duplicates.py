"""Duplicates: what was accepted is remembered, and no flood of one kind pushes out another."""

import pytest

from craftkit_async._sansio.webhooks import duplicates
from craftkit_async._sansio.webhooks.duplicates import Duplicates

A, B = "a" * 64, "b" * 64


def test_remembered() -> None:
    """A signature alone, or a signature with a delivery id, is a key."""
    seen = Duplicates()
    seen.add(A)
    seen.add(B + "d1")

    assert A in seen
    assert B + "d1" in seen
    assert B + "d2" not in seen
    assert "c" * 64 not in seen
    assert "c" * 64 + "d1" not in seen


def test_bounded_by_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The older generation makes room."""
    monkeypatch.setattr(duplicates, "_REMEMBERED", 3)
    seen = Duplicates()
    keys = [letter * 64 for letter in "abcdefg"]
    for key in keys:
        seen.add(key)

    assert [key in seen for key in keys] == [False, False, False, True, True, True, True]


def test_made_up_ids_push_out_only_ids_of_their_own_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """One genuine body with a million delivery ids takes one slot."""
    monkeypatch.setattr(duplicates, "_REMEMBERED", 40)
    seen = Duplicates()
    seen.add(A)
    for number in range(1000):
        seen.add(f"{B}{number}")

    assert A in seen
    assert f"{B}999" in seen
    assert f"{B}0" not in seen


def test_twenty_honest_ids_of_one_signature_are_remembered() -> None:
    """As many recipients may sign one request, each with an identical body."""
    seen = Duplicates()
    for number in range(20):
        seen.add(f"{A}{number}")

    assert all(f"{A}{number}" in seen for number in range(20))
