"""Polls: when a render is polled, what each answer means, and how a wait ends."""

import asyncio
import logging
import types
from collections.abc import Coroutine, Generator
from functools import partial
from itertools import pairwise
from math import inf
from typing import Any

import pytest

from craftkit_async import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    CraftkitError,
    DecodeError,
    ForbiddenError,
    Limits,
    NotFoundError,
    PaymentRequiredError,
    PollPolicy,
    Render,
    RenderFailedError,
    Timeouts,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)
from craftkit_async.observe.events import Event
from craftkit_async.testing import FakeReply
from craftkit_async.waiting.pending import Pending, Waiter
from tests.support.cancelling import other_tasks, settle
from tests.support.observing import Recorder
from tests.support.service import LOST, MOMENT, Service, delivery_of, ended, now

pytestmark = pytest.mark.virtual_time


# -- when


async def test_exact_pace() -> None:
    """Polls come 0.25 s after the submit's answer, then at gaps that double up to 5 s, and end with the wait."""
    service = Service(ends_after=20.0, latency=0.125)
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        assert now() == 0.125
        service.latency = 0.0

        assert (await handle).is_succeeded

        await asyncio.sleep(100)
    assert service.ages == {"r1": [0.25, 0.75, 1.75, 3.75, 7.75, 12.75, 17.75, 22.75]}


async def test_slow_polls_put_off_the_next() -> None:
    """The gap counts from the answer of a poll, so a slow service is not polled more than a fast one."""
    service = Service(ends_after=2.0)
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        service.latency = 0.5

        await handle

    assert service.polls == {"r1": [0.25, 1.75, 4.75]}


async def test_waiting_for_an_id_from_elsewhere_polls_at_once() -> None:
    """Nobody knows how old it is: the first poll is now, and the pace counts from there."""
    service = Service(ends_after=101.0)
    service.begun["r9"] = 0.0
    async with service.make_client() as craftkit:
        await asyncio.sleep(100)
        assert (await craftkit.wait("r9")).id == "r9"

    assert service.polls == {"r9": [100.0, 100.25, 100.75, 101.75]}


async def test_awaiting_an_old_handle_polls_at_once() -> None:
    """A handle that was put aside longer than its next gap is polled in the moment in which somebody waits."""
    service = Service(ends_after=5.0)
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        await asyncio.sleep(10)
        assert service.polls == {}

        await handle

    assert (service.polls, now()) == ({"r1": [10.0]}, 10.0)


async def test_polls_run_only_while_somebody_waits() -> None:
    """With the last waiter the polls end, and the next one takes up the pace where it was."""
    service = Service()
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        for limit in (1.0, 2.0):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(limit):
                    await handle
            await asyncio.sleep(10)

        assert craftkit.statistics().pending == 0
        assert craftkit.statistics().timed_out == 0
    assert service.polls == {"r1": [0.25, 0.75, 11.0]}


async def test_a_jittered_pace_stays_within_its_share() -> None:
    """By default gaps vary by a fifth, so that renders submitted together part."""
    service = Service(ends_after=9.0)
    async with service.make_client(polling=PollPolicy()) as craftkit, asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(craftkit.render("t", {}))

    firsts = {polls[0] for polls in service.polls.values()}
    assert len(firsts) > 5
    assert 0.2 <= min(firsts) < max(firsts) <= 0.31


async def test_polls_move_to_where_renders_end() -> None:
    """After thirty durations of a template are known, its renders are polled when they end, and rarely before."""
    service = Service(ends_after=3.0)
    service.on_poll = lambda seen, _: (
        FakeReply(json={**ended(seen), "completedAt": "2026-01-01T00:00:03.000Z"})
        if now() - service.begun[seen] >= 3.0
        else None
    )
    async with service.make_client(polling=PollPolicy(jitter=0.0)) as craftkit:
        for _ in range(40):
            await craftkit.render("t", {})

    assert len(service.polls["r1"]) == 4
    assert len(service.polls["r40"]) <= 2


