"""The loop on virtual time: it never waits, and says so when no timer could end a wait."""

import asyncio
import time

import pytest

from craftkit_async.testing import VirtualTimeLoop


def test_a_wait_takes_no_time() -> None:
    """A day passes on the clock of the loop, and almost nothing on the machine."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        start = time.monotonic()
        runner.run(asyncio.sleep(86_400))

        assert runner.get_loop().time() == pytest.approx(86_400)
        assert time.monotonic() - start < 3_600


def test_a_wait_that_no_timer_can_end_is_a_deadlock() -> None:
    """It raises instead of hanging."""
    loop = VirtualTimeLoop()
    future = loop.create_future()
    with pytest.raises(RuntimeError, match="deadlock"):
        loop.run_until_complete(future)
    loop.close()

    assert not future.done()
