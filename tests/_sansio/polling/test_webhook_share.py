"""WebhookShare: polls step back on a whole window of webhooks, and return when those stay away."""

import pytest
from hypothesis import given, strategies as st

from craftkit_async._sansio.polling.webhook_share import Mode, WebhookShare


def _note(webhooks: WebhookShare, by_webhook: int, by_poll: int = 0) -> list[bool]:
    came = [True] * by_webhook + [False] * by_poll
    return [webhooks.note(by_webhook=each) for each in came]


def test_steps_back_on_a_whole_window() -> None:
    """32 completions, at least 90 % of them by webhook: 29 of 32 are, 28 are not."""
    webhooks = WebhookShare("auto")
    assert not any(_note(webhooks, 31))
    assert not webhooks.stepped_back
    assert _note(webhooks, 1) == [True]

    for polls, enough in ((3, True), (4, False)):
        mixed = WebhookShare("auto")
        for each in [False] * polls + [True] * (32 - polls):
            mixed.note(by_webhook=each)
        assert mixed.stepped_back is enough


@pytest.mark.parametrize("mode", ["auto", "expect"])
def test_returns_under_half(mode: Mode) -> None:
    """16 of 32 are enough to stay back, 15 are not."""
    webhooks = WebhookShare(mode)
    _note(webhooks, 32)
    assert not any(_note(webhooks, 0, 16))
    assert webhooks.stepped_back
    assert _note(webhooks, 0, 1) == [True]
    assert not any(_note(webhooks, 0, 40))

    assert _note(webhooks, 32).count(True) == 1
    assert webhooks.stepped_back


def test_expect_steps_back_at_once() -> None:
    """It takes for granted what `auto` wants to see."""
    assert WebhookShare("expect").stepped_back
    assert not WebhookShare("auto").stepped_back


def test_off_never_steps_back() -> None:
    """Whatever comes."""
    webhooks = WebhookShare("off")

    assert not any(_note(webhooks, 100, 100))
    assert not webhooks.stepped_back


@given(st.lists(st.booleans(), max_size=200), st.sampled_from(["auto", "expect"]))
def test_as_counted_anew_each_time(came: list[bool], mode: Mode) -> None:
    """The running count is the count of the last 32."""
    webhooks = WebhookShare(mode)
    back = mode == "expect"
    past = [True] * 32 if back else []
    for each in came:
        past.append(each)
        share = sum(past[-32:]) / 32
        should = share >= 0.5 if back else len(past) >= 32 and share >= 0.9

        assert webhooks.note(by_webhook=each) == (should != back)
        back = should
        assert webhooks.stepped_back == back
