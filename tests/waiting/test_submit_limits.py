"""Limits of submits: the side that set the limit says what ended a submit, and closing gives its key back."""

import asyncio
from typing import Any

import pytest

from craftkit_async import (
    ClientStateError,
    ConfigurationError,
    Craftkit,
    Limits,
    RetryPolicy,
    Timeouts,
    TransportTimeoutError,
    WaitTimeoutError,
)
from craftkit_async.observe.events import Abandoned
from craftkit_async.testing import FakeReply, FakeTransport, VirtualTimeLoop
from tests.support.cancelling import settle
from tests.support.observing import Recorder
from tests.support.service import LOST, Service, now

virtual_time = pytest.mark.virtual_time


@pytest.mark.parametrize("retries", [RetryPolicy(), RetryPolicy(total=None), RetryPolicy(total=5.0)])
def test_a_timer_that_comes_early(retries: RetryPolicy) -> None:
    """A loop may call a timer a moment early; the limit that ended the submit is its own all the same."""

    async def play() -> None:
        loop = asyncio.get_running_loop()
        loop._clock_resolution = 0.002  # type: ignore[attr-defined]  # so early does asyncio call its timers then
        service = Service(on_submit=lambda _: LOST)
        async with service.make_client(retries=retries) as craftkit:
            loop.call_at(4.999, lambda: None)
            with pytest.raises(WaitTimeoutError):
                await craftkit.submit("t", {}, timeout=5.0)
            assert now() == 4.999
            assert craftkit.statistics().timed_out == 1
            assert craftkit.statistics().in_flight == 0
        assert len(service.keys) == 1

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(play())


async def _outcomes() -> list[str]:
    transport = FakeTransport(lambda _: LOST)
    async with Craftkit("ck_test_key", transport=transport) as craftkit:
        submits = [craftkit.submit("t", {}, timeout=0.001 + n / 10_000) for n in range(100)]
        errors = [type(error).__name__ for error in await asyncio.gather(*submits, return_exceptions=True)]  # noqa: TID251 - errors as values are the point
        assert craftkit.statistics().timed_out == 100
        return errors


def test_on_uvloop() -> None:
    """Its timers may come a millisecond early."""
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert set(runner.run(_outcomes())) == {"WaitTimeoutError"}


@virtual_time
async def test_a_limit_that_ends_the_wait_for_a_slot() -> None:
    """If the limit of the submit came first, it is a `WaitTimeoutError`; otherwise the error of the wait for a slot."""
    service = Service(on_submit=lambda _: LOST)
    limits = Limits(requests=1, first_requests=1)
    async with service.make_client(limits=limits, retries=RetryPolicy(total=10.0)) as craftkit:
        first = asyncio.ensure_future(craftkit.submit("t", {}, timeout=None))
        await settle()
        with pytest.raises(WaitTimeoutError) as caught:
            await craftkit.submit("t", {}, timeout=2.0)
        assert "no slot" in str(caught.value.__cause__) or "no place" in str(caught.value.__cause__)
        with pytest.raises(TransportTimeoutError):
            await craftkit.submit("t", {}, timeout=20.0)
        first.cancel()

    assert now() == 12.0


@virtual_time
async def test_an_attempt_that_ends_at_its_own_limit() -> None:
    """One attempt has `Timeouts.request`; the submit goes on until its own limit."""
    service = Service(on_submit=lambda _: LOST)
    retries = RetryPolicy(first_delay=0.01, max_delay=0.01)
    async with service.make_client(timeouts=Timeouts(request=2.0), retries=retries) as craftkit:
        with pytest.raises(WaitTimeoutError):
            await craftkit.submit("t", {}, timeout=9.0)

    assert now() == 9.0
    assert len(service.keys) == 5


@virtual_time
@pytest.mark.parametrize("key", [None, "mine"])
@pytest.mark.parametrize("stage", ["under way", "waits for a slot", "pauses", "bounded"])
async def test_a_submit_that_is_ended_by_closing(stage: str, key: str | None) -> None:
    """It raises `ClientStateError` with its key, and the observers learn of the key as well."""
    recorder = Recorder()
    service = Service(on_submit=lambda _: FakeReply(status=503) if stage == "pauses" else LOST)
    craftkit = service.make_client(
        observers=[recorder],
        limits=Limits(requests=1, first_requests=1),
        retries=RetryPolicy(first_delay=50.0, max_delay=50.0, total=None),
    )
    reading: asyncio.Task[Any] | None = None
    if stage == "waits for a slot":
        reading = asyncio.ensure_future(craftkit.wait("x1"))
        service.on_poll = lambda *_: LOST
        await settle()
    submit: Any = craftkit.render if stage == "bounded" else craftkit.submit
    submitting = asyncio.ensure_future(
        submit("t", {}, idempotency_key=key, timeout=20.0 if stage == "bounded" else None)
    )
    await settle()
    await craftkit.aclose()

    await asyncio.wait([submitting])
    error = submitting.exception()
    assert isinstance(error, ClientStateError)
    told = [event for event in recorder.events if isinstance(event, Abandoned)]
    assert [event.template for event in told] == ["t"]
    assert error.idempotency_key == told[0].idempotency_key == (key or told[0].idempotency_key)
    assert set(service.keys) <= {error.idempotency_key}
    assert "idempotency key" in str(error)
    if reading is not None:
        await asyncio.wait([reading])
        assert isinstance(reading.exception(), ClientStateError)


@virtual_time
async def test_a_submit_after_closing_is_no_abandoned_one() -> None:
    """Nothing was begun: there is no key, and nothing to tell."""
    recorder = Recorder()
    craftkit = Service().make_client(observers=[recorder])
    await craftkit.aclose()
    with pytest.raises(ClientStateError) as caught:
        await craftkit.submit("t", {})

    assert caught.value.idempotency_key is None
    assert recorder.events == []


@virtual_time
async def test_zero_is_no_limit_of_a_submit() -> None:
    """`timeout=0` is for waits; a submit that is given no time is a mistake, told before any request."""
    service = Service()
    async with service.make_client() as craftkit:
        for begin in (craftkit.submit, craftkit.render):
            with pytest.raises(ConfigurationError, match="timeout"):
                await begin("t", {}, timeout=0)

    assert service.transport.requests == []
