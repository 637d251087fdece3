"""Idempotency keys: which are sent, and the one formula for those of rows."""

import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from craftkit_async import ConfigurationError, InvalidDataError, derive_key
from craftkit_async._sansio.calls.idempotency import check_idempotency_key
from tests.support.model_strategies import JSON
from tests.support.slow_path import without_speed


@pytest.mark.parametrize("key", ["k", "order:7/1", "!~", "x" * 200])
def test_keys_are_taken(key: str) -> None:
    """1 to 200 visible ASCII characters."""
    assert check_idempotency_key(key) == key


@pytest.mark.parametrize(
    "key", ["", "x" * 201, "a b", " a", "a\n", "a\r\nX-Other: 1", "\x7f", "ä", "\ud800", None, 7, b"k"]
)
def test_keys_are_refused(key: object) -> None:
    """What a header could not carry unchanged is refused before sending."""
    with pytest.raises(ConfigurationError, match="1 to 200 visible ASCII characters"):
        check_idempotency_key(key)


def test_known_vector() -> None:
    """The formula is fixed: programs that derived a key last year must derive the same one today."""
    parts = ["shop", "invoice", 3, "a.pdf", "row-7", {"total": "1.10", "lines": [1, 2.5, None]}, 1]
    canonical = '["shop","invoice",3,"a.pdf","row-7",{"lines":[1,2.5,null],"total":"1.10"},1]'
    data = {"total": Decimal("1.10"), "lines": (1, 2.5, None)}

    assert json.loads(canonical) == parts
    assert derive_key("shop", "invoice", 3, "a.pdf", "row-7", data) == (
        f"shop:invoice:{hashlib.sha256(canonical.encode()).hexdigest()[:40]}"
    )
    assert derive_key("n", "t", None, None, None, {}) == "n:t:1ac2d9037374f2df2de4f6eb2cf3d82f93f57326"


BASIS: dict[str, Any] = {"namespace": "n", "template": "t", "version": None, "filename": None, "row_key": None}
BASIS |= {"data": {"a": 1}, "attempt": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"namespace": "m"},
        {"template": "u"},
        {"version": 1},
        {"filename": "f"},
        {"row_key": "r"},
        {"data": {"a": 2}},
        {"data": {"a": 1.0}},
        {"data": {"a": "1"}},
        {"data": {}},
        {"attempt": 2},
    ],
    ids=str,
)
def test_every_part_counts(change: dict[str, Any]) -> None:
    """Another value of any part is another key."""
    assert derive_key(**BASIS) != derive_key(**{**BASIS, **change})


def test_parts_do_not_run_together() -> None:
    """Moving text from one part to the next gives another digest."""
    first, second = derive_key("n", "t", None, "ab", "c", {}), derive_key("n", "t", None, "a", "bc", {})

    assert first != second
    assert derive_key("n", "t", None, None, "x", {}) != derive_key("n", "t", None, "x", None, {})


def test_long_templates_are_cut_and_still_count() -> None:
    """Only 60 characters of the template are shown; the rest is in the digest."""
    first, second = derive_key("n", "t" * 120, None, None, None, {}), derive_key("n", "t" * 119, None, None, None, {})

    assert first.startswith(f"n:{'t' * 60}:")
    assert len(first) == len(second) == 2 + 60 + 1 + 40
    assert first != second


@given(st.dictionaries(st.text(), JSON), st.randoms())
def test_the_order_of_members_does_not_count(data: dict[str, Any], random: Any) -> None:
    """Equal data gives an equal key, in any order and with or without the fast encoder."""
    members = list(data.items())
    random.shuffle(members)
    with without_speed():
        slow = derive_key("n", "t", None, None, None, dict(members))

    assert derive_key("n", "t", None, None, None, data) == slow


def test_keys_that_cannot_be_sent_are_refused() -> None:
    """A namespace or template that no header carries is refused, as is data that is no JSON."""
    with pytest.raises(ConfigurationError):
        derive_key("my shop", "t", None, None, None, {})
    with pytest.raises(ConfigurationError):
        derive_key("n" * 100, "t" * 60, None, None, None, {})
    with pytest.raises(InvalidDataError, match="keys must be text"):
        derive_key("n", "t", None, None, None, {1: 2})
