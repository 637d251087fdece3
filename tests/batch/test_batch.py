"""Batches: one outcome for each row, whatever happens, and no more in flight than was asked for."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from copy import copy
from typing import Any

import pytest

from craftkit_async import (
    ClientStateError,
    ConfigurationError,
    Craftkit,
    InvalidDataError,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    RenderFailedError,
    RenderRequest,
    Request,
    RetryPolicy,
    ServerError,
    TransportError,
    WaitTimeoutError,
)
from craftkit_async.batch import BadRow, Batch, Outcome
from craftkit_async.testing import FakeReply
from tests.support.cancelling import other_tasks, settle
from tests.support.service import Service, client, keyed, rows

pytestmark = pytest.mark.virtual_time


async def collect(craftkit: Craftkit, requests: Any, **options: Any) -> list[Outcome]:
    return [outcome async for outcome in craftkit.render_many(requests, **options)]


async def test_every_row_has_its_outcome() -> None:
    """With its place, its request, its render, and who brought it."""
    async with client(Service(ends_after=1.0)) as craftkit:
        requests = list(rows(30))
        outcomes = await collect(craftkit, requests, concurrency=7)

    assert sorted(outcome.index for outcome in outcomes) == list(range(30))
    assert all(outcome.request is requests[outcome.index] for outcome in outcomes)
    assert {(outcome.ok, outcome.source, outcome.attempts, outcome.path) for outcome in outcomes} == {
        (True, "poll", 1, None)
    }
    assert all(outcome.unwrap().is_succeeded for outcome in outcomes)


async def test_outcomes_come_as_they_are_ready_or_in_order() -> None:
    """In order, a slow row holds back those after it, but not their work."""

    def slow(request: Request) -> FakeReply | None:
        return (
            FakeReply(
                status=202, json={"id": "r0", "status": "succeeded", "completedAt": "2026-01-01T00:00:00Z"}, after=9.0
            )
            if b'"number":0}' in (request.body or b"")
            else None
        )

    async with client(Service(ends_after=1.0, on_request=slow)) as craftkit:
        ready = await collect(craftkit, rows(6))
        ordered = await collect(craftkit, rows(6), ordered=True)

    assert [outcome.index for outcome in ready][-1] == 0
    assert [outcome.index for outcome in ordered] == list(range(6))


async def test_an_asynchronous_input_is_read_like_any_other() -> None:
    """Rows are begun as they come."""

    async def slowly() -> AsyncIterator[RenderRequest]:
        for request in rows(5):
            await asyncio.sleep(3)
            yield request

    async with client(Service(ends_after=1.0)) as craftkit:
        assert len(await collect(craftkit, slowly())) == 5


async def test_no_more_renders_are_open_than_asked_for() -> None:
    """`concurrency` counts renders from their submit to their end; without it, the limits say."""
    service = Service(ends_after=1.0)
    async with client(service) as craftkit:
        await collect(craftkit, rows(40), concurrency=5)
    assert service.most_open == 5


async def test_a_consumer_that_stops_taking_stops_the_reading() -> None:
    """As many rows as may be open are read, and their outcomes wait; then one more for each that is taken."""
    requests = list(rows(100))
    reading = iter(requests)

    def read() -> int:
        return len(requests) - len(list(copy(reading)))

    async with client(Service(ends_after=1.0)) as craftkit, craftkit.render_many(reading, concurrency=4) as batch:
        await anext(batch)
        assert batch.report.in_flight == 4
        await asyncio.sleep(60)
        assert read() == 9
        await anext(batch)
        await asyncio.sleep(60)
        assert read() == 10
        assert batch.report.rows == 10


async def test_nothing_is_read_before_it_is_asked_for() -> None:
    """Making a batch opens nothing, and one that is never used leaves nothing behind."""
    requests = rows(3)
    async with client(Service(ends_after=1.0)) as craftkit:
        batch = craftkit.render_many(requests)
        assert batch.report.rows == 0
        await batch.aclose()
        assert [outcome async for outcome in batch] == []
    assert len(list(requests)) == 3


async def test_leaving_early_ends_everything_at_once() -> None:
    """No task, no place and no waiter is left, and a batch that was closed has nothing more to say."""
    async with client(Service(ends_after=1.0)) as craftkit:
        async with craftkit.render_many(rows(100), concurrency=10) as batch:
            await anext(batch)

        assert other_tasks() == set()
        assert craftkit.statistics().pending == 0
        assert craftkit.statistics().in_flight == 0
        assert [outcome async for outcome in batch] == []
        await batch.aclose()


async def test_whoever_waits_for_an_outcome_hears_of_the_end() -> None:
    """A batch that is closed by another task ends for its consumer as any other does, even before it began."""
    async with client(Service(ends_after=1.0)) as craftkit:
        for turns in range(4):
            batch = craftkit.render_many(rows(3))
            waiting = asyncio.ensure_future(anext(batch, None))
            for _ in range(turns):
                await asyncio.sleep(0)
            await batch.aclose()

            assert await waiting is None


async def test_leaving_a_bare_loop_ends_it_too() -> None:
    """Nobody refers to the batch any more, so its tasks are cancelled."""
    async with client(Service(ends_after=1.0)) as craftkit:
        await anext(craftkit.render_many(rows(100), concurrency=10))
        gc.collect()
        await settle()

        assert other_tasks() == set()


async def test_a_consumer_may_be_cancelled_and_go_on() -> None:
    """Giving up on one outcome loses none."""
    async with client(Service(ends_after=1.0)) as craftkit, craftkit.render_many(rows(3)) as batch:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(batch)

        assert len([outcome async for outcome in batch]) == 3


async def test_what_the_input_raises_comes_after_its_rows() -> None:
    """The rows in flight are settled and handed on first; once told, the end is the end."""

    def broken() -> Iterator[RenderRequest]:
        yield from rows(3)
        raise LookupError("the database is gone")

    async with client(Service(ends_after=1.0)) as craftkit, craftkit.render_many(broken()) as batch:
        seen = [(await anext(batch)).ok for _ in range(3)]
        with pytest.raises(LookupError, match="database"):
            await anext(batch)

        assert seen == [True] * 3
        assert [outcome async for outcome in batch] == []


async def test_what_a_key_function_raises_is_the_callers() -> None:
    """It is no row's fault, so the batch ends with it."""

    def key() -> str:
        raise LookupError("no key today")

    service = Service(ends_after=1.0)
    async with client(service) as made:
        craftkit = made.with_api_key(key)
        with pytest.raises(LookupError, match="no key"):
            await collect(craftkit, rows(3))


