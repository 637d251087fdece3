"""Completions: a render ends once, through whichever answer comes first, for everybody who waits."""

import asyncio
import gc
import weakref
from threading import Thread
from typing import Any

import pytest

from craftkit_async import (
    Completed,
    Craftkit,
    CraftkitError,
    Receipt,
    Render,
    RenderFailedError,
    RenderHandle,
    RenderSucceeded,
    Submitted,
    TransportError,
    WaitTimeoutError,
)
from craftkit_async.testing import FakeReply
from tests.support.cancelling import cancel_everywhere, other_tasks, settle
from tests.support.observing import Recorder
from tests.support.service import LOST, MOMENT, Service, delivery_of, ended, now

virtual_time = pytest.mark.virtual_time


async def deliver(craftkit: Craftkit, id: str, named: str = "succeeded", **fields: Any) -> Receipt:
    """Let a webhook come in, and see it accepted."""
    receipt = await craftkit.inbox.receive(*delivery_of(id, named, **fields))
    assert receipt.status == 200
    return receipt


def counts(craftkit: Craftkit) -> dict[str, int]:
    """Return the counts that are not zero, but for the window."""
    statistics = craftkit.statistics()
    names = ("pending", "mailbox", "submitted", "replayed", "completed_by_webhook", "completed_by_poll")
    others = ("completed_by_relay", "failed", "timed_out", "polls", "deliveries", "duplicates", "refused")
    return {name: count for name in (*names, *others) if (count := getattr(statistics, name))}


def sources(recorder: Recorder) -> list[tuple[str, str]]:
    return [(event.render.id, event.source) for event in recorder.events if isinstance(event, Completed)]


# -- webhooks


@virtual_time
async def test_webhook_before_the_202() -> None:
    """It waits in the mailbox until the submit's answer names its id; not even one poll is needed."""
    recorder = Recorder()
    service = Service(latency=5.0)
    async with service.make_client(observers=[recorder]) as craftkit:
        rendering = asyncio.ensure_future(craftkit.render("t", {}))
        await asyncio.sleep(2.0)
        await deliver(craftkit, "r1")
        assert craftkit.statistics().mailbox == 1

        assert (await rendering).id == "r1"

        assert now() == 5.0
        assert counts(craftkit) == {"submitted": 1, "completed_by_webhook": 1, "deliveries": 1}
    assert service.polls == {}


@virtual_time
async def test_webhook_after_the_202() -> None:
    """It ends the wait at once, and no poll follows."""
    recorder = Recorder()
    service = Service()
    async with service.make_client(observers=[recorder]) as craftkit:
        rendering = asyncio.ensure_future(craftkit.render("t", {}))
        await asyncio.sleep(0.5)
        url = "https://cdn.example/1.pdf"
        await deliver(craftkit, "r1", downloadUrl=url)

        assert (await rendering).download_url == url
        assert now() == 0.5
        await asyncio.sleep(100)
        assert counts(craftkit) == {"submitted": 1, "completed_by_webhook": 1, "deliveries": 1, "polls": 1}
    assert sources(recorder) == [("r1", "webhook")]
    assert recorder.names == ["Submitted", "Polled", "DeliveryReceived", "Completed"]
    assert isinstance(recorder.events[0], Submitted)
    assert recorder.events[-1] == Completed(await rendering, "webhook", 0.5)


@virtual_time
async def test_webhook_twice() -> None:
    """The second is a duplicate, by its body as by its id, and completes nothing."""
    service = Service()
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        first = await deliver(craftkit, "r1")
        second = await deliver(craftkit, "r1")
        # The same end in another body, as after a failed poll: not a repeat, and too late.
        third = await deliver(craftkit, "r1", completedAt=None)

        assert [receipt.duplicate for receipt in (first, second, third)] == [False, True, False]
        assert isinstance(first.event, RenderSucceeded)
        assert handle.source == "webhook"
        assert await handle == first.event.render
        assert first.event is first.event
        assert counts(craftkit) == {"submitted": 1, "completed_by_webhook": 1, "deliveries": 3, "duplicates": 2}


