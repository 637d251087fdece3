"""Failing polls: a wait whose polls all fail says why, and ends early only if no reply will ever be understood."""

import asyncio
import gc
import logging

import pytest

from craftkit_async import ApiError, DecodeError, TransportError, TransportTimeoutError, WaitTimeoutError
from craftkit_async._sansio.polling.failures import Failures
from craftkit_async._sansio.polling.timer_wheel import TICKS
from craftkit_async.testing import FakeReply
from tests.support.cancelling import settle
from tests.support.service import Service, now

virtual_time = pytest.mark.virtual_time

MISFIT = FakeReply(json={"id": 7, "status": "queued"})
HTML = FakeReply(body=b"<html>Bad gateway</html>", headers={"content-type": "text/html"})


@virtual_time
@pytest.mark.parametrize("timeout", [0, 0.3, 20.0])
async def test_the_last_error_is_the_cause_of_a_timeout(timeout: float) -> None:
    """A wait that timed out says why it learned nothing, in its message and as its cause."""
    service = Service(on_poll=lambda _, nth: FakeReply(status=500 + nth))
    async with service.make_client() as craftkit:
        with pytest.raises(WaitTimeoutError, match="the last poll failed: ServerError") as caught:
            await craftkit.wait("x1", timeout=timeout)

    cause = caught.value.__cause__
    assert isinstance(cause, ApiError)
    assert cause.status == 500 + len(service.polls["x1"])


@virtual_time
async def test_a_good_poll_leaves_no_cause() -> None:
    """What failed before it is no reason any more."""
    service = Service(on_poll=lambda _, nth: FakeReply(status=500) if nth < 3 else None)
    async with service.make_client() as craftkit:
        with pytest.raises(WaitTimeoutError) as caught:
            await craftkit.wait("x1", timeout=20.0)

    assert caught.value.__cause__ is None
    assert "failed" not in str(caught.value)


@virtual_time
async def test_replies_that_never_fit_end_the_wait_early() -> None:
    """After ten polls and thirty seconds of JSON that is no render, the wait fails with the error of the last."""
    service = Service(on_poll=lambda *_: MISFIT)
    async with service.make_client() as craftkit:
        waits = [asyncio.ensure_future(craftkit.wait("x1", timeout=None)) for _ in range(2)]
        await asyncio.wait(waits)

        errors = [wait.exception() for wait in waits]
        assert all(isinstance(error, DecodeError) for error in errors)
        assert errors[0] is not errors[1]
        assert len(service.polls["x1"]) == 10
        assert now() >= 30.0
        assert craftkit.statistics().pending == 0


@virtual_time
@pytest.mark.parametrize("other", [HTML, FakeReply(status=500), None, TransportError("the connection broke")])
@pytest.mark.parametrize("nth_other", [1, 4])
async def test_one_other_poll_and_the_wait_goes_on(other: FakeReply | Exception | None, nth_other: int) -> None:
    """A reply of another kind, or one that fits, says that the service may yet be understood."""
    service = Service(on_poll=lambda _, nth: other if nth == nth_other else MISFIT)
    async with service.make_client() as craftkit:
        with pytest.raises(WaitTimeoutError):
            await craftkit.wait("x1", timeout=200.0)

    assert now() == pytest.approx(200.0, abs=0.01)


@virtual_time
async def test_one_warning_while_polls_keep_failing(caplog: pytest.LogCaptureFixture) -> None:
    """A wait is not silent until its deadline: three failures in a row are logged, for one render a minute."""
    service = Service(on_poll=lambda *_: HTML)
    with caplog.at_level(logging.WARNING):
        async with service.make_client() as craftkit:
            waits = [asyncio.ensure_future(craftkit.wait(f"x{n}", timeout=50.0)) for n in range(20)]
            await asyncio.sleep(40.0)
            assert len(caplog.records) == 1
            await asyncio.wait(waits)
            with pytest.raises(WaitTimeoutError):
                await craftkit.wait("y1", timeout=50.0)

    assert [record.args[0] for record in caplog.records if isinstance(record.args, tuple)] == ["x0", "y1"]
    assert "DecodeError" in caplog.text


@virtual_time
@pytest.mark.parametrize("timeout", [0, 1.0])
async def test_a_failure_that_is_kept_keeps_nothing_else(timeout: float) -> None:
    """Neither its traceback nor that of an error in its chain holds the render, or those who waited for it."""

    def answer(_: str, nth: int) -> FakeReply | None:
        if nth == 1:
            raise asyncio.CancelledError
        return MISFIT

    service = Service(on_poll=answer)
    async with service.make_client() as craftkit:
        for _ in range(2):
            waits = [asyncio.ensure_future(craftkit.wait("x1", timeout=timeout))]
            await asyncio.wait(waits)
            assert isinstance(waits.pop().exception(), WaitTimeoutError)
        await settle()
        gc.collect()

        assert len(craftkit._waiting.completions.pending) == 0


def test_a_chain_of_errors_that_leads_back() -> None:
    """A library may chain errors to each other; the chain is followed once."""
    first, second = DecodeError("no", "$.id"), TransportError("no")
    first.__cause__, second.__cause__ = second, first
    failures = Failures(0, is_first_poll=True)
    failures.note(first)

    assert failures.error is first


def test_both_bounds_must_be_reached() -> None:
    """Ten polls within a second, or nine in a minute, prove nothing."""
    fast, slow, both = (Failures(0, is_first_poll=True) for _ in range(3))
    for _ in range(10):
        fast.note(DecodeError("no", "$.id"))
        both.note(DecodeError("no", "$.id"))
    for _ in range(9):
        slow.note(DecodeError("no", "$.id"))

    assert not fast.end_waits(30 * TICKS - 1)
    assert not slow.end_waits(600 * TICKS)
    assert both.end_waits(30 * TICKS)


@pytest.mark.parametrize("error", [DecodeError("not JSON", ""), TransportTimeoutError("late"), ApiError("", 500)])
def test_only_misfits_count(error: ApiError | DecodeError | TransportError) -> None:
    """One failure of another kind, and no number of misfits ends a wait."""
    failures = Failures(0, is_first_poll=True)
    failures.note(error)
    for _ in range(20):
        failures.note(DecodeError("no", "$.id"))

    assert not failures.end_waits(600 * TICKS)


def test_a_good_poll_before_says_that_replies_fit() -> None:
    """Failures that begin after it never end a wait."""
    failures = Failures(0, is_first_poll=False)
    for _ in range(20):
        failures.note(DecodeError("no", "$.id"))

    assert not failures.end_waits(600 * TICKS)
