"""Help: every command says what it does in whole sentences that fit a terminal."""

from pathlib import Path

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


def test_every_command_is_documented() -> None:
    """docs/cli.md shows how each is called."""
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
    names = craftkit_async.list_commands(None)  # type: ignore[arg-type]  # the same

    assert [name for name in names if f"craftkit-async {name}" not in page] == []
