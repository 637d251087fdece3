"""The sender: attempts, waits and places, on virtual time."""

import asyncio
from typing import Any

import pytest

from craftkit_async import (
    ClientStateError,
    Craftkit,
    CraftkitError,
    DecodeError,
    InvalidRequestError,
    Limits,
    NotFoundError,
    RateLimitedError,
    Render,
    Request,
    RetryPolicy,
    ServerError,
    Timeouts,
    TransportError,
    TransportTimeoutError,
    capture_responses,
)
from craftkit_async._sansio.calls.call import Operation, Retry
from craftkit_async.errors import ConfigurationError
from craftkit_async.models.health import Liveness
from craftkit_async.observe import reports
from craftkit_async.observe.events import AttemptFailed, Retried, Submitted, Throttled
from craftkit_async.testing import FakeReply, FakeTransport
from tests.support.observing import Recorder

pytestmark = pytest.mark.virtual_time

QUEUED = FakeReply(status=202, json={"id": "r1", "status": "queued"})
FOUND = FakeReply(json={"id": "r1", "status": "queued"})
BROKEN = FakeReply(status=500, json={"error": {"code": "internal", "message": "sorry"}})
TOO_MANY = FakeReply(
    status=429, json={"error": {"code": "rate_limited", "message": "slowly"}}, headers={"retry-after": "7"}
)
BUSY = FakeReply(
    status=503, json={"error": {"code": "queue_unavailable", "message": "later"}}, headers={"retry-after": "7"}
)
HTML = FakeReply(body=b"<html>a proxy speaks</html>", headers={"content-type": "text/html"})
CREATED = FakeReply(
    status=201, json={"id": "t", "slug": "s", "currentVersionNumber": 1, "manifest": {"variables": [], "loops": []}}
)
UNSENT = TransportError("refused", maybe_sent=False)
LOST = TransportError("lost")


def found(request: Request, after: float = 0.0) -> FakeReply:
    """Answer with the render that was asked for."""
    return FakeReply(json={"id": request.url.rpartition("/")[2], "status": "queued"}, after=after)


def now() -> float:
    return asyncio.get_running_loop().time()


def keys(transport: FakeTransport) -> set[str]:
    return {request.headers["idempotency-key"] for request in transport.requests}


def client(transport: FakeTransport, **options: Any) -> Craftkit:
    return Craftkit("ck_test_key", transport=transport, **options)


# -- submitting


@pytest.mark.parametrize("failure", [LOST, HTML, FakeReply(json=["of another shape"]), BROKEN, UNSENT, TOO_MANY, BUSY])
async def test_unknown_outcome_of_a_submit_is_found_by_the_same_key(failure: FakeReply | Exception) -> None:
    """Whatever leaves open what became of a submit is resolved by sending the same bytes under the same key."""
    transport = FakeTransport([failure, QUEUED])

    async with client(transport) as craftkit:
        render = await craftkit.templates.render("invoice", {"total": 1})

    assert render == Render("r1", "queued")
    assert len(transport.requests) == 2
    assert len(keys(transport)) == 1
    assert len({request.body for request in transport.requests}) == 1


async def test_every_submit_makes_its_own_key() -> None:
    """A key belongs to one logical call."""
    transport = FakeTransport([QUEUED, QUEUED])

    async with client(transport) as craftkit:
        await craftkit.templates.render("invoice", {})
        await craftkit.templates.render("invoice", {})

    assert len(keys(transport)) == 2


async def test_slow_reply_to_a_submit_is_sent_again_under_its_key() -> None:
    """A read timeout on a submit means unknown."""
    transport = FakeTransport([FakeReply(status=202, json={"id": "r1", "status": "queued"}, after=31.0), QUEUED])

    async with client(transport) as craftkit:
        await craftkit.templates.render("invoice", {})

    assert len(keys(transport)) == 1


# -- retrying


@pytest.mark.parametrize("failure", [UNSENT, TOO_MANY])
async def test_never_operation_is_sent_again_when_it_had_no_effect(failure: FakeReply | Exception) -> None:
    """What may never be doubled is sent again if it provably never arrived, or was rejected for the rate."""
    transport = FakeTransport([failure, CREATED])

    async with client(transport) as craftkit:
        await craftkit.templates.create("n", manifest={"variables": [], "loops": []})

    assert len(transport.requests) == 2


