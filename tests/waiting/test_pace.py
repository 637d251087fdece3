"""The pace of a client: polls step back while webhooks bring the answers, and return when those stay away."""

import asyncio
import logging

import pytest

from craftkit_async import Craftkit, WaitTimeoutError
from craftkit_async.testing import FakeReply
from tests.support.cancelling import settle
from tests.support.service import LOST, Service, delivery_of, ended, now

pytestmark = pytest.mark.virtual_time


async def complete_by_webhook(craftkit: Craftkit, count: int) -> None:
    """Let so many renders that are waited for end by webhook."""
    for _ in range(count):
        rendering = asyncio.ensure_future(craftkit.render("t", {}))
        await settle()
        number = craftkit.statistics().submitted
        await craftkit.inbox.receive(*delivery_of(f"r{number}"))
        await rendering


async def polls_within(craftkit: Craftkit, service: Service, seconds: float) -> list[float]:
    """Submit one more, and see at which age it is polled."""
    handle = await craftkit.submit("t", {})
    waiting = asyncio.ensure_future(handle.wait())
    await asyncio.sleep(seconds)
    waiting.cancel()
    await asyncio.wait([waiting])
    return service.ages[handle.id]


async def test_polls_step_back_on_webhooks() -> None:
    """After 32 completions by webhook, polls are a safety net: at 5, 15, 35 s instead of 22 polls."""
    service = Service()
    async with service.make_client() as craftkit:
        await complete_by_webhook(craftkit, 31)
        assert (await polls_within(craftkit, service, 3.0)) == [0.25, 0.75, 1.75]
        await complete_by_webhook(craftkit, 1)

        assert (await polls_within(craftkit, service, 100.0)) == [5.0, 15.0, 35.0, 75.0]


async def test_told_to_expect_webhooks() -> None:
    """Polls step back at once."""
    service = Service()
    async with service.make_client(webhooks="expect") as craftkit:
        assert (await polls_within(craftkit, service, 8.0)) == [5.0]


async def test_told_that_webhooks_are_off() -> None:
    """Polls never step back, whatever comes."""
    service = Service()
    async with service.make_client(webhooks="off") as craftkit:
        await complete_by_webhook(craftkit, 40)
        assert (await polls_within(craftkit, service, 8.0)) == [0.25, 0.75, 1.75, 3.75, 7.75]


async def test_polls_return_when_webhooks_stay_away(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once; what is pending is polled by the new pace at once, and not when the net would have."""
    service = Service(ends_after=4.0)
    async with service.make_client(webhooks="expect") as craftkit:
        with caplog.at_level(logging.WARNING):
            for repeat in range(2):
                service.ends_after = 4.0
                async with asyncio.TaskGroup() as group:
                    for _ in range(17):
                        group.create_task(craftkit.render("t", {}))
                    # Ends by no webhook either, and would next be polled by the net.
                    await asyncio.sleep(4.9)
                    late = await craftkit.submit("t", {})
                    group.create_task(late.wait())
                assert service.ages[late.id][0] == pytest.approx(0.25, abs=0.01)
                assert not craftkit._membership.project.stepped_back
                if not repeat:
                    await complete_by_webhook(craftkit, 32)
                    assert craftkit._membership.project.stepped_back

    assert [record.message for record in caplog.records] == [
        "webhooks bring less than half of the latest renders; polls are back to full pace"
    ]


async def test_only_renders_that_are_waited_for_count() -> None:
    """What nobody waits for is never polled, so its webhook proves nothing about polls."""
    service = Service()
    async with service.make_client() as craftkit:
        handles = [await craftkit.submit("t", {}) for _ in range(40)]
        for handle in handles:
            await craftkit.inbox.receive(*delivery_of(handle.id))

        assert all(handle.source == "webhook" for handle in handles)
        assert not craftkit._membership.project.stepped_back
    assert now() == 0.0


async def test_what_was_learned_survives_a_close() -> None:
    """A client that is opened again knows what it knew about its webhooks."""
    service = Service()
    craftkit = service.make_client()
    async with craftkit:
        await complete_by_webhook(craftkit, 32)
    async with craftkit:
        assert (await polls_within(craftkit, service, 10.0)) == [5.0]


async def test_a_poll_under_way_when_the_pace_changes() -> None:
    """It goes on, and the deadline of its wait stays."""
    service = Service()
    async with service.make_client(webhooks="expect") as craftkit:
        service.on_poll = lambda seen, _: LOST if seen == "x1" else FakeReply(json=ended(seen))
        waiting = asyncio.ensure_future(craftkit.wait("x1", timeout=10.0))
        async with asyncio.TaskGroup() as group:
            for _ in range(17):
                group.create_task(craftkit.render("t", {}))
        assert now() == 5.0
        with pytest.raises(WaitTimeoutError):
            await waiting

        assert now() == pytest.approx(10.0, abs=0.01)
    assert service.polls["x1"] == [0.0]