async def test_what_is_no_request_is_an_outcome() -> None:
    """So is a row that its source could not read, data that no JSON can carry, and a key that was used before."""
    bad = BadRow(InvalidDataError("line 7: is not JSON"))
    requests = [{"number": 1}, bad, RenderRequest("invoice", {"x": object()}), *keyed(["a", "a", "b"])]
    async with client(Service(ends_after=1.0)) as craftkit:
        outcomes = await collect(craftkit, requests, ordered=True)

    kinds = [ConfigurationError, InvalidDataError, InvalidDataError, type(None), JournalError, type(None)]
    assert [type(outcome.error) for outcome in outcomes] == kinds
    assert outcomes[1].error is bad.error
    assert outcomes[2].request is requests[2]
    with pytest.raises(ConfigurationError, match="RenderRequest, not a dict"):
        outcomes[0].unwrap()


async def test_equal_rows_are_rendered_each() -> None:
    """Without keys, two rows with the same data are two documents."""
    service = Service(ends_after=1.0)
    async with client(service) as craftkit:
        outcomes = await collect(craftkit, [RenderRequest("invoice", {})] * 3)

    assert len({outcome.unwrap().id for outcome in outcomes}) == 3


async def test_keys_are_derived_under_the_namespace() -> None:
    """The same rows under the same namespace are the same renders, and under a random one they never are."""
    service = Service(ends_after=1.0)
    async with client(service) as craftkit:
        await collect(craftkit, keyed("abc"), namespace="june")
        again = await collect(craftkit, keyed("abc"), namespace="june")
        assert len(service.ids) == 3
        assert {outcome.source for outcome in again} == {"replay"}
        await collect(craftkit, keyed("abc"))
        own = await collect(craftkit, [RenderRequest("invoice", {}, idempotency_key="mine")])

    assert len(service.ids) == 7
    assert "mine" in service.ids
    assert own[0].ok