@pytest.mark.parametrize(
    ("failure", "error"), [(LOST, TransportError), (BROKEN, ServerError), (BUSY, ServerError), (HTML, DecodeError)]
)
async def test_never_operation_that_may_have_arrived_is_not_sent_again(
    failure: FakeReply | Exception, error: type[CraftkitError]
) -> None:
    """What may never be doubled is sent once where its effect is open."""
    transport = FakeTransport([failure])

    async with client(transport) as craftkit:
        with pytest.raises(error):
            await craftkit.templates.create("n", manifest={"variables": [], "loops": []})

    assert len(transport.requests) == 1


async def test_attempts_are_counted() -> None:
    """A call is sent at most `attempts` times, and its error says how often."""
    transport = FakeTransport(lambda _: BROKEN)

    async with client(transport, retries=RetryPolicy(attempts=3)) as craftkit:
        with pytest.raises(ServerError) as caught:
            await craftkit.renders.get("r1")

    assert len(transport.requests) == 3
    assert caught.value.attempts == 3
    assert "after 3 attempts" in str(caught.value)


@pytest.mark.parametrize("failure", [TOO_MANY, BUSY])
async def test_patience_spends_time_and_no_attempts(failure: FakeReply) -> None:
    """429, and 503 with Retry-After, are waited out more often than there are attempts."""
    transport = FakeTransport([*[failure] * 6, FOUND])

    async with client(transport, retries=RetryPolicy(attempts=2)) as craftkit:
        start = now()
        await craftkit.renders.get("r1")

        assert 42 <= now() - start <= 42 * 1.25
        assert craftkit.statistics().throttled == 6
        assert craftkit.statistics().retries == 0


@pytest.mark.parametrize("seconds", ["61", "Wed, 01 Jan 2070 00:00:00 GMT"])
async def test_too_long_a_wait_is_an_error_now(seconds: str) -> None:
    """A server that asks for more than max_retry_after gets an error at once, with the time it asked for."""
    transport = FakeTransport([FakeReply(status=429, headers={"retry-after": seconds})])

    async with client(transport) as craftkit:
        start = now()
        with pytest.raises(RateLimitedError) as caught:
            await craftkit.renders.get("r1")

        assert now() == start

    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 60


async def test_wait_beyond_the_time_left_is_an_error_now() -> None:
    """Nobody waits for an attempt that could not be made any more."""
    transport = FakeTransport([TOO_MANY, TOO_MANY])

    async with client(transport, retries=RetryPolicy(total=10.0)) as craftkit:
        start = now()
        with pytest.raises(RateLimitedError):
            await craftkit.renders.get("r1")

        assert now() - start < 10.0

    assert len(transport.requests) == 2


async def test_total_is_a_budget_over_all_attempts() -> None:
    """Outages are not waited out for longer than `total`."""
    transport = FakeTransport(lambda _: FakeReply(status=500, after=9.0))

    async with client(transport, retries=RetryPolicy(attempts=1000, total=60.0)) as craftkit:
        start = now()
        with pytest.raises(ServerError):
            await craftkit.renders.get("r1")

        assert now() - start <= 60.0 + 9.0


async def test_mail_without_a_sender_is_not_tried_again() -> None:
    """Waiting does not help where no mail sender is configured, even if the server says when to come back."""
    error = {"error": {"code": "email_not_configured", "message": "no sender"}}
    transport = FakeTransport([FakeReply(status=503, json=error, headers={"retry-after": "1"})])

    async with client(transport) as craftkit:
        with pytest.raises(ServerError, match="email_not_configured"):
            await craftkit.renders.get("r1")

        assert craftkit.statistics().window == Limits().first_requests


async def test_quota_is_shared_with_children_and_leaves_the_last_error() -> None:
    """The retries of a client and its children run out together; then each call fails at its first error."""
    transport = FakeTransport(lambda _: BROKEN)
    policy = RetryPolicy(attempts=3, quota=20)

    async with client(transport, retries=policy) as craftkit:
        for asked in (craftkit, craftkit.with_api_key("ck_test_other"), craftkit):
            with pytest.raises(ServerError):
                await asked.renders.get("r1")

        assert craftkit.statistics().retries == 4
        assert len(transport.requests) == 3 + 3 + 1


