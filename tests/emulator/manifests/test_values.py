"""The table of data types: what each takes, what is coerced, and that nothing else gets in."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from craftkit_async.emulator.background.clock import Clock
from craftkit_async.emulator.manifests.binding import read_manifest
from craftkit_async.emulator.manifests.values import InvalidValue, coerce
from craftkit_async.emulator.storage.records import Version
from craftkit_async.emulator.storage.sqlite import Store
from craftkit_async.emulator.storage.state import State
from craftkit_async.emulator.template_store import TemplateStore

FITS = [
    ("text", "a", "a"),
    ("longtext", "a\nb", "a\nb"),
    ("unheard-of", "a", "a"),
    (None, "a", "a"),
    ("number", 5, 5),
    ("number", 5.5, 5.5),
    ("number", "5", 5),
    ("number", " -5.50 ", -5.5),
    ("number", "1e3", 1000.0),
    ("number", "1" * 16, 1111111111111111.0),
    ("currency", "19.90", 19.9),
    ("boolean", True, True),
    ("boolean", "true", True),
    ("boolean", "false", False),
    ("date", "2026-06-01", "2026-06-01"),
    ("date", "2026-06-01T10:00:00.000Z", "2026-06-01T10:00:00.000Z"),
    ("datetime", "2026-06-01T10:00:00+02:00", "2026-06-01T10:00:00+02:00"),
    ("email", "mira@example.com", "mira@example.com"),
    ("image", "https://x.example/1.png", "https://x.example/1.png"),
    ("url", "HTTP://x.example", "HTTP://x.example"),
]
MISFITS = [
    ("text", 5),
    ("text", True),
    ("text", ["a"]),
    ("longtext", {"a": 1}),
    ("number", "five"),
    ("number", ""),
    ("number", "0x10"),
    ("number", "1e999"),
    ("number", "1" * 401),
    ("number", True),
    ("number", [1]),
    ("currency", "€5"),
    ("boolean", "yes"),
    ("boolean", "True"),
    ("boolean", 1),
    ("boolean", []),
    ("date", "01/06/2026"),
    ("date", 20260601),
    ("date", "2026-02-30"),
    ("datetime", "soon"),
    ("email", "mira"),
    ("email", "mira@localhost"),
    ("email", "a b@example.com"),
    ("image", "data:image/png;base64,AAAA"),
    ("image", "ftp://x.example/1.png"),
    ("url", "javascript:alert(1)"),
    ("url", "https://"),
]


@pytest.mark.parametrize(("data_type", "value", "bound"), FITS)
def test_what_fits_is_taken(data_type: str | None, value: Any, bound: Any) -> None:
    """Numeric strings become numbers, and two words become booleans; nothing else changes."""
    taken = coerce(data_type, value)

    assert taken == bound
    assert type(taken) is type(bound)


@pytest.mark.parametrize(("data_type", "value"), MISFITS)
def test_what_does_not_fit_is_said(data_type: str, value: Any) -> None:
    """There is no guessing, and in particular no data address for an image."""
    with pytest.raises(InvalidValue) as invalid:
        coerce(data_type, value)

    assert invalid.value.reason.startswith("Expected")


TYPES = st.sampled_from(["text", "number", "currency", "boolean", "date", "datetime", "email", "image", "url", "?"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(TYPES, VALUES)
def test_whatever_comes_is_bound_or_an_issue(data_type: str, value: Any) -> None:
    """No value can do anything but fit, be missing, or be reported under its path."""
    binding = read_manifest({"variables": [{"key": "a.b", "dataType": data_type}]})
    bound, issues = binding.bind({"a": {"b": value}})
    assert binding.bind({"a": value}) == ({}, {}) or isinstance(value, dict)

    assert (value is not None) == (bool(bound) != bool(issues))
    assert set(issues) <= {"a.b"}


ROWS = {"key": "rows", "itemFields": [{"key": "n", "dataType": "number", "required": True}]}


@pytest.mark.parametrize(
    ("rows", "issues"),
    [
        ("x", {"rows": ["Expected an array"]}),
        ([{"n": 1}] * 10_001, {"rows": ["At most 10000 rows"]}),
        ([{"n": 1}, "x", {"n": "y"}], {"rows.1": ["Expected an object"], "rows.2.n": ["Expected a number"]}),
    ],
)
def test_rows_are_objects_in_an_array(rows: Any, issues: dict[str, list[str]]) -> None:
    """Each problem is named by its row."""
    assert read_manifest({"loops": [ROWS]}).bind({"rows": rows})[1] == issues


def test_ten_thousand_rows_are_taken_and_a_hundred_issues_told() -> None:
    """A reply about ten thousand bad rows would help nobody."""
    binding = read_manifest({"loops": [ROWS]})

    assert len(binding.bind({"rows": [{"n": 1}] * 10_000})[0]["rows"]) == 10_000
    assert len(binding.bind({"rows": [{}] * 500})[1]) == 100


def test_keys_that_clash_give_way() -> None:
    """`a` and `a.b` cannot both be bound; the later one is."""
    definitions = [{"key": "a", "dataType": "?"}, {"key": "a.b", "dataType": "?"}]

    assert read_manifest({"variables": definitions}).bind({"a": "x"})[0] == {"a": "x"}
    assert read_manifest({"variables": definitions[::-1]}).bind({"a": {"b": "x"}})[1] == {"a": ["Expected a string"]}


def test_a_thousand_manifests_are_kept_ready() -> None:
    """One more, and they are read again as they are used."""
    store = Store(None)
    templates = TemplateStore(State(store), Clock(float, 0.0))
    versions = [Version(id=str(number), template_id="t", number=1, manifest={}) for number in range(1001)]
    first = templates.bind(versions[0])
    assert templates.bind(versions[0]) is first
    for version in versions:
        templates.bind(version)

    assert templates.bind(versions[0]) is not first
    store.close()