@virtual_time
@pytest.mark.parametrize("order", ["webhook first", "poll first"])
async def test_webhook_and_poll_in_the_same_turn(order: str) -> None:
    """Both come, one counts, whoever waits gets one end, and nothing complains."""
    recorder = Recorder()
    service = Service(ends_after=0.0)
    async with service.make_client(observers=[recorder]) as craftkit:
        handle = await craftkit.submit("t", {})
        service.latency = 1.0
        waiting = asyncio.ensure_future(handle.wait())
        receiving: list[asyncio.Task[Receipt]] = []

        def receive() -> None:
            receiving.append(asyncio.ensure_future(deliver(craftkit, "r1")))

        if order == "webhook first":
            asyncio.get_running_loop().call_at(1.25, receive)
            await settle()
        else:
            await asyncio.sleep(0.5)
            asyncio.get_running_loop().call_at(1.25 + 1e-12, receive)
        render = await waiting
        await settle()

        assert now() == pytest.approx(1.25)
        assert len(sources(recorder)) == 1
        assert handle.snapshot is render
        assert counts(craftkit)["duplicates"] == 1
        assert receiving[0].result().status == 200


@virtual_time
async def test_webhook_after_the_waiter_gave_up() -> None:
    """It fills the snapshot of a handle that somebody still has, and is nobody's otherwise."""
    service = Service()
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        for render_id in ("r1", "x9"):
            with pytest.raises(WaitTimeoutError):
                await craftkit.wait(render_id, timeout=1.0)
            await settle()
            gc.collect()
        await deliver(craftkit, "r1")
        await deliver(craftkit, "x9")

        assert handle.snapshot is not None
        assert handle.snapshot.is_succeeded
        assert "source='webhook'" in repr(handle)
        assert await handle.wait(timeout=0) is handle.snapshot
        assert await handle.refresh() is handle.snapshot
        assert counts(craftkit)["completed_by_webhook"] == 1
        assert craftkit.statistics().mailbox == 0


@virtual_time
async def test_webhook_of_a_render_that_nobody_here_submitted() -> None:
    """It is answered 200 and forgotten; with a submit under way it is kept until that is answered."""
    service = Service(latency=5.0)
    async with service.make_client() as craftkit:
        receipt = await deliver(craftkit, "x1")
        assert (receipt.duplicate, receipt.reason, receipt.secret) == (False, None, 0)
        assert craftkit.statistics().mailbox == 0
        submitting = asyncio.ensure_future(craftkit.submit("t", {}))
        await settle()
        await deliver(craftkit, "x2")
        assert craftkit.statistics().mailbox == 1
        await submitting
        assert craftkit.statistics().mailbox == 0


@virtual_time
@pytest.mark.parametrize("status", ["queued", "rendering", "succeeded", "failed"])
async def test_an_end_is_never_taken_back(status: str) -> None:
    """Succeeded by webhook, then something else by a late poll or a refresh: it stays succeeded."""
    service = Service(latency=1.0, on_poll=lambda *_: FakeReply(json={"id": "r1", "status": status}, after=1.0))
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        waiting = asyncio.ensure_future(handle.wait())
        await asyncio.sleep(0.5)
        assert service.polls == {"r1": [1.25]}
        await deliver(craftkit, "r1")
        await asyncio.sleep(10)

        assert (await waiting).is_succeeded
        assert (await handle).is_succeeded
        refreshed = await handle.refresh()
        assert refreshed.is_succeeded
        assert handle.snapshot is refreshed
        assert counts(craftkit)["duplicates"] == 1
        assert handle.source == "webhook"