async def test_a_render_that_fails_is_an_outcome() -> None:
    """It has the render, and the error that `unwrap` raises."""
    async with client(Service(ends_after=1.0)) as craftkit:
        [outcome] = await collect(craftkit, [RenderRequest("invoice", {"fails": True})])

    assert not outcome.ok
    assert outcome.render is not None
    assert outcome.render.status == "failed"
    assert outcome.source == "poll"
    with pytest.raises(RenderFailedError):
        outcome.unwrap()


async def test_a_row_has_its_own_time() -> None:
    """It limits the whole row; what is not over by then is an outcome with the id to ask again for."""
    async with client(Service(ends_after=100.0)) as craftkit:
        [outcome] = await collect(craftkit, rows(1), timeout=10.0)

    assert isinstance(outcome.error, WaitTimeoutError)
    assert outcome.render is not None
    assert outcome.error.render_id == outcome.render.id
    assert outcome.source is None


async def test_a_row_without_a_limit_waits() -> None:
    """None is no limit."""
    async with client(Service(ends_after=5000.0)) as craftkit:
        [outcome] = await collect(craftkit, rows(1), timeout=None)

    assert outcome.ok


@pytest.mark.parametrize("hint", ["3", "90", None])
async def test_rows_sit_out_a_rate(hint: str | None) -> None:
    """However long the service asks for, and however often."""
    end = 200.0

    def limited(_: Request) -> FakeReply | None:
        if asyncio.get_running_loop().time() > end:
            return None
        return FakeReply(status=429, headers={} if hint is None else {"Retry-After": hint})

    async with client(Service(ends_after=1.0, on_request=limited)) as craftkit:
        outcomes = await collect(craftkit, rows(20))

    assert [outcome.error for outcome in outcomes] == [None] * 20


async def test_rows_wait_while_the_quota_for_retries_is_empty() -> None:
    """An outage that uses the quota up fails the calls that had all their attempts, and nobody else."""
    end = 120.0

    def outage(_: Request) -> FakeReply | None:
        return FakeReply(status=500) if asyncio.get_running_loop().time() < end else None

    policy = RetryPolicy(quota=5, attempts=3)
    async with client(Service(ends_after=1.0, on_request=outage), retries=policy) as craftkit:
        outcomes = await collect(craftkit, rows(20))

    assert [outcome.error for outcome in outcomes] == [None] * 20


async def test_an_outage_longer_than_a_row_is_its_outcome() -> None:
    """All attempts were made, or all the time is up: the error stands."""
    always = Service(ends_after=1.0, on_request=lambda _: FakeReply(status=500))
    async with client(always) as craftkit:
        [tried] = await collect(craftkit, rows(1))
    lost = Service(ends_after=1.0, on_request=lambda _: FakeReply(status=429))
    async with client(lost) as craftkit:
        [late] = await collect(craftkit, rows(1), timeout=100.0)
    cut = Service(ends_after=1.0, on_request=lambda _: TransportError("the connection broke"))
    async with client(cut) as craftkit:
        [broken] = await collect(craftkit, rows(1))

    assert isinstance(tried.error, ServerError)
    assert late.error is not None
    assert isinstance(broken.error, TransportError)


async def test_a_refusal_is_an_outcome_at_once() -> None:
    """What the service says no to is not asked again."""
    refusing = Service(
        ends_after=1.0, on_request=lambda _: FakeReply(status=404, json={"error": {"code": "template_not_found"}})
    )
    async with client(refusing) as craftkit:
        outcomes = await collect(craftkit, rows(2))
        report = craftkit.render_many([]).report

    assert [type(outcome.error) for outcome in outcomes] == [NotFoundError] * 2
    assert report.rows == 0


async def test_a_client_that_closes_ends_the_rows() -> None:
    """Every row still has its outcome."""
    craftkit = client(Service(ends_after=1.0))
    async with craftkit.render_many(rows(3)) as batch:
        await asyncio.sleep(0.1)
        await craftkit.aclose()
        outcomes = [outcome async for outcome in batch]

    assert [type(outcome.error) for outcome in outcomes] == [ClientStateError] * 3


