"""Random faults: which faults apply now; each rule has random numbers of its own, so that no rule shifts another's."""

from collections.abc import Iterable
from random import Random

from attrs import define

from craftkit_async.emulator.faults.grammar import EVERY_OPERATION, RENDER, WEBHOOK, Fault, Rule


@define
class _Armed:
    rule: Rule
    random: Random
    left: int | None

    def strikes(self, target: str) -> bool:
        if not _covers(self.rule.target, target) or self.left == 0:
            return False
        if self.rule.probability < 1 and self.random.random() >= self.rule.probability:
            return False
        if self.left is not None:
            self.left -= 1
        return True


class RandomFaults:
    """Draws the faults of each request, delivery and render; the same seed gives the same run."""

    def __init__(self, rules: Iterable[Rule], seed: int) -> None:
        self._armed = [_Armed(rule, Random(f"{seed}:{place}:{rule}"), rule.count) for place, rule in enumerate(rules)]  # noqa: S311 - faults must be repeatable, not secret

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What was asked for."""
        return tuple(armed.rule for armed in self._armed)

    def draw(self, target: str) -> tuple[Fault, ...]:
        """Draw what strikes `target` this time; an operation is also struck by rules for all of them."""
        return tuple(armed.rule.fault for armed in self._armed if armed.strikes(target))


def _covers(rule_target: str, target: str) -> bool:
    return rule_target == target or (rule_target == EVERY_OPERATION and target not in {WEBHOOK, RENDER})