@virtual_time
async def test_a_refresh_fills_in_and_completes() -> None:
    """A poll that somebody asks for counts like any other."""
    service = Service(ends_after=2.0)
    async with service.make_client() as craftkit:
        handle = craftkit.attach("r1")
        assert (handle.snapshot, handle.source, handle.template) == (None, None, None)
        assert repr(handle) == "RenderHandle(id='r1', template=None, status=None, source=None)"
        assert (await handle.refresh()).status == "rendering"
        assert handle.snapshot is not None
        waiting = asyncio.ensure_future(handle.wait())
        await asyncio.sleep(2.1)

        assert (await handle.refresh(timeout=5.0)).is_succeeded
        assert now() == pytest.approx(2.1)
        assert (await waiting).is_succeeded
        assert handle.source == "poll"


@virtual_time
@pytest.mark.parametrize("other", ["failed", "queued", "cancelled"])
async def test_a_refresh_never_changes_how_a_render_finished(other: str) -> None:
    """Final stays final: a replica that lags behind, or a mistake of the service, takes no document back."""
    service = Service(on_poll=lambda seen, _: FakeReply(json={"id": seen, "status": other, "createdAt": MOMENT}))
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        await craftkit.inbox.receive(*delivery_of(handle.id))

        assert (await handle.refresh()).is_succeeded
        assert (await handle).is_succeeded
        assert handle.snapshot is not None
        assert handle.snapshot.is_succeeded


@virtual_time
async def test_a_refresh_renews_what_an_end_came_with() -> None:
    """The same end as before may come with more, as a new address of the document."""
    service = Service(on_poll=lambda seen, _: FakeReply(json=ended(seen, downloadUrl="https://cdn.example/new")))
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        await craftkit.inbox.receive(*delivery_of(handle.id))

        assert (await handle.refresh()).download_url == "https://cdn.example/new"
        assert (await handle).download_url == "https://cdn.example/new"


@virtual_time
async def test_a_failure_by_webhook() -> None:
    """Its message reaches who waits."""
    service = Service()
    async with service.make_client() as craftkit:
        rendering = asyncio.ensure_future(craftkit.render("t", {}))
        await settle()
        await deliver(craftkit, "r1", "failed", errorMessage="No such font.")

        with pytest.raises(RenderFailedError, match=r"^render r1 finished as failed: No such font\.$"):
            await rendering
        assert counts(craftkit)["failed"] == 1


@virtual_time
async def test_an_event_that_proves_no_end_completes_nothing() -> None:
    """Whose name and members disagree is taken in as an event only."""
    service = Service()
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        for status, claimed in (("succeeded", "failed"), ("failed", "succeeded"), ("succeeded", "rendering")):
            await deliver(craftkit, "r1", status, status=claimed)

        assert handle.source is None


async def test_webhook_on_another_threads_loop() -> None:
    """The completion is handed to the loop that owns the client; the receipt comes back to where it was asked for."""
    service = Service()
    threads: list[int] = []
    async with service.make_client() as craftkit:

        @craftkit.inbox.on("render.succeeded", before_answer=True)
        async def handle_it(_: object) -> None:
            threads.append(id(asyncio.get_running_loop()))

        waiting = asyncio.ensure_future(craftkit.wait("x1"))
        await asyncio.sleep(0)
        receipts: list[Receipt] = []

        def receive() -> None:
            receipts.append(asyncio.run(deliver(craftkit, "x1")))
            forged = craftkit.inbox.receive(b"{}", {"x-craftkit-signature": "0" * 64})
            receipts.append(asyncio.run(forged))

        thread = Thread(target=receive)
        thread.start()
        assert (await waiting).id == "x1"
        await asyncio.to_thread(thread.join)

        assert [receipt.status for receipt in receipts] == [200, 401]
        assert threads == [id(asyncio.get_running_loop())]
        assert counts(craftkit)["refused"] == 1


# -- replays


