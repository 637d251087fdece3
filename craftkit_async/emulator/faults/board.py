"""The faults in force: set at the start, by a test, or over the emulator's own routes."""

from collections.abc import Collection, Iterable

from craftkit_async.emulator.faults.grammar import Fault, Rule, parse_faults, write_faults
from craftkit_async.emulator.faults.random_faults import RandomFaults


class Faults:
    """Switches faults on and off while the emulator runs; may be used from any thread."""

    def __init__(self, rules: Iterable[Rule], seed: int, operations: Collection[str]) -> None:
        self._initial = tuple(rules)
        self._seed, self._operations = seed, operations
        self._dice = RandomFaults(self._initial, seed)
        self._one_offs = 0

    def __str__(self) -> str:
        return write_faults(self._dice.rules)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force."""
        return self._dice.rules

    def set(self, spec: str | Iterable[str]) -> None:
        """Replace the faults in force; raises FaultSpecError."""
        self._dice = RandomFaults(parse_faults(spec, self._operations), self._seed)

    def clear(self) -> None:
        """Let everything go well."""
        self._dice = RandomFaults((), self._seed)

    def restore(self) -> None:
        """Put back what the emulator was started with."""
        self._dice = RandomFaults(self._initial, self._seed)
        self._one_offs = 0

    def draw(self, target: str) -> tuple[Fault, ...]:
        """Draw what strikes this time."""
        return self._dice.draw(target)

    def read_one_off(self, spec: str) -> RandomFaults:
        """Read the faults that one request asks for itself; raises FaultSpecError."""
        rules = parse_faults(spec, self._operations)
        self._one_offs += 1
        return RandomFaults(rules, self._seed + self._one_offs)
