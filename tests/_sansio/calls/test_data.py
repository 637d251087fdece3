"""Data: everything a caller may hand over becomes JSON, or is refused with the path to it."""

import dataclasses
import json
import sys
from collections import OrderedDict, UserDict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from importlib.util import module_from_spec, spec_from_file_location
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple
from uuid import UUID

import attrs
import pytest
from hypothesis import given, strategies as st

from craftkit_async import InvalidDataError, Issue, Loop, Manifest, Recipient, Variable
from craftkit_async._sansio.calls import codec, data
from craftkit_async._sansio.calls.data import (
    MAX_DEPTH,
    canonical_json,
    encode_data,
    encode_object,
    show_path,
    to_json,
    to_plain,
)
from tests.support.model_strategies import JSON
from tests.support.slow_path import without_speed


class NotATime(datetime):
    """As pandas.NaT is: a datetime that equals nothing."""

    def __ne__(self, other: object) -> bool:
        return True


class Colour(Enum):
    RED = "red"
    MIXED = ("red", 1)


class Size(StrEnum):
    BIG = "big"


class Level(IntEnum):
    TOP = 9


class Point(NamedTuple):
    x: int
    y: int


class Text(str):
    __slots__ = ()
    __str__ = str.upper  # a class may print itself differently; what is sent is the text it is


class Price(float):
    __slots__ = ()


class Count(int):
    __slots__ = ()


class Names(list[str]):
    __slots__ = ()


@dataclasses.dataclass
class Customer:
    first_name: str
    age: int


@attrs.frozen
class Address:
    street_name: str
    zip: str | None = None


