"""The list of public names is the package's, name by name and default by default."""

import re
import tomllib
from difflib import unified_diff
from importlib import import_module
from pathlib import Path

import pytest

from tests.contract.public_api import COMMAND, PACKAGES, PATH, environment_variables, public_api

ROOT = Path(__file__).parents[2]

README = (ROOT / "README.md").read_text("utf-8")


def test_list_is_what_the_package_exports() -> None:
    """A name, an argument, a default or a variable that changed is a change to the list, which a command writes."""
    listed = PATH.read_text("utf-8").splitlines()
    difference = "\n".join(unified_diff(listed, public_api().splitlines(), PATH.name, "the package", n=0, lineterm=""))

    assert not difference, f"the public API has changed; if that is meant, run `{COMMAND}`:\n{difference}"


@pytest.mark.parametrize("package", PACKAGES)
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

    assert told == environment_variables()