async def test_first_time_successes_fill_the_quota_again() -> None:
    """The quota recovers with the service."""
    transport = FakeTransport([BROKEN, BROKEN, *[FOUND] * 5, BROKEN, FOUND])

    async with client(transport, retries=RetryPolicy(quota=5, attempts=2)) as craftkit:
        with pytest.raises(ServerError):
            await craftkit.renders.get("r1")
        for _ in range(6):
            await craftkit.renders.get("r1")

        assert craftkit.statistics().retries == 2


async def test_unsent_last_attempt_does_not_hide_a_lost_one() -> None:
    """`maybe_sent` speaks of all attempts: after a lost answer the call may have reached the service."""
    transport = FakeTransport([LOST, UNSENT])

    async with client(transport, retries=RetryPolicy(attempts=2)) as craftkit:
        with pytest.raises(TransportError) as caught:
            await craftkit.templates.render("invoice", {})

    assert caught.value.maybe_sent
    assert {caught.value.idempotency_key} == keys(transport)
    assert caught.value.attempts == 2


async def test_never_sent_is_said() -> None:
    """A call of which no attempt got out says so."""
    transport = FakeTransport(lambda _: UNSENT)

    async with client(transport, retries=RetryPolicy(attempts=2)) as craftkit:
        with pytest.raises(TransportError) as caught:
            await craftkit.renders.get("r1")

    assert not caught.value.maybe_sent


async def test_earlier_doubt_is_told_with_the_last_error() -> None:
    """Whoever gets a 404 can see that an earlier attempt may have taken effect."""
    transport = FakeTransport([LOST, FakeReply(status=404)])

    async with client(transport) as craftkit:
        with pytest.raises(NotFoundError) as caught:
            await craftkit.renders.get("r1")

    assert caught.value.maybe_applied


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
async def test_unreadable_success_of_a_read_is_read_again(body: bytes) -> None:
    """A 2xx that is no JSON came from somebody else, or was cut."""
    transport = FakeTransport([FakeReply(body=body), FOUND])

    async with client(transport) as craftkit:
        assert await craftkit.renders.get("r1") == Render("r1", "queued")


async def test_cut_error_body_leaves_the_status() -> None:
    """The status of an error is known before its body, so a body that is cut does no harm."""
    transport = FakeTransport([FakeReply(status=400, json={"error": {"code": "invalid_request"}}, cut_at=3)])

    async with client(transport) as craftkit:
        with pytest.raises(InvalidRequestError, match="400"):
            await craftkit.renders.get("r1")

    assert transport.in_flight == 0


async def test_health_is_asked_once() -> None:
    """A probe reports what is; it does not wait for better."""
    transport = FakeTransport([BROKEN])

    async with client(transport) as craftkit:
        with pytest.raises(ServerError):
            await craftkit.health()


# -- keys


async def test_key_is_asked_for_at_each_attempt() -> None:
    """A rotated key is used from the next attempt on."""
    rotating = iter(["ck_test_old", " ck_test_new "])
    transport = FakeTransport([FakeReply(status=500), FOUND])

    async with Craftkit(lambda: next(rotating), transport=transport) as craftkit:
        await craftkit.renders.get("r1")

    assert [request.headers["authorization"] for request in transport.requests] == [
        "Bearer ck_test_old",
        "Bearer ck_test_new",
    ]


async def test_rotated_key_of_a_wrong_kind_is_refused() -> None:
    """A function's key is checked as one that is passed."""
    transport = FakeTransport([])

    async with Craftkit(lambda: "ck_acct_wrong", transport=transport) as craftkit:
        with pytest.raises(ConfigurationError, match="ck_acct_"):
            await craftkit.renders.get("r1")

        assert craftkit.statistics().in_flight == 0


async def test_missing_key_is_said_at_the_first_call_that_needs_one() -> None:
    """A client without a key can do what needs none, and sends no credential there."""
    transport = FakeTransport(
        [
            QUEUED,
            FakeReply(json={"status": "ok", "version": "1", "checks": {"database": "ok"}}),
            FakeReply(json={"status": "ok"}),
        ]
    )

    async with Craftkit(transport=transport) as craftkit:
        await craftkit.hooks.trigger("token", {})
        assert (await craftkit.health()).is_ok
        assert await craftkit.liveness() == Liveness("ok")
        with pytest.raises(ConfigurationError, match="CRAFTKIT_API_KEY"):
            await craftkit.renders.get("r1")

    assert len(transport.requests) == 3
    assert not any("authorization" in request.headers for request in transport.requests)


# -- timeouts and places


