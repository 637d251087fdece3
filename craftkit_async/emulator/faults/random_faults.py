"""Draw faults at random: each rule has its own generator, so that adding a rule never changes another's draws."""

from collections.abc import Iterable
from random import Random

from attrs import define

from craftkit_async.emulator.faults.grammar import EVERY_OPERATION, RENDER, WEBHOOK, Fault, Rule


@define
class _ActiveRule:
    rule: Rule
    random: Random
    left: int | None  # occurrences; None is unlimited

    def applies(self, target: str) -> bool:
        if not _matches(self.rule.target, target) or self.left == 0:
            return False
        if self.rule.probability < 1 and self.random.random() >= self.rule.probability:
            return False
        if self.left is not None:
            self.left -= 1
        return True


class RandomFaults:
    """Draws the faults of each request, delivery and render; the same seed gives the same run."""

    def __init__(self, rules: Iterable[Rule], seed: int) -> None:
        self._active = [_ActiveRule(rule, Random(f"{seed}:{n}:{rule}"), rule.count) for n, rule in enumerate(rules)]  # noqa: S311 - faults must be repeatable, not secret

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, in the order given."""
        return tuple(active.rule for active in self._active)

    def draw(self, target: str) -> tuple[Fault, ...]:
        """Draw the faults that apply to `target` this time; a rule for `*` applies to every operation."""
        return tuple(active.rule.fault for active in self._active if active.applies(target))


def _matches(rule_target: str, target: str) -> bool:
    return rule_target == target or (rule_target == EVERY_OPERATION and target not in {WEBHOOK, RENDER})
