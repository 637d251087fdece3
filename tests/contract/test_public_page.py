"""The page of public names has all of them, and nothing that is not there."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import craftkit_async
from tests.contract.public_names import public_names

ROOT = Path(__file__).parents[2]

PAGE = (ROOT / "docs" / "public-api.md").read_text("utf-8")

_VARIABLE = re.compile(r"\b(?:CRAFTKIT|CK|WEB)_[A-Z_]+[A-Z]\b")


def test_page_lists_every_public_name() -> None:
    """Each has its line, which begins with the name and its arguments; a difference is a line to add or to mend."""
    names, _, _ = PAGE.partition("## Environment variables")
    listed = re.findall(r"^- `([^`]+)`:", names, re.MULTILINE)

    assert sorted(set(listed) ^ public_names()) == []
    assert len(set(listed)) == len(listed)


def test_page_names_every_variable() -> None:
    """What the package reads from the environment is told."""
    sources = [source for source in Path(str(files(craftkit_async))).rglob("*.py") if "emulator" not in source.parts]
    variables = {name for source in sources for name in _VARIABLE.findall(source.read_text("utf-8"))}

    assert variables == set(_VARIABLE.findall(PAGE))


def test_page_names_every_extra() -> None:
    """What can be asked for at installation is told."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]

    assert all(f"`{extra}`" in PAGE for extra in extras)


def test_page_has_one_sentence_a_line() -> None:
    """So that a change of one is a change of one line."""
    lines = [re.sub(r"`[^`]*`", "x", line) for line in PAGE.splitlines()]

    assert not [line for line in lines if re.search(r"[.!?] +[A-Z]", line)]
