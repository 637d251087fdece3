"""Options: every bound is checked when it is set, and never changes."""

from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

from craftkit_async import ConfigurationError, Limits, PollPolicy, RetryPolicy, Timeouts

NO_SECONDS: list[Any] = [-1, -0.001, float("nan"), float("inf"), float("-inf"), True, "5", b"5", [], {}, 1j, 10**400]
NO_COUNT: list[Any] = [0, -1, 1.0, float("nan"), True, False, "5", None, [], 2.5]

LIMITS: list[tuple[type, str]] = [
    (Timeouts, name) for name in ("connect", "request", "idle", "wait", "close", "handler")
]
SECONDS: list[tuple[type, str]] = [
    (RetryPolicy, "first_delay"),
    (RetryPolicy, "max_delay"),
    (RetryPolicy, "max_retry_after"),
    (PollPolicy, "not_found_grace"),
    (Limits, "mailbox_age"),
]
SECONDS_OR_NONE: list[tuple[type, str]] = [
    (RetryPolicy, "total"),
]
COUNTS: list[tuple[type, str]] = [
    (RetryPolicy, "attempts"),
    (RetryPolicy, "quota"),
    *((Limits, field.name) for field in attrs.fields(Limits) if field.name != "mailbox_age"),
]
GAPS = ["first", "max", "net_first", "net_max"]
# Options of their own kind: what they take, and what they do not.
OTHERS: list[tuple[str, str, list[Any]]] = [
    *((name, "seconds from 0.001 to 86400", [0, 0.0009, 86_401, None, *NO_SECONDS]) for name in GAPS),
    ("factor", "a number from 1 up", [0, 0.99, None, *NO_SECONDS]),
    ("jitter", "a share from 0 to 1", [1.01, None, *NO_SECONDS]),
    ("adaptive", "True or False", [None, 0, 1, "yes", 0.5]),
]


def test_every_option_is_in_a_table() -> None:
    """A new option is checked here as well."""
    listed = {*LIMITS, *SECONDS, *SECONDS_OR_NONE, *COUNTS, *((PollPolicy, name) for name, _, _ in OTHERS)}
    kinds: tuple[Any, ...] = (Timeouts, RetryPolicy, PollPolicy, Limits)

    assert listed == {(kind, field.name) for kind in kinds for field in attrs.fields(kind)}


def _refuse(kind: Any, name: str, value: Any, what: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        kind(**{name: value})

    assert str(caught.value) == f"{kind.__name__}({name}=…) takes {what}, not {value!r}"


@pytest.mark.parametrize(("kind", "name"), SECONDS)
@pytest.mark.parametrize("value", [None, *NO_SECONDS], ids=lambda value: repr(value)[:8])
def test_seconds(kind: Any, name: str, value: Any) -> None:
    """Seconds are finite numbers from 0 up; the refusal says so."""
    _refuse(kind, name, value, "seconds from 0 up")


@pytest.mark.parametrize(("kind", "name"), SECONDS_OR_NONE)
@pytest.mark.parametrize("value", NO_SECONDS, ids=lambda value: repr(value)[:8])
def test_seconds_or_none(kind: Any, name: str, value: Any) -> None:
    """None is no limit where there may be none."""
    _refuse(kind, name, value, "seconds from 0 up")

    assert getattr(kind(**{name: None}), name) is None


@pytest.mark.parametrize(("kind", "name"), LIMITS)
@pytest.mark.parametrize("value", [0, 0.0, *NO_SECONDS], ids=lambda value: repr(value)[:8])
def test_limits(kind: Any, name: str, value: Any) -> None:
    """A limit of no time would end everything at once; None is no limit, but for closing, which must end."""
    _refuse(kind, name, value, "seconds above 0")

    if name == "close":
        _refuse(kind, name, None, "seconds above 0")
    else:
        assert getattr(kind(**{name: None}), name) is None


@pytest.mark.parametrize(("kind", "name"), COUNTS)
@pytest.mark.parametrize("value", NO_COUNT, ids=lambda value: repr(value)[:8])
def test_counts(kind: Any, name: str, value: Any) -> None:
    """Counts are whole numbers from 1 up."""
    _refuse(kind, name, value, "a whole number from 1 up")


@pytest.mark.parametrize(("name", "what", "value"), [(name, what, value) for name, what, no in OTHERS for value in no])
def test_options_of_polling(name: str, what: str, value: Any) -> None:
    """A gap is neither a busy loop nor for ever, what grows does not shrink, a share is one, and a flag is a flag."""
    _refuse(PollPolicy, name, value, what)


@pytest.mark.parametrize(("kind", "name"), [*SECONDS_OR_NONE, (RetryPolicy, "max_retry_after")])
@given(st.floats(0, 1e12) | st.integers(0, 10**12))
def test_sound_seconds_are_kept(kind: Any, name: str, value: float) -> None:
    """What is taken is not changed."""
    assert getattr(kind(**{name: value}), name) == value


@pytest.mark.parametrize(("kind", "name"), LIMITS)
@given(st.floats(0, 1e12, exclude_min=True) | st.integers(1, 10**12))
def test_sound_limits_are_kept(kind: Any, name: str, value: float) -> None:
    """However short they are."""
    assert getattr(kind(**{name: value}), name) == value


def test_the_cap_lies_above_the_first_step() -> None:
    """A cap below the first delay is a mistake, and both numbers are named."""
    with pytest.raises(ConfigurationError, match=r"RetryPolicy\(max_delay=0.2\) lies below first_delay=0.5"):
        RetryPolicy(max_delay=0.2)

    with pytest.raises(ConfigurationError, match=r"PollPolicy\(max=0.2\) lies below first=0.25"):
        PollPolicy(max=0.2)
    with pytest.raises(ConfigurationError, match=r"PollPolicy\(net_max=60.0\) lies below net_first=90"):
        PollPolicy(net_first=90)

    assert RetryPolicy(first_delay=2, max_delay=2).max_delay == 2
    assert PollPolicy(first=2, max=2).max == 2


@pytest.mark.parametrize("options", [Timeouts(), RetryPolicy(), PollPolicy(), Limits()])
def test_options_are_frozen(options: Any) -> None:
    """Clients share them, so none can change one."""
    name = attrs.fields(type(options))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(options, name, 1)


@pytest.mark.parametrize("kind", [Timeouts, RetryPolicy, PollPolicy, Limits])
def test_options_are_named(kind: Any) -> None:
    """Numbers without names are mixed up easily."""
    with pytest.raises(TypeError):
        kind(1)


def test_defaults() -> None:
    """The defaults are part of the contract with programs that rely on them."""
    assert attrs.astuple(Timeouts()) == (10, 30, 30, 300, 10, 600)
    assert attrs.astuple(RetryPolicy()) == (5, 0.5, 30, 60, 120, 500)
    assert attrs.astuple(PollPolicy()) == (0.25, 2, 5, 0.2, True, 5, 60, 5)
    assert attrs.astuple(Limits()) == (
        *(256, 16, 16, 1000, 16 * 2**20, 256 * 2**20),
        *(2**20, 10_000, 60, 64, 1000, 64),
    )


@pytest.mark.parametrize("field", ["connect", "request", "idle", "wait", "close", "handler"])
@pytest.mark.parametrize("value", [0, 0.0, -1])
def test_no_time_is_no_timeout(field: str, value: float) -> None:
    """A timeout of nothing is refused: for aiohttp, no time to connect in means no limit."""
    with pytest.raises(ConfigurationError, match=field):
        Timeouts(**{field: value})