async def test_timeout_is_of_one_attempt() -> None:
    """`timeout=` bounds each attempt and not the call."""
    slow = FakeReply(json={"id": "r1", "status": "queued"}, after=5.0)
    transport = FakeTransport([slow, slow, FOUND])

    async with client(transport) as craftkit:
        start = now()
        await craftkit.renders.get("r1", timeout=2.0)

        assert now() - start > 4.0


async def test_no_timeout_waits_for_as_long_as_it_takes() -> None:
    """`timeout=None` is no limit, beyond `Timeouts.request`."""
    transport = FakeTransport([FakeReply(json={"id": "r1", "status": "queued"}, after=1000.0)])

    async with client(transport) as craftkit:
        await craftkit.renders.get("r1", timeout=None)


@pytest.mark.parametrize("timeout", [0, -1, 10**400, float("nan"), float("inf"), "5", True])
async def test_timeout_of_an_operation_is_checked(timeout: Any) -> None:
    """What is no number of seconds is refused before any request."""
    transport = FakeTransport([])

    async with client(transport) as craftkit:
        with pytest.raises(ConfigurationError, match="timeout takes seconds above 0"):
            await craftkit.renders.get("r1", timeout=timeout)


async def test_waiting_for_a_place_is_not_the_attempts_time() -> None:
    """A call that waits for its place for longer than its timeout is sent all the same."""
    transport = FakeTransport([FakeReply(json={"id": "r1", "status": "queued"}, after=20.0), FOUND])

    async with client(transport, limits=Limits(requests=1)) as craftkit, asyncio.TaskGroup() as group:
        group.create_task(craftkit.renders.get("r1"))
        await asyncio.sleep(0)
        await craftkit.renders.get("r1", timeout=1.0)


async def test_no_place_within_the_total_is_said() -> None:
    """Waiting for a place counts against `total`; the error names what was waited for, and that nothing was sent."""
    transport = FakeTransport([FakeReply(json={"id": "r1", "status": "queued"}, after=20.0)])
    options: dict[str, Any] = {"limits": Limits(requests=1), "retries": RetryPolicy(total=5.0)}

    async with client(transport, **options) as craftkit, asyncio.TaskGroup() as group:
        group.create_task(craftkit.renders.get("r1"))
        await asyncio.sleep(0)
        with pytest.raises(TransportTimeoutError, match="no slot came free among the 1 requests") as caught:
            await craftkit.renders.get("r1", timeout=1.0)

        assert craftkit.statistics().waiting_for_slot == 0

    assert not caught.value.maybe_sent
    assert caught.value.attempts == 0


async def test_no_place_for_a_retry_does_not_hide_a_lost_answer() -> None:
    """A call whose first attempt may have arrived does not say that nothing was sent."""
    transport = FakeTransport(
        lambda request: (
            LOST if request.url.endswith("r1") else FakeReply(json={"id": "r2", "status": "queued"}, after=29.0)
        )
    )
    policy = RetryPolicy(total=20.0, first_delay=5.0, max_delay=5.0)

    async with client(transport, limits=Limits(requests=1), retries=policy) as craftkit, asyncio.TaskGroup() as group:
        lost = group.create_task(_fails(craftkit.renders.get("r1")))
        await asyncio.sleep(0)
        group.create_task(craftkit.renders.get("r2"))

    error = lost.result()
    assert isinstance(error, TransportTimeoutError)
    assert error.maybe_sent


async def _fails(call: Any) -> CraftkitError:
    with pytest.raises(CraftkitError) as caught:
        await call
    return caught.value


async def test_rejected_request_keeps_its_place() -> None:
    """A request that waits out its Retry-After holds its place, so that the window empties by itself."""
    transport = FakeTransport(lambda request: found(request) if transport.requests[1:] else TOO_MANY)

    async with client(transport, limits=Limits(requests=1)) as craftkit, asyncio.TaskGroup() as group:
        group.create_task(craftkit.renders.get("r1"))
        await asyncio.sleep(1.0)
        group.create_task(craftkit.renders.get("r2"))
        await asyncio.sleep(1.0)

        assert len(transport.requests) == 1
        assert craftkit.statistics().in_flight == 1
        assert craftkit.statistics().waiting_for_slot == 1

    assert [request.url[-2:] for request in transport.requests] == ["r1", "r1", "r2"]