@virtual_time
async def test_an_auto_key_that_is_replayed(caplog: pytest.LogCaptureFixture) -> None:
    """A new key that leads to an old render is worth a warning; the handle tells."""
    service = Service(on_submit=lambda _: FakeReply(json=ended("r7")))
    recorder = Recorder()
    async with service.make_client(observers=[recorder]) as craftkit:
        handle = await craftkit.submit("t", {})

        assert handle.replayed
        assert handle.source == "replay"
        assert (await handle).id == "r7"
        assert counts(craftkit) == {"submitted": 1, "replayed": 1}
    assert "a new idempotency key was answered with an old render: r7" in caplog.text
    assert service.polls == {}


@virtual_time
async def test_a_failed_render_that_is_replayed(caplog: pytest.LogCaptureFixture) -> None:
    """The same key gives no new attempt, and says so."""
    service = Service(on_submit=lambda _: FakeReply(json=ended("r7", "failed", errorMessage="no")))
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {}, idempotency_key="k1")
        assert (handle.replayed, handle.idempotency_key) == (True, "k1")
        with pytest.raises(RenderFailedError):
            await handle
        with pytest.raises(RenderFailedError):
            await craftkit.render("t", {}, idempotency_key="k1")

        assert counts(craftkit) == {"submitted": 2, "replayed": 2, "failed": 1}
    assert caplog.text == ""


@virtual_time
async def test_a_replay_of_what_is_still_under_way_is_waited_for() -> None:
    """It is one entry with the first submit's; its template is known from now on."""
    service = Service(on_submit=lambda nth: FakeReply(json={"id": "x1", "status": "queued"}) if nth else None)
    async with service.make_client() as craftkit:
        elsewhere = asyncio.ensure_future(craftkit.wait("x1"))
        await settle()
        one = await craftkit.submit("t", {}, idempotency_key="k")
        other = await craftkit.submit("t", {}, idempotency_key="k")
        assert one.replayed
        assert one._entry is other._entry
        await deliver(craftkit, "x1")

        assert await one is await other is await elsewhere


@virtual_time
async def test_a_submit_whose_answer_is_lost_is_sent_again_with_its_key() -> None:
    """And what the webhook said meanwhile is not lost."""
    service = Service(on_submit=lambda nth: TransportError("the connection broke") if nth == 1 else None)
    async with service.make_client() as craftkit:
        rendering = asyncio.ensure_future(craftkit.render("t", {}))
        await settle()
        await deliver(craftkit, "r2")

        assert (await rendering).id == "r2"
    assert len(set(service.keys)) == 1
    assert len(service.keys) == 2


# -- timeouts of a submit


@virtual_time
@pytest.mark.parametrize("limit", [0.5, 10.0, 200.0])
async def test_a_submit_that_is_never_answered(limit: float) -> None:
    """The timeout bounds all attempts; the error has the key, which leads to the render that may have been made."""
    recorder = Recorder()
    service = Service(on_submit=lambda _: LOST)
    async with service.make_client(observers=[recorder]) as craftkit:
        for begin in (craftkit.render, craftkit.submit):
            start = now()
            with pytest.raises(TimeoutError) as caught:
                await begin("t", {}, idempotency_key="k1", timeout=limit)
            assert now() - start <= min(limit, 150.0) + 0.01
            error: Any = caught.value
            assert error.idempotency_key == "k1"
            if limit < 100.0:
                assert isinstance(error, WaitTimeoutError)
                assert now() - start == pytest.approx(limit)
                assert error.render_id is None
                assert "submit again with the same idempotency key" in str(error)
                assert isinstance(error.__cause__, TransportError)

        assert counts(craftkit).get("timed_out", 0) == recorder.names.count("TimedOut") == (2 if limit < 100.0 else 0)
        assert craftkit._waiting.completions.pending.mailbox.boxes == {}
    assert set(service.keys) == {"k1"}


@virtual_time
async def test_nobody_observes_a_submit_that_is_never_answered() -> None:
    """The error is the same."""
    service = Service(on_submit=lambda _: LOST)
    async with service.make_client() as craftkit:
        with pytest.raises(WaitTimeoutError):
            await craftkit.render("t", {}, timeout=5.0)
        with pytest.raises(TransportError):
            await craftkit.submit("t", {})


