"""Durations, moments, what is due, and what runs beside the requests."""

import asyncio
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, strategies as st

from craftkit_async.emulator import Emulator, EmulatorThread
from craftkit_async.emulator.background.clock import Clock
from craftkit_async.emulator.background.latency import parse_latency
from craftkit_async.emulator.background.schedule import Schedule
from craftkit_async.emulator.background.tasks import BackgroundTasks
from craftkit_async.emulator.http.rates import TokenBucket, parse_rate
from craftkit_async.emulator.storage.times import from_iso, to_iso
from craftkit_async.emulator.tokens import TokenSigner


def test_durations_are_constant_uniform_or_log_normal() -> None:
    """The two numbers of the last are its median and its 99th percentile."""
    random = Random(1)  # noqa: S311 - durations are no secret
    drawn = sorted(parse_latency("lognormal(0.42,3)").draw(random) for _ in range(4001))

    assert parse_latency(" .5 ").draw(random) == 0.5
    assert all(0.2 <= parse_latency("0.2..1.5").draw(random) <= 1.5 for _ in range(100))
    assert drawn[2000] == pytest.approx(0.42, rel=0.1)
    assert drawn[3960] == pytest.approx(3, rel=0.25)


@pytest.mark.parametrize("text", ["", "-1", "1..", "2..1", "lognormal(0,1)", "lognormal(3,1)", "lognormal(1)", "1e3"])
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    """With the forms that there are."""
    with pytest.raises(ValueError, match=r"lognormal\(MEDIAN,P99\)"):
        parse_latency(text)


def test_a_bucket_fills_with_time() -> None:
    """One period's worth at once, then as it fills; a clock that goes back gives nothing."""
    bucket = TokenBucket(parse_rate("2/s"))

    assert [bucket.take(moment) for moment in (10.0, 10.0, 10.0, 10.5, 10.5, 9.0, 99.0, 99.0, 99.0)] == [
        True, True, False, True, False, False, True, True, False,
    ]  # fmt: skip  # one line
    with pytest.raises(ValueError, match="at least one request"):
        parse_rate("0/s")


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_moments_are_read_as_they_are_written(moment: int) -> None:
    """To the millisecond, in UTC, from the first year to the last."""
    assert from_iso(to_iso(moment)) == moment


def test_a_moment_needs_a_zone() -> None:
    """Without one it is a different moment for everybody."""
    with pytest.raises(ValueError, match="no time zone"):
        from_iso("2026-06-01T10:00:00")


@pytest.mark.parametrize("change", [lambda _: "", lambda token: token[:-8] + "AAAAAAAA", lambda token: token + "!"])
def test_a_token_that_was_changed_is_worth_nothing(change: Callable[[str], str]) -> None:
    """Whether it is cut, signed by somebody else, or no token at all."""
    signer = TokenSigner(bytes(32))
    token = signer.sign({"sub": "a"})

    assert signer.read(token) == {"sub": "a"}
    assert signer.read(change(token)) is None


def _fail() -> None:
    raise ZeroDivisionError


@pytest.mark.virtual_time
async def test_what_is_due_happens_in_its_order() -> None:
    """One timer for all; what comes earlier winds it anew, and one entry that fails does not hold up the others."""
    loop = asyncio.get_running_loop()
    failures: list[object] = []
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    clock = Clock(loop.time, skew=0.0)
    schedule, done = Schedule(clock), list[str]()
    now = clock.now()
    schedule.at(now + 500, lambda: done.append("b"))
    schedule.at(now + 200, _fail)
    schedule.at(now + 700, done.append, "c")
    schedule.at(now + 100, done.append, "a")
    for number in range(300):
        schedule.at(now + 800, done.append, str(number))
    await asyncio.sleep(1)
    schedule.at(now + 9000, done.append, "never")
    schedule.clear()
    schedule.clear()
    schedule.skip(100)
    await asyncio.sleep(1)

    assert done == ["a", "b", "c", *map(str, range(300))]
    assert [type(failure) for failure in failures] == [ZeroDivisionError]


async def test_background_work_that_fails_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """`close` cancels the tasks that are still running."""
    tasks, ended = BackgroundTasks(), list[str]()

    async def fail() -> None:
        raise ZeroDivisionError

    async def last() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("last")

    tasks.start(fail())
    tasks.start(last())
    await asyncio.sleep(0.01)
    await tasks.close()
    await tasks.close()

    assert "background task failed" in caplog.text
    assert ended == ["last"]


async def test_an_emulator_that_does_not_run_says_so() -> None:
    """Before it is entered and after it has ended."""
    emulator = Emulator(pdf=False)
    with pytest.raises(RuntimeError, match="async with"):
        _ = emulator.renders
    async with emulator:
        assert emulator.renders == []
    await emulator.__aexit__(None, None, None)


async def test_a_port_that_is_taken_leaves_nothing_open(emulator: Emulator) -> None:
    """The error is the system's own."""
    taken = Emulator(pdf=False, port=int(emulator.url.rpartition(":")[2]))
    with pytest.raises(OSError, match="address already in use"):
        await taken.__aenter__()


def test_a_thread_gives_its_errors_to_who_asked() -> None:
    """Whether it cannot start, or a call to it fails."""
    with EmulatorThread(pdf=False) as thread:
        assert thread.call(lambda: thread.emulator.url) == thread.emulator.url
        with pytest.raises(ZeroDivisionError):
            thread.call(lambda: 1 // 0)
        port = int(thread.emulator.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), EmulatorThread(pdf=False, port=port):
            raise AssertionError