async def test_failed_request_gives_its_place_away_while_it_waits() -> None:
    """A pause after an error holds nobody else up."""
    transport = FakeTransport(
        lambda request: BROKEN if request.url.endswith("r1") and len(transport.requests) == 1 else found(request)
    )
    policy = RetryPolicy(first_delay=10.0)

    async with client(transport, limits=Limits(requests=1), retries=policy) as craftkit, asyncio.TaskGroup() as group:
        group.create_task(craftkit.renders.get("r1"))
        await asyncio.sleep(0)
        await craftkit.renders.get("r2")

        assert [request.url[-2:] for request in transport.requests] == ["r1", "r2"]


async def test_poll_lets_others_go_first() -> None:
    """A call that yields takes a place only when nobody else waits for one."""
    transport = FakeTransport(lambda request: found(request, after=1.0))
    operation = Operation("poll", "GET", "/v1/renders/{id}", Render)

    async with client(transport, limits=Limits(requests=1)) as craftkit, asyncio.TaskGroup() as group:
        group.create_task(craftkit.renders.get("first"))
        await asyncio.sleep(0)
        group.create_task(craftkit._sender.send(operation.call(id="poll"), yields=True))
        await asyncio.sleep(0)
        group.create_task(craftkit.renders.get("second"))

    assert [request.url.rpartition("/")[2] for request in transport.requests] == ["first", "second", "poll"]


async def test_time_left_bounds_the_attempt_too() -> None:
    """Whoever has little time left is not kept waiting by one slow attempt."""
    transport = FakeTransport(lambda _: FakeReply(json={"id": "r", "status": "queued"}, after=10.0))
    operation = Operation("poll", "GET", "/v1/renders/{id}", Render)

    async with client(transport) as craftkit:
        start = now()
        with pytest.raises(TransportTimeoutError):
            await craftkit._sender.send(operation.call(id="r1"), time_left=3.0)

        assert now() - start == pytest.approx(3.0)


async def test_closing_ends_an_attempt_that_nobody_answers() -> None:
    """A transport of the caller's is not closed, but what waits for it ends, and at once."""
    craftkit = client(FakeTransport([FakeReply(json={"id": "r1", "status": "queued"}, after=20.0)]))
    call = asyncio.ensure_future(craftkit.renders.get("r1"))
    await asyncio.sleep(1.0)

    await craftkit.aclose()
    await asyncio.wait([call])

    assert isinstance(call.exception(), ClientStateError)
    assert now() == 1.0
    assert craftkit.statistics().in_flight == 0


async def test_attempt_may_be_unbounded() -> None:
    """`Timeouts(request=None)` is no limit."""
    transport = FakeTransport([FakeReply(json={"id": "r1", "status": "queued"}, after=1000.0)])

    async with client(transport, timeouts=Timeouts(request=None)) as craftkit:
        await craftkit.renders.get("r1")


async def test_call_outside_of_a_task_is_refused() -> None:
    """Only a task can be interrupted at its timeout."""
    ended = asyncio.get_running_loop().create_future()

    def drive() -> None:
        try:
            craftkit.renders.get("r1").send(None)
        except CraftkitError as error:
            ended.set_result(error)

    async with client(FakeTransport([])) as craftkit:
        asyncio.get_running_loop().call_soon(drive)

        assert isinstance(await ended, ClientStateError)


# -- the window


async def test_window_grows_while_it_is_used() -> None:
    """Successes add places while all are taken; an idle window stays."""
    transport = FakeTransport(lambda _: FakeReply(json={"id": "r1", "status": "queued"}, after=1.0))

    async with client(transport, limits=Limits(first_requests=4)) as craftkit:
        for _ in range(10):
            await craftkit.renders.get("r1")
        assert craftkit.statistics().window == 4
        for _ in range(4):
            async with asyncio.TaskGroup() as group:
                for _ in range(16):
                    group.create_task(craftkit.renders.get("r1"))

        assert 4 < craftkit.statistics().window <= 20


@pytest.mark.parametrize(
    "failure", [FakeReply(status=429, after=1.0), FakeReply(status=503, after=1.0), FakeReply(after=31.0)]
)
async def test_window_shrinks_once_for_those_rejected_together(failure: FakeReply) -> None:
    """Of all that were under way when the service said "too much", one shrinks the window."""
    transport = FakeTransport(lambda _: failure if len(transport.requests) <= 16 else FOUND)

    async with client(transport) as craftkit, asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(craftkit.renders.get("r1"))
        await asyncio.sleep(30.0001 if failure.after > 30 else 1.0001)

        assert craftkit.statistics().window == int(16 * 0.85)