@virtual_time
async def test_one_poll_belongs_to_every_render_however_late_its_submit() -> None:
    """A submit that uses up the whole timeout is followed by one poll."""
    service = Service(ends_after=0.0, on_submit=lambda nth: FakeReply(status=503) if nth == 1 else None)
    async with service.make_client() as craftkit:
        service.latency = 4.99
        rendering = asyncio.ensure_future(craftkit.render("t", {}, timeout=6.0))
        await asyncio.sleep(4.0)
        service.latency = 0.0
        assert (await rendering).is_succeeded
    assert now() < 6.1


@virtual_time
async def test_the_submit_counts_towards_the_timeout_of_a_render() -> None:
    """`timeout` bounds both together."""
    service = Service(latency=3.0)
    async with service.make_client() as craftkit:
        with pytest.raises(WaitTimeoutError) as caught:
            await craftkit.render("t", {}, timeout=5.0)

    assert caught.value.render_id == "r1"
    assert now() == pytest.approx(5.0, abs=0.01)


# -- many who wait


@virtual_time
async def test_two_waiters_one_cancelled() -> None:
    """The other is not disturbed, whichever of them came first."""
    service = Service(ends_after=3.0)
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {})
        for cancelled in (0, 1):
            waits = [asyncio.ensure_future(handle.wait()), asyncio.ensure_future(craftkit.wait("r1"))]
            await asyncio.sleep(0.1)
            waits[cancelled].cancel()
            await settle()
            assert waits[cancelled].cancelled()
            if cancelled:
                assert (await waits[1 - cancelled]).is_succeeded
            else:
                waits[1].cancel()


@virtual_time
async def test_a_handle_awaited_twice() -> None:
    """At once and one after the other: one render, one object."""
    service = Service(ends_after=1.0)
    async with service.make_client() as craftkit:
        handle = await craftkit.submit("t", {}, version=3, filename="a.pdf")

        async def wait_for(handle: RenderHandle) -> Render:
            return await handle

        async with asyncio.TaskGroup() as group:
            both = [group.create_task(wait_for(handle)) for _ in range(2)]

        assert both[0].result() is both[1].result() is await handle is await handle
        assert counts(craftkit)["completed_by_poll"] == 1
    assert service.transport.bodies()[0]["options"] == {"versionNumber": 3, "filename": "a.pdf"}


@virtual_time
async def test_cancelled_at_every_wait_nothing_is_left() -> None:
    """Wherever a render is cancelled: no entry, no poll, no place, no open submit stays behind."""
    service = Service(ends_after=1.0, latency=0.25)
    async with service.make_client() as craftkit:
        completions = craftkit._waiting.completions

        def check() -> None:
            gc.collect()
            assert (completions.pending.waited, completions.pending.mailbox.boxes) == (0, {})
            assert craftkit.statistics().pending == 0

        assert await cancel_everywhere(lambda: craftkit.render("t", {}), check) > 3
        await asyncio.sleep(10)
        assert not other_tasks()
        assert len(completions.pending) == 0
        assert completions.scheduler._wheel.next() is None


@virtual_time
@pytest.mark.parametrize("moment", ["before its answer", "after its answer"])
async def test_a_cancelled_submit(moment: str) -> None:
    """Before its answer an auto key is told to the observers; after it, the handle is simply there."""
    recorder = Recorder()
    service = Service(latency=1.0)
    async with service.make_client(observers=[recorder]) as craftkit:
        submitting = asyncio.ensure_future(craftkit.submit("t", {}))
        await asyncio.sleep(0.5 if moment == "before its answer" else 1.5)
        submitting.cancel()
        await asyncio.wait([submitting])

        if moment == "before its answer":
            assert submitting.cancelled()
            assert [event for event in recorder.events if type(event).__name__ == "Abandoned"] == recorder.events
            assert service.keys[0] in repr(recorder.events)
        else:
            assert submitting.result().id == "r1"
            assert recorder.names == ["Submitted"]
        assert craftkit._waiting.completions.pending.mailbox.boxes == {}


