"""The grammar of faults and their random draws, tested with arbitrary input."""

from random import Random

import pytest
from hypothesis import given, strategies as st

from craftkit_async.emulator import FaultSpecError
from craftkit_async.emulator.faults.effects import choose_reset
from craftkit_async.emulator.faults.grammar import (
    ANSWER_KINDS,
    DELIVERY_KINDS,
    RENDER_KINDS,
    Fault,
    Rule,
    parse_faults,
    write_faults,
)
from craftkit_async.emulator.faults.random_faults import RandomFaults

OPERATIONS = {"render_template", "get_render"}
ARGUMENTS: dict[str, list[str | None]] = {
    "[=CODE]": [None, "internal_error"],
    "[=SECONDS|date]": [None, "2", "date"],
    "[=CODE|SECONDS|date]": [None, "7", "date", "queue_unavailable"],
    "[=STATUS]": [None, "200", "502"],
    "=SECONDS": ["0", "1.5"],
    "[=URL]": [None, "http://elsewhere.example/x?y"],
    "=NAME": ["cancelled"],
    "[=MESSAGE]": [None, "Out of ink."],
    "": [None],
}
PLACES = {
    **dict.fromkeys([*OPERATIONS, "*"], ANSWER_KINDS),
    "webhook": DELIVERY_KINDS,
    "render": RENDER_KINDS,
}


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Make any rule that the language can say."""
    target = draw(st.sampled_from(sorted(PLACES)))
    kind, shape = draw(st.sampled_from(sorted(PLACES[target].items())))
    fault = Fault(kind, draw(st.sampled_from(ARGUMENTS[shape])))
    if draw(st.booleans()):
        return Rule(target, fault, count=draw(st.integers(0, 999_999_999)))
    return Rule(target, fault, probability=draw(st.floats(0, 1)))


@given(st.lists(rules()))
def test_what_is_written_is_read_back(written: list[Rule]) -> None:
    """Rules survive being shown and given again, as one text or as several."""
    assert parse_faults(write_faults(written), OPERATIONS) == tuple(written)
    assert parse_faults([str(rule) for rule in written], OPERATIONS) == tuple(written)


@given(st.text(st.sampled_from("*:=@#,. 0159etwbhokrndlafi-_\n\u0661\x00")) | st.text())
def test_any_text_is_rules_or_one_line_that_helps(text: str) -> None:
    """Arbitrary text raises nothing but `FaultSpecError`, with a one-line message."""
    try:
        parsed = parse_faults(text, OPERATIONS)
        said = ""
    except FaultSpecError as error:
        parsed, said = (), str(error)

    assert "\n" not in said
    assert parse_faults(write_faults(parsed), OPERATIONS) == parsed


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("*", "invalid fault '*'; expected OPERATION"),
        ("nothing:500", "known targets: *, webhook, render, get_render, render_template"),
        ("*:explode", "known faults: 401[=CODE], 429"),
        ("webhook:500", "known faults: early, late=SECONDS"),
        ("render:lost", "known faults: failed[=MESSAGE]"),
        ("*:slow", "expected slow=SECONDS"),
        ("*:flat=1", "expected flat"),
        ("*:slow=nan", "invalid argument"),
        ("*:slow=x", "invalid argument"),
        ("*:slow=86401", "invalid argument"),
        ("*:html=", "invalid argument"),
        ("*:429=soon", "invalid argument"),
        ("*:500@2", "a number from 0 to 1"),
        ("*:500@", "a number from 0 to 1"),
        ("*:500#1.5", "a whole number"),
    ],
)
def test_an_invalid_fault_is_an_error_that_lists_the_accepted_values(spec: str, said: str) -> None:
    """The message names the error and what is accepted instead."""
    with pytest.raises(FaultSpecError) as refused:
        parse_faults(spec, OPERATIONS)

    assert said in str(refused.value)


@given(st.lists(rules(), max_size=5), st.integers(), st.lists(st.sampled_from(sorted(PLACES)), max_size=30))
def test_the_same_seed_draws_the_same_faults(drawn: list[Rule], seed: int, targets: list[str]) -> None:
    """A run can be repeated, and a rule applies at most `count` times and only to its target."""
    first, second = (RandomFaults(drawn, seed) for _ in range(2))
    strikes = [first.draw(target) for target in targets]

    assert strikes == [second.draw(target) for target in targets]
    for target, struck in zip(targets, strikes, strict=True):
        fitting = [rule.fault for rule in drawn if rule.target in {target, "*"}]
        assert all(fault in fitting for fault in struck)
    for fault in {rule.fault for rule in drawn}:
        limits = [len(targets) if rule.count is None else rule.count for rule in drawn if rule.fault == fault]
        assert sum(struck.count(fault) for struck in strikes) <= sum(limits)


def test_one_rule_never_shifts_the_dice_of_another() -> None:
    """Appending a rule does not change the draws of the others."""
    flaky = Rule("get_render", Fault("503"), probability=0.5)
    alone, along = RandomFaults([flaky], 1), RandomFaults([flaky, Rule("*", Fault("slow", "1"), probability=0.5)], 1)
    runs = [[Fault("503") in random.draw("get_render") for _ in range(50)] for random in (alone, along)]

    assert runs[0] == runs[1]


def test_a_star_means_operations_only() -> None:
    """Renders and deliveries have kinds of their own."""
    random = RandomFaults(parse_faults("*:500", OPERATIONS), 0)

    assert random.draw("get_render") == (Fault("500"),)
    assert random.draw("webhook") == random.draw("render") == ()


def test_a_connection_breaks_before_or_after_the_work() -> None:
    """`reset-before` and `reset-after` are fixed; `reset` is either, at random."""
    random = Random(0)  # noqa: S311 - the same each time

    assert choose_reset({"reset-before"}, random) == "reset-before"
    assert choose_reset({"reset-after"}, random) == "reset-after"
    assert choose_reset({"slow"}, random) is None
    assert {choose_reset({"reset"}, random) for _ in range(20)} == {"reset-before", "reset-after"}
