"""Wire names: one spelling per field, decided in one place."""

import pytest

from craftkit_async import EmbedSession, EngagementCounts, Manifest, Render
from craftkit_async._sansio.calls.wire_names import is_model, wire_name, wire_names


@pytest.mark.parametrize(
    ("name", "wire"),
    [("id", "id"), ("download_url", "downloadUrl"), ("a_b_c", "aBC"), ("versionNumber", "versionNumber")],
)
def test_names_are_spelled_as_the_api_does(name: str, wire: str) -> None:
    """Words are joined, and one that is joined already stays."""
    assert wire_name(name) == wire


def test_two_replies_are_spelled_differently() -> None:
    """A session's reply and the counts of events come in snake_case."""
    assert wire_names(EmbedSession)["session_token"] == "session_token"
    assert wire_names(EngagementCounts)["email_opened"] == "email_opened"
    assert wire_names(Render)["poll_url"] == "pollUrl"


def test_what_is_collected_has_no_name_of_its_own() -> None:
    """The field for unknown members is no member."""
    assert "extra" not in wire_names(Manifest)


def test_only_our_own_classes_are_models() -> None:
    """A caller's class is written as it is."""
    assert is_model(Render)
    assert not is_model(type("Render", (), {}))