@pytest.mark.parametrize("fails", [False, True])
async def test_a_service_whose_clocks_differ_misleads_no_plan(fails: bool) -> None:  # noqa: FBT001 - a column
    """Its durations say 2.5 s, polls see half a second: they settle there, whether or not one fails now and then."""
    service = Service(ends_after=0.5)
    later = "2026-01-01T00:00:02.500Z"

    def answer(seen: str, nth: int) -> FakeReply | None:
        if fails and nth == 1 and int(seen[1:]) % 8 == 0:
            return FakeReply(status=500)
        if now() - service.begun[seen] < 0.5:
            return None
        return FakeReply(json={**ended(seen), "completedAt": later})

    service.on_poll = answer
    async with service.make_client(polling=PollPolicy(jitter=0.0)) as craftkit:
        for _ in range(100):
            await craftkit.render("t", {})

    assert 0.5 <= service.ages["r99"][-1] < 0.75


async def test_renders_of_the_same_moment_share_a_timer() -> None:
    """Hundreds of waits cost no task of ours and no timer each."""
    service = Service()
    async with service.make_client(limits=Limits(requests=8)) as craftkit:
        before = len(other_tasks())
        waits = [asyncio.ensure_future(craftkit.wait(f"x{n}", timeout=None)) for n in range(300)]
        await asyncio.sleep(60.0)
        polls = [task for task in other_tasks() if task not in waits]

        assert len(polls) - before <= 8
        assert craftkit.statistics().pending == 300
        assert len(asyncio.get_running_loop()._scheduled) < 50  # type: ignore[attr-defined]  # asyncio's own timers
        for wait in waits:
            wait.cancel()
        await settle()
        assert craftkit.statistics().pending == 0


