"""The grammar of faults: `TARGET:KIND[=ARGUMENT][@PROBABILITY|#COUNT]`, comma-separated."""

import math
import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Final

from attrs import frozen

WEBHOOK: Final = "webhook"
RENDER: Final = "render"
EVERY_OPERATION: Final = "*"

# Each kind and the form of its argument, as error messages list them.
ANSWER_KINDS: Final = {
    "401": "[=CODE]",
    "429": "[=SECONDS|date]",
    "500": "[=CODE]",
    "502": "[=CODE]",
    "503": "[=CODE|SECONDS|date]",
    "reset-before": "",
    "reset-after": "",
    "reset": "",
    "truncate": "",
    "html": "[=STATUS]",
    "empty": "[=STATUS]",
    "slow": "=SECONDS",
    "redirect": "[=URL]",
    "flat": "",
    "null-url": "",
    "api-url": "",
    "status": "=NAME",
    "www": "",
}
DELIVERY_KINDS: Final = {"early": "", "late": "=SECONDS", "duplicate": "", "reorder": "", "lost": "", "forged": ""}
RENDER_KINDS: Final = {"failed": "[=MESSAGE]"}

_FORM: Final = "OPERATION|*|webhook|render:KIND[=ARG][@PROBABILITY|#COUNT]"
_RULE = re.compile(r"([^:]*):([^=@#]*)(?:=([^@#]*))?(?:@([^#@]*)|#([^#@]*))?")
_MAX_SECONDS = 86_400.0  # a longer delay is most likely a typing error


class FaultSpecError(ValueError):
    """An invalid fault specification; the message lists the accepted values."""


@frozen
class Fault:
    """One kind of fault with its argument."""

    kind: str
    argument: str | None = None

    @property
    def seconds(self) -> float:
        """The argument as seconds."""
        return float(self.argument or 0)

    def __str__(self) -> str:
        return self.kind if self.argument is None else f"{self.kind}={self.argument}"


@frozen
class Rule:
    """A fault, the target it applies to, and how often."""

    target: str
    fault: Fault
    probability: float = 1.0
    count: int | None = None

    def __str__(self) -> str:
        often = "" if self.probability == 1.0 else f"@{self.probability!r}"
        return f"{self.target}:{self.fault}{often if self.count is None else f'#{self.count}'}"


def parse_faults(specs: str | Iterable[str], operations: Collection[str]) -> tuple[Rule, ...]:
    """Parse one or several specifications; raises `FaultSpecError` with a one-line message."""
    texts = [specs] if isinstance(specs, str) else list(specs)
    return tuple(
        _parse_rule(part.strip(), operations) for text in texts for part in str(text).split(",") if part.strip()
    )


def write_faults(rules: Iterable[Rule]) -> str:
    """Format rules as a specification."""
    return ",".join(map(str, rules))


def _parse_rule(text: str, operations: Collection[str]) -> Rule:
    found = _RULE.fullmatch(text)
    if not found:
        raise FaultSpecError(f"invalid fault {text!r}; expected {_FORM}")
    target, kind, argument, probability, count = found.groups()
    fault = _check_fault(text, Fault(kind, argument), _find_kinds(target, operations))
    return Rule(target, fault, _read_probability(text, probability), _read_count(text, count))


def _find_kinds(target: str, operations: Collection[str]) -> dict[str, str]:
    if target == WEBHOOK:
        return DELIVERY_KINDS
    if target == RENDER:
        return RENDER_KINDS
    if target == EVERY_OPERATION or target in operations:
        return ANSWER_KINDS
    known = [EVERY_OPERATION, WEBHOOK, RENDER, *sorted(operations)]
    raise FaultSpecError(f"unknown target {target!r}; {_suggest(target, known)}known targets: {', '.join(known)}")


def _check_fault(text: str, fault: Fault, kinds: dict[str, str]) -> Fault:
    if fault.kind not in kinds:
        known = ", ".join(f"{name}{shape}" for name, shape in kinds.items())
        raise FaultSpecError(
            f"unknown fault {fault.kind!r} in {text!r}; {_suggest(fault.kind, kinds)}known faults: {known}"
        )
    shape = kinds[fault.kind]
    if (not shape and fault.argument is not None) or (shape.startswith("=") and not fault.argument):
        raise FaultSpecError(f"invalid fault {text!r}; expected {fault.kind}{shape}")
    if fault.argument == "" or not _ARGUMENTS.get(shape, _is_anything)(fault.argument):
        raise FaultSpecError(f"invalid argument in {text!r}; expected {fault.kind}{shape}")
    return fault


def _suggest(written: str, known: Iterable[str]) -> str:
    """Suggest the closest known name, since the list of all names is long."""
    near = get_close_matches(written, list(known), n=1)
    return f"did you mean {near[0]}? " if near else ""


def _is_anything(argument: str | None) -> bool:
    return argument is None or argument.isprintable()


def _is_seconds(argument: str | None) -> bool:
    value = _parse_finite(argument)
    return value is not None and 0 <= value <= _MAX_SECONDS


def _is_status(argument: str | None) -> bool:
    return argument is None or re.fullmatch("[2345][0-9][0-9]", argument) is not None


def _is_retry_after(argument: str | None) -> bool:
    return argument is None or argument == "date" or re.fullmatch("[0-9]{1,9}", argument) is not None


def _is_code(argument: str | None) -> bool:
    return argument is None or re.fullmatch("[a-z_]{1,60}|[0-9]{1,9}", argument) is not None


def _is_url(argument: str | None) -> bool:
    return argument is None or (argument.isascii() and argument.isprintable() and " " not in argument)


_ARGUMENTS = {
    "=SECONDS": _is_seconds,
    "[=STATUS]": _is_status,
    "[=SECONDS|date]": _is_retry_after,
    "[=CODE]": _is_code,
    "[=CODE|SECONDS|date]": _is_code,
    "[=URL]": _is_url,
}


def _parse_finite(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _read_probability(text: str, probability: str | None) -> float:
    if probability is None:
        return 1.0
    value = _parse_finite(probability)
    if value is None or not 0 <= value <= 1:
        raise FaultSpecError(f"invalid probability in {text!r}; expected a number from 0 to 1 after @")
    return value


def _read_count(text: str, count: str | None) -> int | None:
    if count is None:
        return None
    if not re.fullmatch("[0-9]{1,9}", count):
        raise FaultSpecError(f"invalid count in {text!r}; expected a whole number of at most 9 digits after #")
    return int(count)
