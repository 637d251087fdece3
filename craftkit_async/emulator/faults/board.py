"""The active faults: set at the start, by a test, or over the control routes."""

from collections.abc import Collection, Iterable

from craftkit_async.emulator.faults.grammar import Fault, Rule, parse_faults, write_faults
from craftkit_async.emulator.faults.random_faults import RandomFaults


class Faults:
    """Changes the active faults while the emulator runs; safe to use from any thread."""

    def __init__(self, rules: Iterable[Rule], seed: int, operations: Collection[str]) -> None:
        self._initial = tuple(rules)
        self._seed, self._operations = seed, operations
        self._random = RandomFaults(self._initial, seed)
        self._one_offs = 0

    def __str__(self) -> str:
        return write_faults(self._random.rules)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The active rules."""
        return self._random.rules

    def set(self, spec: str | Iterable[str]) -> None:
        """Replace the active faults; raises `FaultSpecError`."""
        self._random = RandomFaults(parse_faults(spec, self._operations), self._seed)

    def clear(self) -> None:
        """Remove all faults."""
        self._random = RandomFaults((), self._seed)

    def restore(self) -> None:
        """Restore the faults that the emulator was started with."""
        self._random = RandomFaults(self._initial, self._seed)
        self._one_offs = 0

    def draw(self, target: str) -> tuple[Fault, ...]:
        """Draw the faults that apply to `target` this time."""
        return self._random.draw(target)

    def read_one_off(self, spec: str) -> RandomFaults:
        """Parse the faults that one request specifies for itself; raises `FaultSpecError`."""
        rules = parse_faults(spec, self._operations)
        self._one_offs += 1
        return RandomFaults(rules, self._seed + self._one_offs)
