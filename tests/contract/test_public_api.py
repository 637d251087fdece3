"""The list of public names is the package's, name by name and default by default."""

import re
import runpy
import sys
import tomllib
from difflib import unified_diff
from importlib import import_module
from pathlib import Path

import pytest

from tests.contract import public_api

ROOT = Path(__file__).parents[2]

README = (ROOT / "README.md").read_text("utf-8")


def test_list_is_what_the_package_exports() -> None:
    """A name, an argument, a default or a variable that changed is a change to the list, which a command writes."""
    listed = public_api.PATH.read_text("utf-8").splitlines()
    difference = "\n".join(
        unified_diff(
            listed, public_api.public_api().splitlines(), public_api.PATH.name, "the package", n=0, lineterm=""
        )
    )

    assert not difference, f"the public API has changed; if that is meant, run `{public_api.COMMAND}`:\n{difference}"


def test_command_prints_the_list(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--write` it changes nothing."""
    monkeypatch.setattr(sys, "argv", ["public_api"])
    runpy.run_path(public_api.__file__, run_name="__main__")

    assert capsys.readouterr().out == public_api.public_api()


def test_command_writes_the_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file that it writes is the one that the test compares."""
    monkeypatch.setattr(public_api, "PATH", tmp_path / "public_api.txt")
    public_api.main(["--write"])

    assert public_api.PATH.read_text("utf-8") == public_api.public_api()


@pytest.mark.parametrize("package", public_api.PACKAGES)
def test_all_is_sorted(package: str) -> None:
    """Constants, classes and functions stand in order, nothing twice."""
    exported = import_module(package).__all__
    in_order = sorted(exported, key=lambda name: (not name.isupper(), not name[0].isupper(), name))

    assert exported == in_order
    assert len(set(exported)) == len(exported)


def test_readme_names_every_extra() -> None:
    """What can be asked for at installation is told where installing is."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]

    assert [extra for extra in extras if f"- `{extra}`: " not in README] == []


def test_readme_names_every_variable() -> None:
    """What the package reads from the environment is told, and nothing else is."""
    told = set(re.findall(r"^- `([A-Z_]+)`: ", README, re.MULTILINE))

    assert told == public_api.environment_variables()