async def test_the_report_counts() -> None:
    """By result, by code, by who brought it, and how long it all took."""

    def refuse(request: Request) -> FakeReply | None:
        is_refused = b'"number":3}' in (request.body or b"")
        return FakeReply(status=400, json={"error": {"code": "invalid_input_data"}}) if is_refused else None

    requests: list[Any] = [*rows(4), RenderRequest("invoice", {"fails": True}), None]
    async with client(Service(ends_after=1.0, on_request=refuse)) as craftkit, craftkit.render_many(requests) as batch:
        outcomes = [outcome async for outcome in batch]
        report = batch.report

    assert isinstance(outcomes[0].error, ConfigurationError)
    assert (report.rows, report.succeeded, report.failed, report.saved, report.in_flight) == (6, 3, 3, 0, 0)
    assert report.by_error == {"ConfigurationError": 1, "invalid_input_data": 1, "render_failed": 1}
    assert report.by_source == {"poll": 4}
    assert report.webhook_share == 0.0
    assert report.throughput == pytest.approx(6 / report.elapsed)
    assert report.render_seconds.p50 == pytest.approx(1.0, rel=0.03)
    assert report.detection_seconds.count == 3
    assert {(row.index, row.code) for row in report.failures} == {
        (3, "invalid_input_data"),
        (4, "render_failed"),
        (5, "ConfigurationError"),
    }
    assert any(isinstance(outcome.error, InvalidRequestError) for outcome in outcomes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": True}, "concurrency"),
        ({"ordered": 1}, "ordered"),
        ({"retry_failed": "yes"}, "retry_failed"),
        ({"namespace": "my shop"}, "namespace"),
        ({"namespace": "n" * 91}, "namespace"),
        ({"on_changed": "perhaps"}, "on_changed"),
        ({"timeout": -1}, "timeout"),
        ({"journal": ""}, "journal"),
        ({"download_to": "a\0b"}, "download_to"),
        ({"journal": 7}, "journal"),
    ],
)
async def test_wrong_arguments_are_refused_at_once(options: dict[str, Any], words: str) -> None:
    """Before anything is read or sent."""
    async with client(Service(ends_after=1.0)) as craftkit:
        with pytest.raises(ConfigurationError, match=words):
            craftkit.render_many([], **options)


# ---- no row gets another row's document


async def test_a_caller_may_reuse_one_dict() -> None:
    """The data of a row is what it was when the batch took it in, however late it is sent."""

    def reused() -> Iterator[RenderRequest]:
        data: dict[str, Any] = {"lines": [{}]}
        for n in range(40):
            data["lines"][0]["n"] = n
            yield RenderRequest("invoice", data, key=f"k{n}")

    service = Service(ends_after=1.0)
    async with client(service) as craftkit:
        outcomes = await collect(craftkit, reused(), concurrency=40)

    assert all(outcome.ok for outcome in outcomes)
    assert sorted(data["lines"][0]["n"] for data in service.data.values()) == list(range(40))


async def test_an_idempotency_key_is_taken_once() -> None:
    """A second row under it would get the first row's document."""
    requests = [RenderRequest("invoice", {"n": n}, idempotency_key=key) for n, key in enumerate(["a", "a", "b"])]
    service = Service(ends_after=1.0)
    async with client(service) as craftkit:
        outcomes = await collect(craftkit, requests, ordered=True)

    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    with pytest.raises(JournalError, match="idempotency_key of this row was already used"):
        outcomes[1].unwrap()
    assert len(service.submits) == 2


async def test_a_cancelled_error_of_the_input_is_told() -> None:
    """The batch itself was not cancelled, so its rows are not all of them, and it must not look complete."""

    def broken() -> Iterator[RenderRequest]:
        yield from rows(3)
        raise asyncio.CancelledError("a task of the caller's")

    async with client(Service(ends_after=1.0)) as craftkit, craftkit.render_many(broken()) as batch:
        seen = [(await anext(batch)).ok for _ in range(3)]
        with pytest.raises(asyncio.CancelledError, match="of the caller's"):
            await anext(batch)

        assert seen == [True] * 3


async def test_a_batch_is_closed_while_its_input_waits() -> None:
    """A cancellation of the batch itself is no error of the input: a task that waits for an outcome sees the end."""

    async def silent() -> AsyncIterator[RenderRequest]:
        for row in rows(1):
            yield row
        await asyncio.Event().wait()

    async with client(Service(ends_after=1.0)) as craftkit, craftkit.render_many(silent()) as batch:
        assert (await anext(batch)).ok
        async with asyncio.TaskGroup() as group:
            rest = group.create_task(_rest(batch))
            await settle()
            await batch.aclose()

    assert rest.result() == []


async def _rest(batch: Batch) -> list[Outcome]:
    return [outcome async for outcome in batch]
