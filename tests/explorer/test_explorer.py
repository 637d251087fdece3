"""The explorer: random histories break no rule, and it notices when a fix is taken out."""

import inspect
import logging
import runpy
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from craftkit_async._io.sender import Sender
from craftkit_async._sansio.calls import reply
from craftkit_async.waiting.lazy import LazyWaiting
from craftkit_async.waiting.relay_link import RelayLink
from craftkit_async.waiting.scheduler import PollScheduler
from tests.explorer.__main__ import main
from tests.explorer.history import BrokenRuleError, play

pytestmark = pytest.mark.once

_SEEDS_PER_TEST = 30


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A history logs what goes wrong in it, which is much."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(0, 300, _SEEDS_PER_TEST))
def test_no_history_breaks_a_rule(first: int) -> None:
    """`python -m tests.explorer --seeds N` plays any number."""
    _play_all(range(first, first + _SEEDS_PER_TEST))


# Histories that once broke a rule, by what it was.
FOUND = {
    "a relay that is cancelled from within while it closes": 0,
}


@pytest.mark.parametrize("seed", FOUND.values(), ids=FOUND)
def test_a_history_that_once_broke_a_rule(seed: int) -> None:
    """It stays mended."""
    play(seed)


def _without(function: Callable[..., Any], fix: str, instead: str) -> Any:
    """Return a function without a fix: its source with other lines in place of these."""
    source = textwrap.dedent(inspect.getsource(function))
    assert fix in source
    namespace = dict(function.__globals__)
    exec(compile("from __future__ import annotations\n" + source.replace(fix, instead), "<without>", "exec"), namespace)  # noqa: S102 - our own source
    return namespace[function.__name__]


_Edit = tuple[Any, str, str, str]

# Where each fix is, and what stood there without it.
FIXES: dict[str, list[_Edit]] = {
    "W1, a foreign cancellation is a failed poll": [
        (Sender, "_attempt", "if _is_cancelled_by_caller():", "if True:"),
        (PollScheduler, "_end_poll", "outcome = _interrupted(error)", "return"),
    ],
    "W2, closing that is cancelled loses nobody": [
        (LazyWaiting, "_end_waits", "        await completions.aclose()\n        raise", "        raise"),
    ],
    "W5, a reply about another id completes nothing": [
        (reply, "_check", "if operation.about is not None and", "if False and"),
    ],
    "a relay that is cancelled from within while it closes": [
        (RelayLink, "_close", "await _bounded(self._relay.aclose())", "await self._relay.aclose()"),
    ],
}


@pytest.mark.parametrize("fix", FIXES)
def test_a_fix_that_is_taken_out_is_found(fix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within three hundred histories."""
    for owner, name, lines, instead in FIXES[fix]:
        monkeypatch.setattr(owner, name, _without(getattr(owner, name), lines, instead))

    with pytest.raises(BrokenRuleError, match="seed"):
        _play_all(range(300))


def _play_all(seeds: Iterable[int]) -> None:
    for seed in seeds:
        play(seed)


def test_the_command_says_how_many_broke_a_rule(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And which."""

    def break_odd_ones(seed: int) -> None:
        if seed % 2:
            raise BrokenRuleError(f"seed {seed}")

    monkeypatch.setattr("tests.explorer.__main__.play", break_odd_ones)
    monkeypatch.setattr("sys.argv", ["explorer", "--seeds", "4", "--first", "10"])

    assert main() == 2
    assert capsys.readouterr().out == "seed 11\nseed 13\n4 histories, 2 broke a rule\n"


def test_the_command_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As `python -m tests.explorer`."""
    monkeypatch.setattr("sys.argv", ["explorer", "--seeds", "2"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(Path(__file__).with_name("__main__.py")), run_name="__main__")

    assert ended.value.code == 0
    assert capsys.readouterr().out == "2 histories, 0 broke a rule\n"