# What each kind of value becomes.
TAKEN: list[tuple[Any, Any]] = [
    ("text", "text"),
    ("", ""),
    (Text("text"), "text"),
    (True, True),
    (None, None),
    (7, 7),
    (-(2**63), -(2**63)),
    (2**64 - 1, 2**64 - 1),
    (2**64, 2**64),
    (-(2**70), -(2**70)),
    (Count(3), 3),
    (1.5, 1.5),
    (Price(2.5), 2.5),
    (0.1 + 0.2, 0.1 + 0.2),
    (1e300, 1e300),
    (Decimal("1.10"), "1.10"),
    (Decimal(100).normalize(), "100"),
    (Decimal("1E-7"), "0.0000001"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (date(2026, 1, 2), "2026-01-02"),
    (datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC), "2026-01-02T03:04:05.678000+00:00"),
    (datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00"),  # noqa: DTZ001 - a naive time is the caller's own business
    (time(3, 4), "03:04:00"),
    (Colour.RED, "red"),
    (Colour.MIXED, ["red", 1]),
    (Size.BIG, "big"),
    (Level.TOP, 9),
    ((1, (2,)), [1, [2]]),
    (Point(1, 2), [1, 2]),
    (Names(["a"]), ["a"]),
    ({"a": {"b": []}}, {"a": {"b": []}}),
    ({Size.BIG: 1}, {"big": 1}),
    ({Text("key"): 1}, {"key": 1}),
    (OrderedDict(a=1), {"a": 1}),
    (UserDict({"a": 1}), {"a": 1}),
    (MappingProxyType({"a": 1}), {"a": 1}),
    (Customer("Ada", 36), {"first_name": "Ada", "age": 36}),
    (Address("Main"), {"street_name": "Main", "zip": None}),
    (Recipient("Ada", "a@b.c", last_name="L"), {"firstName": "Ada", "email": "a@b.c", "lastName": "L"}),
    ('zażółć 😀 \x00 \x7f \u2028 "\\', 'zażółć 😀 \x00 \x7f \u2028 "\\'),
]  # fmt: skip

# What is refused: the value, the path, and a piece of the reason.
REFUSED: list[tuple[Any, str, str]] = [
    ({"a": float("nan")}, "a", "nan"),
    ({"a": [1, float("inf")]}, "a[1]", "inf"),
    ({"a": Price("-inf")}, "a", "-inf"),
    ([Decimal("NaN")], "[0]", "NaN"),
    ([Decimal("1E+5000")], "[0]", "digits"),
    ([NotATime(2026, 1, 1)], "[0]", "no time"),
    ([Decimal("-Infinity")], "[0]", "Infinity"),
    ({"a": b"x"}, "a", "bytes"),
    ({"a": bytearray(b"x")}, "a", "bytearray"),
    ({"a": {1, 2}}, "a", "set"),
    ({"a": frozenset()}, "a", "frozenset"),
    ({"a": object()}, "a", "object"),
    ({"a": 1j}, "a", "complex"),
    ({"a": Fraction(1, 3)}, "a", "Fraction"),
    ({"a": iter("xy")}, "a", "iterator"),
    ({"a": Customer}, "a", "type"),
    ({"a": Address}, "a", "type"),
    ({"a": {1: "x"}}, "a.<int>", "keys must be text"),
    ({"a": {None: "x"}}, "a.<NoneType>", "keys must be text"),
    ({"a": {b"k": "x"}}, "a.<bytes>", "keys must be text"),
    ({"a": {("t",): "x"}}, "a.<tuple>", "keys must be text"),
    ({"a": "\ud800"}, "a", "surrogate"),
    ({"items": [{"name": "x\udfff"}]}, "items[0].name", "surrogate"),
    ({"good": ["fine", {}], "a": ("x", "\udc80")}, "a[1]", "surrogate"),
    ({"a": {"\ud800": 1}}, "a.\\ud800", "surrogate"),
    ("\ud800", "", "surrogate"),
    (Customer("\ud800", 1), "first_name", "surrogate"),
    ({"a": Address("x", b"y")}, "a.zip", "bytes"),  # type: ignore[arg-type]  # the wrong type is the point
    ({"a": [10**5000]}, "a[0]", "digits"),
]


def str_or_kind(value: Any) -> str:
    """Name a case without writing out what cannot be written."""
    return ascii(value) if isinstance(value, str) else type(value).__name__


@pytest.mark.parametrize(("value", "expected"), TAKEN, ids=lambda value: type(value).__name__)
def test_takes(value: Any, expected: Any) -> None:
    """Every documented kind of value becomes its JSON, and the same JSON with and without the fast encoder."""
    fast = encode_data(value)
    with without_speed():
        slow = encode_data(value)

    assert json.loads(fast) == expected
    assert json.loads(slow) == expected


@pytest.mark.parametrize(("value", "path", "reason"), REFUSED, ids=str_or_kind)
def test_refuses(value: Any, path: str, reason: str) -> None:
    """What JSON cannot carry is refused in one line with the path, and alike with and without the fast encoder."""
    with pytest.raises(InvalidDataError) as fast:
        encode_data(value)
    with without_speed(), pytest.raises(InvalidDataError) as slow:
        encode_data(value)

    assert [issue.path for issue in fast.value.issues] == [path]
    assert reason in str(fast.value)
    assert str(fast.value).startswith(f"the data cannot be sent: {path or 'it'} is ")
    assert "\n" not in str(fast.value)
    assert (str(slow.value), slow.value.issues) == (str(fast.value), fast.value.issues)


@pytest.mark.parametrize(
    "scalar", [1, "text", 1.5, date(2026, 1, 2), Decimal(1), Size.BIG, Level.TOP, Colour.RED, None]
)
def test_depth_counts_containers_only(scalar: Any) -> None:
    """199 and 200 levels of arrays or objects are taken, whatever scalar lies at the bottom."""
    for depth in (MAX_DEPTH - 1, MAX_DEPTH):
        nested: Any = scalar
        for level in range(depth):
            nested = [nested] if level % 2 else {"a": nested}

        with without_speed():
            slow = encode_data(nested)

        assert json.loads(encode_data(nested)) == json.loads(slow)


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: (inner,), lambda inner: {"a": inner}, Address])
def test_201_levels_are_refused(wrap: Callable[[Any], Any]) -> None:
    """One level more is refused with the way to it, shortened in the middle."""
    nested: Any = []
    for _ in range(MAX_DEPTH):
        nested = wrap(nested)

    with pytest.raises(InvalidDataError, match="nested deeper than 200 levels") as caught:
        encode_data(nested)

    assert "…" in caught.value.issues[0].path
    assert len(str(caught.value)) < 400


def test_cycles_are_refused() -> None:
    """Data that contains itself is refused and does not run for ever."""
    rows: list[Any] = []
    rows.append({"rows": rows})

    with pytest.raises(InvalidDataError, match="containing itself") as caught:
        encode_data({"rows": rows})

    assert caught.value.issues[0].path.startswith("rows[0].rows[0]")


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats()
    | st.text()
    | st.text(st.characters())  # lone surrogates included
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.decimals()
    | st.uuids()
    | st.sampled_from([Colour.RED, Size.BIG, Level.TOP, Colour.MIXED])
    | st.binary(max_size=3)
)
_KEYS = st.text(max_size=8) | st.text(st.characters(), max_size=3) | st.integers() | st.sampled_from(Size)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_KEYS, inner, max_size=4)
        | st.tuples(inner, inner)
        | st.builds(Customer, inner, inner)
        | st.builds(Address, inner, inner)
        | st.dictionaries(st.text(), inner, max_size=2).map(MappingProxyType)
    ),
    max_leaves=20,
)


def _outcome(value: Any) -> Any:
    try:
        return json.loads(encode_data(value))
    except InvalidDataError as error:
        return str(error), error.issues