async def test_no_more_polls_at_once_than_requests_allowed() -> None:
    """Who is due waits in a line for one of `Limits.requests` polls."""
    service = Service(ends_after=0.0, latency=1.0)
    most = 0

    def note(_id: str, _nth: int) -> None:
        nonlocal most
        most = max(most, service.transport.in_flight)

    service.on_poll = note
    async with service.make_client(limits=Limits(requests=3)) as craftkit, asyncio.TaskGroup() as group:
        for n in range(10):
            group.create_task(craftkit.wait(f"x{n}"))

    assert [polls for _, polls in sorted(service.polls.items())] == [[float(n // 3)] for n in range(10)]
    assert most <= 3


async def test_polls_do_not_starve_behind_submits() -> None:
    """Of the slots, every eighth goes to a poll: a wait among endless submits is polled, and completes."""
    service = Service(ends_after=0.0, latency=0.5)
    async with service.make_client(limits=Limits(requests=1, first_requests=1)) as craftkit:

        async def submit_for_ever() -> None:
            while True:
                await craftkit.submit("t", {})

        submitters = [asyncio.ensure_future(submit_for_ever()) for _ in range(5)]
        await settle()
        assert (await craftkit.wait("x1", timeout=60.0)).is_succeeded
        for submitter in submitters:
            submitter.cancel()

    assert now() < 6.0


async def test_a_wait_in_the_queue_has_a_deadline() -> None:
    """Who is due, but never gets to poll, gives up in time all the same; who leaves the line is not polled."""
    service = Service(on_poll=lambda *_: LOST)
    async with service.make_client(limits=Limits(requests=1)) as craftkit:
        first = asyncio.ensure_future(craftkit.wait("x1", timeout=20.0))
        await settle()
        leaving = asyncio.ensure_future(craftkit.wait("x2", timeout=None))
        await settle()
        leaving.cancel()
        with pytest.raises(WaitTimeoutError):
            await craftkit.wait("x3", timeout=10.0)
        assert now() == 10.0
        with pytest.raises(WaitTimeoutError):
            await first

    assert service.polls == {"x1": [0.0]}


async def test_who_leaves_the_queue_is_not_polled() -> None:
    """Nobody waits for what a poll would find."""
    service = Service(ends_after=0.0, latency=1.0)
    async with service.make_client(limits=Limits(requests=1)) as craftkit:
        waits = [asyncio.ensure_future(craftkit.wait(f"x{n}")) for n in range(3)]
        await settle()
        waits[1].cancel()
        await asyncio.wait(waits)

    assert service.polls == {"x0": [0.0], "x2": [1.0]}


async def test_several_waiters_share_one_poll() -> None:
    """However many wait for an id, it is polled as if one did, whenever they come."""
    service = Service(ends_after=3.0)
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(craftkit.wait("r1")) for _ in range(3)]
            waits.append(group.create_task(handle.wait()))
            await asyncio.sleep(1.0)
            waits.append(group.create_task(craftkit.attach("r1").wait(timeout=50.0)))

    assert len({id(wait.result()) for wait in waits}) == 1
    assert service.polls == {"r1": [0.25, 0.75, 1.75, 3.75]}


async def test_thousands_wait_for_one_id() -> None:
    """Joining, leaving and completing cost the same however many wait: no step goes through all the others."""
    service = Service(ends_after=300.0)
    async with service.make_client() as craftkit:
        handle = craftkit.attach("x1")
        listed = 0
        entry = handle._entry

        class Counted(Pending):
            __slots__ = ()

            def all_waiters(self) -> list[Waiter]:
                nonlocal listed
                waiters = super().all_waiters()
                listed += len(waiters)
                return waiters

        entry.__class__ = Counted
        waits = [asyncio.ensure_future(handle.wait(timeout=100.0 + n / 100)) for n in range(2000)]
        await settle()
        for wait in waits[1:]:
            wait.cancel()
        await settle()
        assert not waits[0].done()
        waits[0].cancel()
        await settle()

        assert craftkit.statistics().pending == 0
    # A poll and a deadline go through all of them, but they are few.
    assert listed < 10 * 2000


@pytest.mark.parametrize("how", ["wait", "handle.wait", "await handle", "render"])
async def test_a_closed_coroutine_waits_no_more(how: str) -> None:
    """A coroutine that is closed instead of cancelled, as by a framework that drives it itself, ends its polls too."""
    service = Service()
    async with service.make_client() as craftkit:
        handle = craftkit.attach("r1")

        async def await_it() -> Render:
            return await handle

        begin: dict[str, Any] = {
            "wait": partial(craftkit.wait, "r1", timeout=None),
            "handle.wait": partial(handle.wait, timeout=None),
            "await handle": await_it,
            "render": partial(craftkit.render, "t", {}, timeout=None),
        }
        coroutine = begin[how]()
        closing = Closing(coroutine)
        await asyncio.ensure_future(closing.drive())

        assert craftkit.statistics().pending == 0
        polls = len(service.polls.get("r1", ()))
        await asyncio.sleep(100.0)
        assert len(service.polls.get("r1", ())) == polls


class Closing:
    """Runs a coroutine until it waits for a render, and closes it there."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    @types.coroutine
    def drive(self) -> Generator[Any, Any, None]:
        waited = self._coroutine.send(None)
        while not isinstance(waited, Waiter):
            yield waited
            waited = self._coroutine.send(None)
        # As a task does before it waits for a future, which then refuses to be waited for twice.
        waited._asyncio_future_blocking = False
        self._coroutine.close()


async def test_a_coroutine_that_is_closed_after_its_deadline_disturbs_nobody() -> None:
    """Its waiter has left already; the other one of the render goes on."""
    service = Service(ends_after=5.0)
    async with service.make_client() as craftkit:
        late = craftkit.wait("r1", timeout=1.0)
        late.send(None)
        await asyncio.sleep(2.0)
        other = asyncio.ensure_future(craftkit.wait("r1"))
        await settle()
        late.close()

        assert (await other).is_succeeded


async def test_a_closed_coroutine_of_one_poll_leaves_nothing() -> None:
    """With `timeout=0` there is no waiter to remove, only a call to end."""
    service = Service(on_poll=lambda *_: LOST)
    async with service.make_client() as craftkit:
        polling = craftkit.wait("x1", timeout=0)
        polling.send(None)
        assert craftkit.statistics().in_flight == 1
        polling.close()

        assert craftkit.statistics().in_flight == 0


async def test_who_comes_while_a_poll_is_under_way_shares_it() -> None:
    """A poll that was begun for one who left serves the next."""
    service = Service(ends_after=0.0, latency=1.0)
    async with service.make_client() as craftkit:
        handle = craftkit.attach("x1")
        first = asyncio.ensure_future(handle.wait(timeout=None))
        await asyncio.sleep(0.5)
        first.cancel()
        await settle()

        await handle.wait(timeout=5.0)

    assert (service.polls, now()) == ({"x1": [0.0]}, 1.0)


# -- deadlines


ANSWERS: dict[str, Any] = {
    "lost": LOST,
    "slow": FakeReply(after=40.0, json=ended("r1")),
    "reset": TransportError("the connection broke"),
    "500": FakeReply(status=500),
    "429": FakeReply(status=429),
    "HTML": FakeReply(body=b"<html>Bad gateway</html>", headers={"content-type": "text/html"}),
    "cut": FakeReply(json=ended("r1"), cut_at=7),
    "another shape": FakeReply(json={"status": "succeeded"}),
    "unheard of": FakeReply(json={"id": "r1", "status": "resting"}),
    "under way": FakeReply(json={"id": "r1", "status": "queued"}),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("limit", [0.001, 0.01, 0.1, 1.0, 10.0, 30.0])
async def test_no_wait_hangs(answer: Any, limit: float) -> None:
    """Whatever is answered, or nothing: the wait ends at its deadline, after a poll, and its error names the render."""
    service = Service(on_poll=lambda *_: answer)
    recorder = Recorder()
    async with service.make_client(observers=[recorder]) as craftkit:
        handle = await craftkit.submit("t", {}, idempotency_key="k1")
        start = now()
        with pytest.raises(WaitTimeoutError, match="r1") as caught:
            await handle.wait(timeout=limit)

        assert now() - start == pytest.approx(limit, abs=0.01)
        assert (caught.value.render_id, caught.value.idempotency_key) == ("r1", "k1")
        statistics = craftkit.statistics()
        assert (statistics.pending, statistics.timed_out) == (0, 1)
        assert statistics.polls == len(service.polls["r1"])
    assert recorder.names.count("TimedOut") == 1


@pytest.mark.parametrize("limit", [0.1, 0.3, 1.0, 3.0, 10.0, 100.0, 299.0])
async def test_one_last_poll_before_the_deadline(limit: float) -> None:
    """A render that ended shortly before the deadline is found by the last poll, and not given up."""
    service = Service(ends_after=limit - min(1.25, limit / 4))
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})

        assert (await handle.wait(timeout=limit)).is_succeeded

    assert now() <= limit


@pytest.mark.parametrize("limit", [1e-9, 0.001, 0.01, 0.03])
async def test_the_shortest_waits_poll_too(limit: float) -> None:
    """However short a wait is, one poll belongs to it."""
    service = Service(ends_after=0.0)
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        await asyncio.sleep(0.125)

        assert (await handle.wait(timeout=limit)).is_succeeded


@pytest.mark.parametrize("limit", [None, 1e308, 1e300])
async def test_no_limit(limit: float | None) -> None:
    """None is no limit, and neither is more than anybody lives."""
    service = Service(ends_after=1000.0)
    async with service.make_client() as craftkit:
        assert (await craftkit.render("t", {}, timeout=limit)).is_succeeded
    assert now() > 1000.0


async def test_each_waiter_has_its_own_deadline() -> None:
    """One that gives up leaves the others waiting."""
    service = Service(ends_after=4.0)
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        short = asyncio.ensure_future(handle.wait(timeout=1.0))
        none = asyncio.ensure_future(handle.wait(timeout=None))
        long = asyncio.ensure_future(craftkit.wait("r1", timeout=5.0))
        await asyncio.wait([short])
        assert now() == pytest.approx(1.0, abs=0.01)

        assert await none is await long
        assert isinstance(short.exception(), WaitTimeoutError)


async def test_a_deadline_during_a_poll() -> None:
    """Who gives up while a poll is under way gives up then; the poll serves who still waits."""
    service = Service(ends_after=0.0, latency=3.0)
    async with service.make_client() as craftkit:
        handle = craftkit.attach("x1")
        short = asyncio.ensure_future(handle.wait(timeout=1.0))
        await settle()

        assert (await handle.wait(timeout=10.0)).is_succeeded

        assert isinstance(short.exception(), WaitTimeoutError)
        assert now() == 3.0


async def test_an_observer_that_cancels_who_gives_up() -> None:
    """Being told of a wait's end, an observer may end it itself; the waits after it still come to their end."""
    tasks: list[asyncio.Task[Any]] = []

    class Canceller:
        def on_event(self, _: object) -> None:
            for task in tasks:
                task.cancel()

    service = Service(on_poll=lambda *_: LOST)
    async with service.make_client() as craftkit:
        both = [craftkit.wait("x1", timeout=1.0), craftkit.wait("x1", timeout=1.0), craftkit.wait("x2", timeout=1.0)]
        tasks += [asyncio.ensure_future(both[0])]
        others = [asyncio.ensure_future(wait) for wait in both[1:]]
        await asyncio.sleep(0.5)
        craftkit._runtime.settings.observers._observers = (Canceller(),)
        await asyncio.wait([*tasks, *others])

    assert tasks[0].cancelled()
    assert all(isinstance(other.exception(), WaitTimeoutError) for other in others)


async def test_an_observer_that_cancels_who_would_give_up_next() -> None:
    """A wait that was cancelled in the moment of its deadline did not time out, and is not counted as if it had."""
    service, recorder = Service(on_poll=lambda *_: LOST), Recorder()

    class CancelsSecond:
        def on_event(self, event: Event) -> None:
            recorder.on_event(event)
            second.cancel()

    async with service.make_client(observers=[CancelsSecond()]) as craftkit:
        first = asyncio.ensure_future(craftkit.wait("x1", timeout=1.0))
        second = asyncio.ensure_future(craftkit.wait("x1", timeout=1.0))
        await asyncio.wait([first, second])

        assert isinstance(first.exception(), WaitTimeoutError)
        assert second.cancelled()
        assert craftkit.statistics().timed_out == recorder.names.count("TimedOut") == 1


# -- answers


@pytest.mark.parametrize("name", ["reset", "500", "429", "HTML", "cut", "another shape"])
async def test_a_failed_poll_is_no_failed_render(name: str) -> None:
    """It doubles the pace, at most eightfold, and the next good poll puts it back."""
    service = Service(ends_after=60.0)
    service.on_poll = lambda _, nth: ANSWERS[name] if nth <= 5 else None
    async with service.make_client(polling=PollPolicy(adaptive=False, jitter=0.0, factor=1.0, first=0.5)) as craftkit:
        assert (await craftkit.render("t", {})).is_succeeded

    gaps = [after - before for before, after in pairwise([0.0, *service.polls["r1"]])]
    assert gaps[:7] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 0.5]


async def test_retry_after_is_heeded_by_polls() -> None:
    """A 429 puts the next poll off by what it asks, up to a minute; it is no error of the wait."""
    hints = {1: "7", 2: "1000"}
    service = Service(ends_after=1.0)
    service.on_poll = lambda _, nth: (
        FakeReply(status=429, headers={"retry-after": hints[nth]}) if nth in hints else None
    )
    async with service.make_client() as craftkit:
        await craftkit.render("t", {})

    assert service.polls["r1"] == [0.25, 7.25, 67.25]


async def test_a_rejected_poll_keeps_its_slot() -> None:
    """Otherwise the next one would be sent at once, to be rejected as well."""
    service = Service(ends_after=1.0)
    service.on_poll = lambda _, nth: FakeReply(status=429, headers={"retry-after": "7"}) if nth == 1 else None
    async with service.make_client() as craftkit:
        waiting = asyncio.ensure_future(craftkit.render("t", {}))
        await asyncio.sleep(1.0)
        assert craftkit.statistics().in_flight == 1
        await asyncio.sleep(6.5)
        assert craftkit.statistics().in_flight == 0
        await waiting


async def test_a_poll_that_fails_after_the_end_changes_nothing() -> None:
    """The webhook was first, and its word stays."""
    service = Service(on_poll=lambda *_: FakeReply(status=403, after=1.0))
    async with service.make_client() as craftkit:
        handle = craftkit.attach("x1")
        waiting = asyncio.ensure_future(handle.wait())
        await asyncio.sleep(0.5)
        await craftkit.inbox.receive(*delivery_of("x1"))
        assert (await waiting).is_succeeded
        await asyncio.sleep(10.0)

        assert await handle is waiting.result()
        assert handle._entry.failures == 0


HOPELESS: dict[str, tuple[FakeReply, type[CraftkitError]]] = {
    "401": (FakeReply(status=401), AuthenticationError),
    "402": (FakeReply(status=402), PaymentRequiredError),
    "403": (FakeReply(status=403), ForbiddenError),
}


@pytest.mark.parametrize("name", HOPELESS)
async def test_what_stays_as_it_is_ends_all_waits_at_once(name: str) -> None:
    """401, 402 and 403: each waiter gets an error of its own, for a raised one carries its traceback along."""
    reply, kind = HOPELESS[name]
    service = Service(on_poll=lambda *_: reply)
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        waits = [asyncio.ensure_future(handle.wait()) for _ in range(2)]
        await asyncio.wait(waits)

        errors = [wait.exception() for wait in waits]
        assert all(isinstance(error, kind) for error in errors)
        assert errors[0] is not errors[1]
        assert (now(), craftkit.statistics().pending) == (0.25, 0)
        assert handle.source is None


async def test_404_right_after_our_own_submit_is_early() -> None:
    """For five seconds after the submit's answer a 404 may mean that the render is not to be seen yet."""
    service = Service(ends_after=0.0)
    service.on_poll = lambda *_: FakeReply(status=404) if now() < 3.0 else None
    async with service.make_client() as craftkit:
        assert (await craftkit.render("t", {})).is_succeeded


async def test_404_for_ever_ends_the_wait_after_the_grace() -> None:
    """Later it means that the render is gone."""
    service = Service(on_poll=lambda *_: FakeReply(status=404))
    async with service.make_client() as craftkit:
        with pytest.raises(NotFoundError):
            await craftkit.render("t", {})

    assert service.polls["r1"][-2] <= 5.0 < service.polls["r1"][-1] < 20.0


@pytest.mark.parametrize("timeout", [0, 10.0, None])
async def test_404_of_an_id_from_elsewhere_ends_the_wait_at_once(timeout: float | None) -> None:
    """There the grace does not exist."""
    service = Service(on_poll=lambda *_: FakeReply(status=404))
    async with service.make_client() as craftkit:
        with pytest.raises(NotFoundError):
            await craftkit.wait("x1", timeout=timeout)

    assert service.polls == {"x1": [0.0]}


async def test_an_unheard_of_status_goes_on_until_it_proves_an_end() -> None:
    """Without `completedAt` it is waited on; with it, and a document, it is a success."""
    service = Service()
    url = "https://cdn.example/x.pdf"
    service.on_poll = lambda _, nth: FakeReply(
        json={"id": "r1", "status": "polished"}
        if nth < 3
        else {"id": "r1", "status": "polished", "completedAt": MOMENT, "downloadUrl": url}
    )
    async with service.make_client() as craftkit:
        render = await craftkit.render("t", {})

    assert (render.status, render.download_url, len(service.polls["r1"])) == ("polished", url, 3)


@pytest.mark.parametrize("proof", [{"completedAt": MOMENT}, {"errorMessage": "no", "downloadUrl": "https://x"}])
async def test_an_unheard_of_end_without_a_document_is_a_failure(proof: dict[str, str]) -> None:
    """An end is proved, a success is not."""
    service = Service(on_poll=lambda *_: FakeReply(json={"id": "r1", "status": "dropped", **proof}))
    async with service.make_client() as craftkit:
        with pytest.raises(RenderFailedError, match="dropped") as caught:
            await craftkit.render("t", {})

        assert caught.value.render.status == "dropped"
        assert craftkit.statistics().failed == 1


@pytest.mark.parametrize("ending", ["failed", "cancelled"])
async def test_a_render_that_failed_raises(ending: str) -> None:
    """`render`, `wait` and `await handle` raise for an end without success, as often as asked."""
    service = Service(ends_after=0.0, ending=ending)
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        for begin in (handle.wait, partial(handle.wait, timeout=0), partial(craftkit.wait, "r1")):
            with pytest.raises(RenderFailedError, match=f"r1 finished as {ending}") as caught:
                await begin()
            assert caught.value.render.status == ending

        assert len(service.polls["r1"]) == 1
        assert craftkit.statistics().failed == 1


# -- one poll


async def test_timeout_zero_polls_once() -> None:
    """It answers at once: with the end, or with a timeout that says how it stood."""
    service = Service(ends_after=1.0)
    recorder = Recorder()
    async with service.make_client(observers=[recorder]) as craftkit:
        for begin in (partial(craftkit.wait, "r1"), craftkit.attach("r1").wait):
            with pytest.raises(WaitTimeoutError, match="rendering when last seen"):
                await begin(timeout=0)
        first = await craftkit.submit("t", {}, idempotency_key="k1")
        with pytest.raises(WaitTimeoutError) as caught:
            await first.wait(timeout=0)
        handle = await craftkit.submit("t", {})
        assert now() == 0.0
        await asyncio.sleep(2.0)

        assert (await handle.wait(timeout=0)).is_succeeded
        assert await handle.wait(timeout=0) is await handle
        assert (craftkit.statistics().polls, craftkit.statistics().timed_out) == (4, 3)
    assert (caught.value.render_id, caught.value.idempotency_key) == ("r1", "k1")
    assert service.polls == {"r1": [0.0, 0.0, 0.0], "r2": [2.0]}
    assert recorder.names.count("Polled") == 4


async def test_one_poll_that_fails_says_so() -> None:
    """The error of the one poll is the cause of the timeout."""
    service = Service(on_poll=lambda *_: FakeReply(status=500))
    async with service.make_client() as craftkit:
        with pytest.raises(WaitTimeoutError, match="never seen") as caught:
            await craftkit.wait("x1", timeout=0)

    assert isinstance(caught.value.__cause__, ApiError)


async def test_a_webhook_during_the_one_poll_counts() -> None:
    """What came while the poll was lost is an answer too."""
    service = Service(on_poll=lambda *_: FakeReply(status=500, after=1.0))
    async with service.make_client() as craftkit:
        handle = craftkit.attach("x1")
        polling = asyncio.ensure_future(handle.wait(timeout=0))
        await settle()
        await craftkit.inbox.receive(*delivery_of("x1"))

        assert (await polling).is_succeeded


@pytest.mark.parametrize(("request_limit", "bound"), [(30.0, 5.0), (2.0, 2.0), (None, 5.0)])
async def test_timeout_zero_is_bounded(request_limit: float | None, bound: float) -> None:
    """The one poll takes the smaller of `Timeouts.request` and 5 s, also against a service that hangs."""
    service = Service(on_poll=lambda *_: LOST)
    async with service.make_client(timeouts=Timeouts(request=request_limit)) as craftkit:
        with pytest.raises(WaitTimeoutError) as caught:
            await craftkit.wait("x1", timeout=0)

    assert now() == bound
    assert isinstance(caught.value.__cause__, TransportTimeoutError)


async def test_timeout_zero_waits_no_longer_for_its_slot() -> None:
    """Where all slots are taken, the bound covers the time until one is free."""
    service = Service(on_poll=lambda *_: LOST, on_submit=lambda _: LOST)
    async with service.make_client(limits=Limits(requests=1, first_requests=1)) as craftkit:
        submitting = asyncio.ensure_future(craftkit.submit("t", {}, timeout=None))
        await settle()
        with pytest.raises(WaitTimeoutError):
            await craftkit.wait("x1", timeout=0)
        submitting.cancel()

    assert (now(), service.polls) == (5.0, {})


@pytest.mark.parametrize("wrong", [-1, True, False, "5", float("nan"), inf])
async def test_wrong_timeouts_are_refused(wrong: Any) -> None:
    """Before any request, by all that take one."""
    service = Service()
    async with service.make_client() as craftkit:
        for begin in (
            lambda: craftkit.submit("t", {}, timeout=wrong),
            lambda: craftkit.render("t", {}, timeout=wrong),
            lambda: craftkit.wait("r1", timeout=wrong),
            lambda: craftkit.attach("r1").wait(timeout=wrong),
        ):
            with pytest.raises(ConfigurationError, match="timeout"):
                await begin()

    assert service.transport.requests == []


@pytest.mark.parametrize("wrong", ["", ".", "..", 7, None])
async def test_what_is_no_id_is_refused(wrong: Any) -> None:
    """Before any request."""
    service = Service()
    async with service.make_client() as craftkit:
        with pytest.raises(ConfigurationError):
            craftkit.attach(wrong)
        with pytest.raises(ConfigurationError):
            await craftkit.wait(wrong)


@pytest.mark.parametrize("timeout", [0, 10.0])
async def test_a_reply_about_another_render_is_a_failed_poll(timeout: float) -> None:
    """A cache that mixes up its answers must not end anybody's wait."""
    service = Service(on_poll=lambda *_: FakeReply(json=ended("r2")))
    async with service.make_client() as craftkit:
        with pytest.raises(WaitTimeoutError) as caught:
            await craftkit.wait("r1", timeout=timeout)
        handle = craftkit.attach("r1")
        with pytest.raises(DecodeError, match=r"about something else"):
            await handle.refresh()
        assert (handle.snapshot, handle.source) == (None, None)

    assert isinstance(caught.value.__cause__, DecodeError)


# -- keys that the caller makes


class UnlikeError(Exception):
    """An error that cannot be copied."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(one + other)


@pytest.mark.parametrize("error", [LookupError("no key"), UnlikeError("no", "key")])
async def test_what_the_key_function_raises_goes_to_who_waits(error: Exception) -> None:
    """It is the caller's own error, and ends the waits that need the key."""
    keys = iter(["ck_test_1"])
    error.__cause__ = OSError("no vault")

    def key() -> str:
        for each in keys:
            return each
        raise error

    service = Service()
    async with service.make_client() as parent:
        craftkit = parent.with_api_key(key)
        handle = await craftkit.submit("t", {})
        waits = [asyncio.ensure_future(handle.wait()) for _ in range(2)]
        await asyncio.wait(waits)

        raised: list[Any] = [wait.exception() for wait in waits]
        assert [type(each) for each in raised] == [type(error)] * 2
        assert all(each.__cause__ is error.__cause__ for each in raised)
        with pytest.raises(type(error)):
            await handle.wait(timeout=0)
        assert parent.statistics().pending == 0


async def test_a_rotated_key_is_used_by_the_next_poll(caplog: pytest.LogCaptureFixture) -> None:
    """The key is asked for at each poll."""
    keys = iter(f"ck_test_{n}" for n in range(9))
    service = Service(ends_after=1.0)
    with caplog.at_level(logging.WARNING):
        async with service.make_client() as parent:
            await parent.with_api_key(lambda: next(keys)).render("t", {})

    assert [request.headers["authorization"][-1] for request in service.transport.requests] == ["0", "1", "2", "3"]
    assert caplog.text == ""
