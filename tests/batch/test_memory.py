"""A batch of any length runs in flat memory."""

import gc
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from craftkit_async import Craftkit, RenderRequest, Request
from craftkit_async.testing import FakeReply, FakeTransport

MEBIBYTE = 2**20


def resident() -> int:
    """Return how much memory this process has now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from where Linux tells it")
@pytest.mark.parametrize("total", [50_000, pytest.param(1_000_000, marks=pytest.mark.full)])
async def test_memory_does_not_grow_with_the_rows(total: int) -> None:
    """From the first thousand to the last, by less than 50 MB, with a key of its own for each row."""
    numbers = count()

    def answer(_: Request) -> FakeReply:
        ended = {"createdAt": "2026-01-01T00:00:00Z", "completedAt": "2026-01-01T00:00:01Z"}
        return FakeReply(json={"id": f"r{next(numbers)}", "status": "succeeded", **ended})

    def rows() -> Iterator[RenderRequest]:
        return (RenderRequest("invoice", {"number": number}, key=f"order {number}") for number in range(total))

    transport = FakeTransport(answer)
    transport.requests = _Nothing()
    done, early = 0, 0
    async with Craftkit("ck_test_memory", transport=transport) as craftkit:
        async for outcome in craftkit.render_many(rows(), concurrency=100):
            done += outcome.ok
            if done == 1000:
                early = resident()

    assert done == total
    assert resident() - early < 50 * MEBIBYTE


class _Nothing(list[Request]):
    """Keeps nothing: what the transport remembers is not the batch's."""

    def append(self, _: Request) -> None:
        """Forget it."""