@given(_ANYTHING)
def test_anything_is_encoded_or_refused(value: Any) -> None:
    """Whatever is handed over gives JSON or `InvalidDataError`, the same with and without the fast encoder."""
    fast = _outcome(value)
    with without_speed():
        slow = _outcome(value)

    assert fast == slow


@given(JSON)
def test_json_passes_unchanged(value: Any) -> None:
    """JSON values go through as they are."""
    assert json.loads(encode_data(value)) == value
    assert to_plain(value) == value


def test_encoding_is_compact_utf8() -> None:
    """The body carries no blanks, and text as UTF-8."""
    body = {"ä": [1, "ö"]}
    with without_speed():
        slow = encode_data(body)

    assert encode_data(body) == slow == '{"ä":[1,"ö"]}'.encode()


def test_encoding_does_not_need_the_part_that_is_not_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python's encoder has no part in C, its documented side writes the same."""
    monkeypatch.setattr("json.encoder.c_make_encoder", None)

    assert data._compact_encoder()({"a": ["é", 1.5, None]}) == '{"a":["é",1.5,null]}'


def test_data_of_a_template_is_an_object() -> None:
    """The data of a template is a JSON object; anything else is refused and the sentence says what to pass."""
    assert encode_object({}) == b"{}"
    assert encode_object(Customer("Ada", 1)) == b'{"first_name":"Ada","age":1}'
    others: list[Any] = [[], "text", None, 1, Colour.RED]
    for value in others:
        with pytest.raises(InvalidDataError, match="pass a mapping of names to values"):
            encode_object(value)


def test_models_are_written_in_wire_names() -> None:
    """Our own models are written as the API spells them: without what is None, with the members we do not know."""
    manifest = Manifest(
        (Variable("a", data_type="text", extra={"isInteger": True}),),
        (Loop("rows", item_fields=(Variable("b"),)),),
        {"layoutHint": 1},
    )

    assert to_plain(manifest) == {
        "layoutHint": 1,
        "variables": [{"isInteger": True, "key": "a", "dataType": "text", "required": False}],
        "loops": [{"key": "rows", "itemFields": [{"key": "b", "required": False}]}],
    }


def test_a_known_member_wins_over_an_extra_one() -> None:
    """A field that is set is written, even where an unknown member of the same name was kept."""
    assert to_plain(Variable("a", label="new", extra={"label": "old"})) == {
        "label": "new",
        "key": "a",
        "required": False,
    }


def test_errors_of_the_callers_own_mapping_pass() -> None:
    """What user code raises is passed through as it is."""

    class Broken(UserDict[str, Any]):
        def __iter__(self) -> Iterator[str]:
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        encode_data({"a": Broken()})


def test_canonical_json() -> None:
    """Equal values have one spelling: sorted, compact, ASCII, whichever encoder is installed."""
    expected = b'{"a":["\\u00e4",1.0],"b":null}'
    with without_speed():
        slow = canonical_json({"b": None, "a": ("ä", 1.0)})

    assert canonical_json({"b": None, "a": ("ä", 1.0)}) == slow == expected
    with pytest.raises(InvalidDataError, match="digits"):
        canonical_json({"a": 10**5000})


def test_to_json_falls_back_for_big_numbers() -> None:
    """A whole number over 64 bits is written digit by digit."""
    assert to_json({"n": 2**64, "t": "ä"}) == f'{{"n":{2**64},"t":"ä"}}'.encode()


@pytest.mark.parametrize(
    ("steps", "root", "shown"),
    [
        ([], "", ""),
        ([], "$", "$"),
        (["a", 0, "b"], "", "a[0].b"),
        (["a", 0, "b"], "$", "$.a[0].b"),
        ([0, 1], "", "[0][1]"),
        (["\ud800"], "", "\\ud800"),
        (["x" * 500], "", f"{'x' * 80}…{'x' * 80}"),
    ],
)
def test_paths_are_shown(steps: list[str | int], root: str, shown: str) -> None:
    """A path reads like code, is printable, and is cut in the middle when it is long."""
    assert show_path(steps, root) == shown


def test_issue_carries_the_reason() -> None:
    """The issue says where and why, apart from the sentence around them."""
    with pytest.raises(InvalidDataError) as caught:
        encode_data({"a": b""})

    assert caught.value.issues == (Issue("a", "a bytes, which JSON cannot carry"),)


@pytest.mark.parametrize("module", [data, codec])
def test_works_where_the_fast_library_is_not_installed(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the modules are imported all the same."""
    monkeypatch.setitem(sys.modules, "orjson", None)
    spec = spec_from_file_location("again", module.__file__)

    assert spec is not None
    assert spec.loader is not None

    again = module_from_spec(spec)
    spec.loader.exec_module(again)

    assert getattr(again, "_fast_dumps", None) is None
    assert getattr(again, "parse_json", None) is getattr(again, "slow_loads", None)