# -- what is kept


@virtual_time
async def test_an_entry_lives_as_long_as_its_handles_and_waiters() -> None:
    """Nothing else holds it, whatever it went through, and the registry is empty after it."""
    service = Service(ends_after=5.0)
    async with service.make_client() as craftkit:
        pending = craftkit._waiting.completions.pending
        handle: RenderHandle | None = await craftkit.submit("t", {})
        assert handle is not None
        entry = weakref.ref(handle._entry)
        waiting = asyncio.ensure_future(handle.wait())
        await asyncio.sleep(1.0)
        handle = None
        gc.collect()
        assert entry() is not None
        assert len(pending) == 1
        await waiting
        del waiting
        gc.collect()

        assert entry() is None
        assert len(pending) == 0


@virtual_time
@pytest.mark.parametrize("ending", ["timeout", "failure", "error"])
async def test_a_wait_that_ends_badly_keeps_nothing(ending: str) -> None:
    """Its error does not hold the entry once nobody holds the error."""
    answers = {"timeout": None, "failure": FakeReply(json=ended("r1", "failed")), "error": FakeReply(status=401)}
    service = Service(on_poll=lambda *_: answers[ending])
    async with service.make_client() as craftkit:
        try:
            await craftkit.render("t", {}, timeout=3.0)
        except CraftkitError:
            # The loop holds what woke this task until its next turn.
            await settle()
        gc.collect()

        assert len(craftkit._waiting.completions.pending) == 0


# -- projects


@virtual_time
async def test_children_of_the_same_key_share_entries() -> None:
    """What tells projects apart is the key."""
    service = Service(ends_after=1.0)
    async with service.make_client() as craftkit, asyncio.TaskGroup() as group:
        same = craftkit.with_api_key("ck_test_key")
        other = craftkit.with_api_key("ck_test_other")
        waits = [group.create_task(client.wait("x1")) for client in (craftkit, same, other)]
        await settle()
        assert craftkit.statistics().pending == other.statistics().pending == 2

    assert waits[0].result() is waits[1].result()
    assert waits[2].result() is not waits[0].result()
    keys = [request.headers["authorization"].rpartition("_")[2] for request in service.transport.requests]
    assert keys.count("key") == keys.count("other") == 4


@virtual_time
@pytest.mark.parametrize("is_waited", [True, False])
async def test_an_id_of_another_project_hears_what_its_own_key_may_see(is_waited: bool) -> None:  # noqa: FBT001 - a column
    """Who names an id that is another project's gets no share in its entry, neither the webhook's word nor its end."""
    service = Service()
    async with service.make_client() as craftkit:
        child = craftkit.with_api_key("ck_test_other")
        ours = await craftkit.submit("t", {})
        theirs = child.attach("r1")
        waiting = asyncio.ensure_future(theirs.wait(timeout=9.0)) if is_waited else None
        await settle()
        await deliver(craftkit, "r1")

        assert ours.source == "webhook"
        assert theirs.snapshot is None or not theirs.snapshot.is_final
        if waiting is not None:
            with pytest.raises(WaitTimeoutError):
                await waiting


@virtual_time
async def test_a_submit_of_our_own_takes_the_id_over() -> None:
    """Whoever waited for the id with another key before goes on by polls, and is ended by a close like all others."""
    service = Service(ends_after=2.0)
    async with service.make_client() as craftkit:
        child = craftkit.with_api_key("ck_test_other")
        theirs = asyncio.ensure_future(child.wait("r1"))
        idle = child.attach("r2")
        await settle()
        handle, second = await craftkit.submit("t", {}), await craftkit.submit("t", {})
        await deliver(craftkit, "r1")
        await deliver(craftkit, "r2")

        assert (handle.source, second.source, idle.source) == ("webhook", "webhook", None)
        assert (await theirs).is_succeeded
        assert now() > 1.0
        assert craftkit.statistics().pending == 0
