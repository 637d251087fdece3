"""Help: every command says what it does in whole sentences that fit a terminal."""

import pytest

from craftkit_async.cli.group import craftkit_async
from tests.cli.conftest import Run

GROUPS = [[], ["templates"], ["webhook"]]


@pytest.mark.parametrize("words", GROUPS, ids=str)
def test_a_group_without_a_command_shows_its_help(run: Run, words: list[str]) -> None:
    """That is a question and no mistake."""
    asked, helped = run(*words), run(*words, "--help")

    assert (asked.code, asked.err) == (0, "")
    assert asked.out == helped.out
    assert "Commands:" in asked.out


@pytest.mark.parametrize("words", GROUPS, ids=str)
def test_summaries_are_whole_sentences(run: Run, words: list[str]) -> None:
    """None is cut at 80 columns."""
    _, _, commands = run(*words).out.partition("Commands:")
    summaries = [line.strip() for line in commands.splitlines() if line.strip()]

    assert summaries
    assert [line for line in summaries if not line.endswith(".") or line.endswith("...")] == []


def test_commands_are_found_by_their_modules() -> None:
    """A new command is a new module."""
    names = craftkit_async.list_commands(None)  # type: ignore[arg-type]  # it asks nothing of a context

    assert {"batch", "demo", "doctor", "download", "emulate", "render", "templates", "wait", "webhook"} <= set(names)
    assert craftkit_async.get_command(None, "no-such-command") is None  # type: ignore[arg-type]  # the same
