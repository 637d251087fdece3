"""Subscriptions: which handlers an event concerns, in order, and which come before the answer."""

import re
from typing import Any

import pytest

from craftkit_async import ConfigurationError
from craftkit_async._sansio.webhooks.subscriptions import KNOWN_PATTERNS, Subscriptions, check_patterns


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("render.failed", ["render.failed"], ["render.failed.x", "render.faile", "xrender.failed", ""]),
        ("signature.*", ["signature.sent", "signature.a.b", "signature."], ["signature", "signatures.sent"]),
        ("*", ["render.failed", "anything"], []),
    ],
)
def test_patterns(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    """A name in full, a family, or all."""
    subscriptions: Subscriptions[str] = Subscriptions()
    subscriptions.add(check_patterns([pattern]), "h", before_answer=False)

    assert all(subscriptions.split(event) == ([], ["h"]) for event in fits)
    assert all(subscriptions.split(event) == ([], []) for event in fits_not)


@pytest.mark.parametrize(
    "wrong", [[], [""], ["render*"], ["*.failed"], ["**"], ["a.*.b"], ["a.**"], [".*x"], [7], [None], ["ok", b"x"]]
)
def test_patterns_that_fit_nothing_are_refused(wrong: list[Any]) -> None:
    """With a sentence that says what there is."""
    with pytest.raises(ConfigurationError, match=r"event"):
        check_patterns(wrong)


def test_before_the_answer_or_after_it() -> None:
    """As told; left open, only the event that may be an only copy comes before. A handler runs once per event."""
    subscriptions: Subscriptions[str] = Subscriptions()
    subscriptions.add(check_patterns(["*", "form.submitted"]), "open", before_answer=None)
    subscriptions.add(check_patterns(["*"]), "before", before_answer=True)
    subscriptions.add(check_patterns(["*"]), "after", before_answer=False)

    assert subscriptions.split("form.submitted") == (["open", "before"], ["after"])
    assert subscriptions.split("render.failed") == (["before"], ["open", "after"])


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("render.success", "render.succeeded"),
        ("render.succeded", "render.succeeded"),
        ("Render.Failed", "render.failed"),
        ("signature.canceled", "signature.cancelled"),
        ("signatures.*", "signature.*"),
        ("form_submitted", "form.submitted"),
    ],
)
def test_near_misses_are_refused(wrong: str, meant: str) -> None:
    """A misspelt name would never be heard, so it is refused with the name that was meant."""
    with pytest.raises(ConfigurationError, match=rf"did you mean '{re.escape(meant)}'\?"):
        check_patterns([wrong])


@pytest.mark.parametrize("name", [*KNOWN_PATTERNS, "render.queued", "signature.created", "invoice.paid", "form.opened"])
def test_other_unknown_names_are_taken(name: str) -> None:
    """The service may gain events."""
    assert check_patterns([name]) == (name,)
