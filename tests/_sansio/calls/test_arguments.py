"""Arguments: each is of its kind, or one sentence says what it should be."""

from typing import Any

import pytest

from craftkit_async import OMITTED, ConfigurationError
from craftkit_async._sansio.calls.arguments import allow, need, need_token


@pytest.mark.parametrize(("kind", "value"), [(str, ""), (bool, False), (int, -1), (bytes, b"")])
def test_the_right_kind_passes(kind: type, value: Any) -> None:
    """Kinds are checked, values are not."""
    need(kind, name=value)
    allow(kind, name=value, other=None, third=OMITTED)


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (str, None, "name takes text, not None"),
        (str, 7, "name takes text, not an int"),
        (str, b"x", "name takes text, not a bytes"),
        (bool, 1, "name takes True or False, not an int"),
        (int, True, "name takes a whole number, not a bool"),
        (int, 1.0, "name takes a whole number, not a float"),
        (bytes, "x", "name takes bytes, not a str"),
        (bytes, bytearray(), "name takes bytes, not a bytearray"),
    ],
)
def test_another_kind_is_refused(kind: type, value: Any, sentence: str) -> None:
    """True is no number here, and the value itself, which may be secret, is not shown."""
    with pytest.raises(ConfigurationError) as caught:
        need(kind, name=value)

    assert str(caught.value) == sentence


def test_optional_arguments_are_checked_when_they_are_given() -> None:
    """None and omitted pass, anything else is checked."""
    with pytest.raises(ConfigurationError, match="second takes text"):
        allow(str, first=None, second=7)


@pytest.mark.parametrize("token", ["", "a b", "a\r\nb", "tokén", "\ud800"])
def test_tokens_fit_a_header(token: str) -> None:
    """A token that no header can carry is refused without being shown."""
    with pytest.raises(ConfigurationError) as caught:
        need_token(session_token=token)

    assert str(caught.value) == "session_token takes visible ASCII characters without blanks"


def test_tokens_are_text() -> None:
    """A good token passes, and another kind is refused."""
    need_token(session_token="ey.J0")
    with pytest.raises(ConfigurationError, match="session_token takes text, not None"):
        need_token(session_token=None)
