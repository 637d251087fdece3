"""A batch of any length runs in flat memory."""

import gc
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from craftkit_async import Craftkit, RenderRequest, Request
from craftkit_async.testing import FakeReply, FakeTransport

MEBIBYTE = 2**20


STATUS = Path("/proc/self/status")


def owned() -> int:
    """Return how much memory this process has for itself now, be it in use or swapped out for a while."""
    gc.collect()
    fields = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return sum(int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "VmSwap"))


@pytest.mark.skipif(not STATUS.exists(), reason="memory is read from where Linux tells it")
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
                early = owned()

    assert done == total
    assert owned() - early < 50 * MEBIBYTE


class _Nothing(list[Request]):
    """Keeps nothing: what the transport remembers is not the batch's."""

    def append(self, _: Request) -> None:
        """Forget it."""
