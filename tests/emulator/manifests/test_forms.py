"""What a form's fields become."""

from craftkit_async.emulator.manifests.forms import expand, merge


def test_dotted_keys_become_objects() -> None:
    """Beside objects that are there already, whichever comes first."""
    assert expand({"a.b": 1, "a.c.d": 2, "e": 3}) == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    assert expand({"a.b": 1, "a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert expand({"a": {"c": 2}, "a.b": 1}) == {"a": {"b": 1, "c": 2}}
    assert expand({"a.b": 1, "a": 2}) == {"a": 2}
    assert expand({"a": 2, "a.b": 1}) == {"a": {"b": 1}}


def test_names_that_are_dangerous_in_a_browser_go() -> None:
    """At any depth, in rows too, and as a part of a dotted key."""
    data = {"a.__proto__.b": 1, "constructor": 1, "rows": [{"prototype": 1, "n": {"__proto__": 1, "m": 2}}]}

    assert expand(data) == {"rows": [{"n": {"m": 2}}]}


def test_prefilled_values_lie_beneath() -> None:
    """Objects are merged member by member, everything else is replaced."""
    assert merge({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": [], "e": 4}) == {
        "a": {"b": 3, "c": 2},
        "d": [],
        "e": 4,
    }