# -- what is told


async def test_events_come_in_order() -> None:
    """Observers hear of each failure, of what follows from it, and of the render."""
    recorder = Recorder()
    transport = FakeTransport([BROKEN, TOO_MANY, QUEUED])

    async with client(transport, observers=[recorder]) as craftkit:
        await craftkit.templates.render("invoice", {}, idempotency_key="mine")

    failed, retried, rejected, throttled, submitted = recorder.events
    assert isinstance(failed, AttemptFailed)
    assert isinstance(failed.error, ServerError)
    assert isinstance(retried, Retried)
    assert 0 <= retried.delay <= 0.5
    assert isinstance(rejected, AttemptFailed)
    assert rejected.attempt == 2
    assert isinstance(throttled, Throttled)
    assert 7 <= throttled.delay <= 7 * 1.25
    assert isinstance(submitted, Submitted)
    assert (submitted.render_id, submitted.idempotency_key, submitted.replayed) == ("r1", "mine", False)


async def test_broken_observer_breaks_nothing_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """An observer that raises is reported once, and the others are told all the same."""

    class Broken:
        def on_event(self, event: object) -> None:
            raise RuntimeError(event)

    recorder = Recorder()
    transport = FakeTransport([BROKEN, FOUND])

    async with client(transport, observers=[Broken(), recorder]) as craftkit:
        await craftkit.renders.get("r1")

    assert recorder.names == ["AttemptFailed", "Retried"]
    assert len([record for record in caplog.records if "Broken" in record.getMessage()]) == 1


async def test_statistics_count_submits_and_replays() -> None:
    """A 200 to a submit is a replay."""
    transport = FakeTransport([QUEUED, FOUND])

    async with client(transport) as craftkit:
        await craftkit.templates.render("invoice", {})
        await craftkit.templates.render("invoice", {}, idempotency_key="again")

        seen = craftkit.statistics()

    assert (seen.submitted, seen.replayed, seen.retries, seen.throttled, seen.in_flight) == (2, 1, 0, 0, 0)
    assert seen.window == Limits().first_requests


async def test_responses_are_captured_inside_the_block_only() -> None:
    """Inside `capture_responses` every call adds what it got in the end, calls of tasks that start there too."""
    transport = FakeTransport([FOUND, BROKEN, FOUND, LOST, FOUND])

    async with client(transport, retries=RetryPolicy(attempts=2, first_delay=2.0)) as craftkit:
        await craftkit.renders.get("r1")
        with capture_responses() as seen:
            await craftkit.renders.get("r1")
            with pytest.raises(TransportError):
                await craftkit.templates.create("n", manifest={}, timeout=1.0)
            async with asyncio.TaskGroup() as group:
                group.create_task(craftkit.renders.get("r1"))

    assert [(response.operation, response.status, response.attempts) for response in seen] == [
        ("get_render", 200, 2),
        ("create_template", None, 1),
        ("get_render", 200, 1),
    ]
    assert seen[0].headers["content-type"] == "application/json"
    assert seen[0].elapsed >= 0


async def test_default_timeout_is_an_option() -> None:
    """`Timeouts.request` bounds an attempt where no timeout is passed."""
    transport = FakeTransport(lambda _: FakeReply(after=5.0))
    options: dict[str, Any] = {"timeouts": Timeouts(request=1.0), "retries": RetryPolicy(attempts=1)}

    async with client(transport, **options) as craftkit:
        start = now()
        with pytest.raises(TransportTimeoutError, match="no whole reply came in time"):
            await craftkit.renders.get("r1")

        assert now() - start == 1.0


def test_operations_know_their_retry_class() -> None:
    """A read is safe unless something else is said."""
    assert Operation("x", "GET", "/x", Render).retry is Retry.SAFE


async def test_what_does_not_fit_is_logged_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member that is left out is told by its path, once for an operation."""
    monkeypatch.setattr(reports, "_logged", set())
    transport = FakeTransport(lambda _: FakeReply(json={"id": "r1", "status": "queued", "durationMs": "odd"}))

    async with client(transport) as craftkit:
        for _ in range(2):
            assert (await craftkit.renders.get("r1")).duration_ms is None

    assert [record.getMessage() for record in caplog.records] == [
        "the reply to get_render has a member that does not fit and is left out: $.durationMs"
    ]
