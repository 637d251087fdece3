"""Threads: deliveries that come in elsewhere than where the client runs."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

from craftkit_async import Craftkit, Receipt
from tests.support.cancelling import settle
from tests.support.service import SECRET, Service, delivery_of


def test_two_threads_get_the_same_inbox_and_completions() -> None:
    """A receiver on another thread may be the first to ask."""
    with ThreadPoolExecutor(4) as threads:
        for _ in range(20):
            craftkit = Service().make_client()
            asked = [threads.submit(getattr, craftkit, "inbox") for _ in range(4)]
            assert len({id(inbox.result()._deliveries) for inbox in asked}) == 1


def test_who_waits_for_the_lock_takes_what_the_other_made() -> None:
    """Two that found nothing at the same time make one."""
    waiting = Service().make_client()._waiting
    made = waiting.completions

    assert waiting._make_completions() is made
    assert waiting._make_deliveries() is waiting._make_deliveries()


async def test_a_forged_request_binds_no_client() -> None:
    """A receiver's loop becomes the client's only with a genuine delivery."""
    craftkit = Service().make_client()
    forged = await asyncio.to_thread(lambda: asyncio.run(_receive(craftkit, "forged")))
    assert forged.status == 401
    async with craftkit:
        assert craftkit.statistics().refused == 1
        await craftkit.submit("t", {})


async def test_a_refusal_on_another_loop_is_counted_on_the_clients() -> None:
    """And answered where it came in, without waiting for the client."""
    craftkit = Service().make_client()
    async with craftkit:
        receipts: list[Receipt] = []
        thread = Thread(target=lambda: receipts.append(asyncio.run(_receive(craftkit, "forged"))))
        thread.start()
        thread.join()
        assert receipts[0].status == 401
        assert craftkit.statistics().refused == 0
        await settle()
        assert craftkit.statistics().refused == 1


async def test_a_refusal_when_the_clients_loop_is_closed() -> None:
    """It is counted where it came in."""
    craftkit = Craftkit("ck_test_key", webhook_secret=SECRET)

    async def open_it() -> None:
        craftkit._runtime.check()

    await asyncio.to_thread(lambda: asyncio.run(open_it()))
    receipt = await craftkit.inbox.receive(*delivery_of("x1", secret="forged"))
    assert receipt.status == 401
    assert craftkit.statistics().refused == 1
    await craftkit.aclose()


async def _receive(craftkit: Craftkit, secret: str) -> Receipt:
    return await craftkit.inbox.receive(*delivery_of("x1", secret=secret))
