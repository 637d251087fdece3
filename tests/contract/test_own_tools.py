"""The tools of these tests find what they are there to find."""

from datetime import UTC, datetime
from typing import Any

import pytest

from craftkit_async import Loop, Project
from tests.contract.document import violations
from tests.contract.shapes import lost

MOMENT = {"type": "string", "format": "date-time"}


@pytest.mark.parametrize("text", ["yesterday", "2026-06-05", "2026-06-05T10:00:00"])
def test_time_without_offset_violates_a_schema(text: str) -> None:
    """The contract's times have a date, a time and an offset."""
    assert violations(MOMENT, text)
    assert not violations(MOMENT, "2026-06-05T10:00:00.000Z")


def test_violation_says_where() -> None:
    """So that a failing test can be mended."""
    schema = {"type": "object", "required": ["id"], "properties": {"at": MOMENT}}

    assert [found.partition(":")[0] for found in violations(schema, {"at": "x"})] == ["$", "$.at"]


LOST: dict[str, tuple[Any, Any, list[str]]] = {
    "nothing": ({"id": "p", "slug": "s"}, Project("p", "s", "n"), []),
    "a value": ({"id": "q"}, Project("p", "s", "n"), ["$.id"]),
    "a member": ({"id": "p", "plan": "x"}, Project("p", "s", "n"), ["$.plan"]),
    "a boolean": ([True], [1], ["$[0]"]),
    "an item": ([1, 2], [1], ["$"]),
    "a time": (
        {"createdAt": "2026-06-05T10:00:00Z"},
        Project("p", "s", "n", datetime(2026, 6, 5, 11, tzinfo=UTC)),
        ["$.createdAt"],
    ),
    "an unknown member": ({"key": "k", "new": 1}, Loop("k"), ["$.new"]),
    "a known member": ({"key": "k", "new": 1}, Loop("k", extra={"new": 1}), []),
}


@pytest.mark.parametrize(("document", "value", "paths"), LOST.values(), ids=LOST)
def test_what_is_lost_is_found(document: Any, value: Any, paths: list[str]) -> None:
    """Whatever does not arrive in a model has a path."""
    assert list(lost(document, value)) == paths
