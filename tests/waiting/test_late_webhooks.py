"""Late webhooks: one that comes soon after a poll completed its render counts as a webhook; polls step back for it."""

import asyncio
import gc
from math import inf

import pytest

from craftkit_async._sansio.polling.webhook_share import WebhookShare
from craftkit_async.waiting import late_webhooks
from craftkit_async.waiting.late_webhooks import LateWebhooks
from craftkit_async.waiting.projects import Project, ProjectSecrets
from craftkit_async.waiting.relay import SignedRender
from tests.support.cancelling import settle
from tests.support.relays import two_processes
from tests.support.service import SECRET, Service, delivery_of

pytestmark = pytest.mark.virtual_time


async def render_with_webhook(service: Service, count: int, *, delay: float, mode: str = "auto") -> bool:
    """Complete renders by polls, each with a webhook so long after it; have polls stepped back?"""
    async with service.make_client(webhooks=mode) as craftkit:
        for n in range(count):
            await craftkit.render("t", {})
            await asyncio.sleep(delay)
            await craftkit.inbox.receive(*delivery_of(f"r{n + 1}"))
        assert craftkit.statistics().completed_by_poll == count
        return craftkit._session.project.stepped_back


@pytest.mark.parametrize(("delay", "steps_back"), [(0.3, True), (4.9, True), (5.1, False)])
async def test_polls_step_back_for_webhooks_that_come_late(delay: float, steps_back: bool) -> None:  # noqa: FBT001
    """Within `net_first` after the poll, though nobody holds the render any more."""
    assert await render_with_webhook(Service(ends_after=0.0), 32, delay=delay) is steps_back


async def test_one_webhook_too_few() -> None:
    """As with webhooks that come first, it takes a whole window."""
    assert not await render_with_webhook(Service(ends_after=0.0), 31, delay=0.3)


async def test_many_at_once() -> None:
    """Hundreds of completions lie between a poll and its webhook, and count all the same."""
    service = Service(ends_after=0.0)
    async with service.make_client() as craftkit, asyncio.TaskGroup() as group:
        for _ in range(300):
            group.create_task(craftkit.render("t", {}))
        await asyncio.sleep(0.5)
        assert craftkit.statistics().completed_by_poll == 300
        for n in range(300):
            await craftkit.inbox.receive(*delivery_of(f"r{n + 1}"))

        assert craftkit._session.project.stepped_back


async def test_without_webhooks_polls_never_step_back() -> None:
    """What no webhook claims counts as completed by polls, as soon as its time is over."""
    service = Service(ends_after=0.0)
    async with service.make_client() as craftkit:
        for _ in range(40):
            await craftkit.render("t", {})
        await asyncio.sleep(6.0)
        for n in range(40):
            await craftkit.inbox.receive(*delivery_of(f"r{n + 1}"))

        assert not craftkit._session.project.stepped_back
        assert craftkit._waiting.completions._sources.by_poll == {}


async def test_a_net_that_is_a_moment_faster_than_webhooks() -> None:
    """While polls have stepped back, their completions count at once, and are amended by the webhook."""
    assert await render_with_webhook(Service(ends_after=4.9), 40, delay=0.1, mode="expect")


async def test_a_webhook_of_another_project_claims_nothing() -> None:
    """Its secret says nothing about the webhooks of the project that polled."""
    service = Service(ends_after=0.0)
    async with service.make_client() as craftkit:
        other = craftkit.with_api_key("ck_test_other", webhook_secret="whsec_other")
        for n in range(40):
            await craftkit.render("t", {})
            await craftkit.inbox.receive(*delivery_of(f"r{n + 1}", secret="whsec_other"))

        assert not craftkit._session.project.stepped_back
        assert not other._session.project.stepped_back


@pytest.mark.parametrize("secret", [SECRET, "whsec_forged"])
async def test_webhooks_that_another_process_received(secret: str) -> None:
    """What the relay brings late counts as well, once it was verified."""
    service = Service(ends_after=0.0)
    here, _, relay, _ = two_processes(service)
    async with here:
        for n in range(32):
            await here.render("t", {})
            body, headers = delivery_of(f"r{n + 1}", secret=secret)
            relay.hear(f"r{n + 1}", SignedRender(body, headers["x-craftkit-signature"]))
            await settle()

        assert here._session.project.stepped_back is (secret == SECRET)


async def test_without_a_secret_nothing_is_kept() -> None:
    """No webhook can come, so each completion counts at once."""
    service = Service(ends_after=0.0)
    async with service.make_client(webhook_secret=None) as craftkit:
        await craftkit.render("t", {})

        assert craftkit._waiting.completions._sources.by_poll == {}
        assert craftkit._session.project.webhook_share.noted == 1


_SECRETS = ProjectSecrets(SECRET)


def make(grace: float = 5.0) -> tuple[LateWebhooks, Project, list[str]]:
    returned: list[str] = []
    project = Project("p", "auto")
    project.secrets.add(_SECRETS)
    return LateWebhooks(grace, lambda: returned.append("full pace")), project, returned


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest makes room, and counts as completed by a poll."""
    monkeypatch.setattr(late_webhooks, "_MOST_KEPT", 10)
    sources, project, _ = make(inf)
    for n in range(50):
        sources.note(project, f"r{n}", 0.0, by_webhook=False)

    assert list(sources.by_poll) == [f"r{n}" for n in range(40, 50)]
    assert project.webhook_share.noted == 40


async def test_a_project_that_is_gone_counts_nothing() -> None:
    """What is kept does not keep its project."""
    sources, project, _ = make()
    sources.note(project, "r1", 0.0, by_webhook=False)
    sources.note(project, "r2", 0.0, by_webhook=False)
    del project
    gc.collect()
    sources.claim([], "r1", 1.0)
    _, other, _ = make()
    sources.note(other, "r3", 9.0, by_webhook=True)

    assert sources.by_poll == {}
    assert other.webhook_share.noted == 1


async def test_polls_return_when_what_was_undecided_says_so() -> None:
    """Completions from before polls stepped back count when their time is over, and may be the ones too many."""
    sources, project, returned = make()
    for n in range(20):
        sources.note(project, f"r{n}", 0.0, by_webhook=False)
    for n in range(32):
        sources.note(project, f"w{n}", 1.0, by_webhook=True)
    assert project.webhook_share.stepped_back
    sources.claim([project], "r99", 6.0)

    assert returned == ["full pace"]
    assert not project.webhook_share.stepped_back


def test_only_the_latest_are_amended() -> None:
    """What has left the window counts no more, and what came by webhook came by webhook."""
    share = WebhookShare("expect")
    share.note(by_webhook=False)
    first = share.noted
    assert not share.amend(first)
    for _ in range(15):
        share.note(by_webhook=False)
    last = share.noted
    assert not share.amend(last)
    assert not share.amend(last)
    # Sixteen of the last 32 would be by poll without the two that were amended.
    assert not any(share.note(by_webhook=False) for _ in range(2))
    assert share.note(by_webhook=False)
    for _ in range(32):
        share.note(by_webhook=True)
    assert not share.amend(last)
    assert not WebhookShare("off").amend(1)
