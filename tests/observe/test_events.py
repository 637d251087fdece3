"""Observers: told of everything, and unable to break anything."""

import logging
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

import craftkit_async
from craftkit_async import (
    Abandoned,
    AttemptFailed,
    Completed,
    ConfigurationError,
    DeliveryReceived,
    DeliveryRefused,
    Downloaded,
    Event,
    HandlerFailed,
    LoggingObserver,
    NotFoundError,
    Polled,
    Render,
    Retried,
    Statistics,
    Submitted,
    Throttled,
    TimedOut,
)
from craftkit_async.observe.observers import Observers

RENDER = Render("r1", "succeeded", download_url="https://cdn.example.com/s3cret")
ERROR = NotFoundError("Gone.", 404, "not_found", (), "GET", "/v1/renders/r1")

EVENTS: list[tuple[Event, int, str]] = [
    (Submitted("r1", "invoice", "k", replayed=False), logging.DEBUG, "Submitted(render_id='r1', template='invoice', "),
    (AttemptFailed("get_render", 1, ERROR), logging.INFO, "AttemptFailed(operation='get_render', attempt=1, err"),
    (Retried("get_render", 1, 0.5), logging.DEBUG, "Retried(operation='get_render', attempt=1, delay=0.5)"),
    (Throttled("get_render", 1, 0.5, 8), logging.INFO, "Throttled(operation='get_render', attempt=1, delay=0.5, win"),
    (Polled("r1", "queued"), logging.DEBUG, "Polled(render_id='r1', status='queued', error=None)"),
    (DeliveryReceived("render.failed", duplicate=True), logging.DEBUG, "DeliveryReceived(event='render.failed', dupl"),
    (DeliveryRefused("forged"), logging.WARNING, "DeliveryRefused(reason='forged')"),
    (Completed(RENDER, "poll", 1.5), logging.INFO, "Completed(render=Render(id='r1', status='succeeded', "),
    (TimedOut(None, "k", 300.0), logging.WARNING, "TimedOut(render_id=None, idempotency_key='k', elapsed=300.0)"),
    (Abandoned("invoice", "k"), logging.WARNING, "Abandoned(template='invoice', idempotency_key='k')"),
    (Downloaded("r1", 7, 0.5), logging.DEBUG, "Downloaded(render_id='r1', size=7, elapsed=0.5)"),
    (HandlerFailed("render.failed", ERROR), logging.ERROR, "HandlerFailed(event='render.failed', error=NotF"),
]  # fmt: skip


class Recorder:
    def __init__(self) -> None:
        self.seen: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.seen.append(event)


class Broken:
    def on_event(self, event: Event) -> None:
        raise LookupError(type(event).__name__)


def test_every_event_is_here() -> None:
    """The table holds all events there are, and all of them are exported."""
    listed = {type(event) for event, _, _ in EVENTS}

    assert listed == set(Event.__subclasses__())
    assert all(getattr(craftkit_async, kind.__name__) is kind for kind in listed)


@pytest.mark.parametrize(("event", "level", "text"), EVENTS, ids=lambda value: type(value).__name__)
def test_each_event_is_one_line(event: Event, level: int, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """The logging observer writes one line, at the level that suits a person on call, without what is secret."""
    with caplog.at_level(logging.DEBUG):
        LoggingObserver().on_event(event)
    (record,) = caplog.records

    assert (record.name, record.levelno) == ("craftkit_async.events", level)
    assert record.getMessage().startswith(text)
    assert "\n" not in record.getMessage()
    assert "s3cret" not in record.getMessage()


def test_events_go_to_a_logger_of_ones_own(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever passes a logger gets the lines there."""
    with caplog.at_level(logging.DEBUG):
        LoggingObserver(logging.getLogger("mine")).on_event(DeliveryRefused("forged"))

    assert [record.name for record in caplog.records] == ["mine"]


@pytest.mark.parametrize("event", [event for event, _, _ in EVENTS], ids=lambda event: type(event).__name__)
def test_events_are_frozen(event: Any) -> None:
    """One observer cannot change what the next one sees."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(event, attrs.fields(type(event))[0].name, None)


def test_all_observers_are_told_in_order() -> None:
    """Each one gets each event."""
    first, second = Recorder(), Recorder()
    observers = Observers([first, second])
    for event, _, _ in EVENTS:
        observers.notify(event)

    assert first.seen == second.seen == [event for event, _, _ in EVENTS]


def test_an_observer_that_raises_breaks_nothing_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The others are told all the same; the failure is in the log with its trace, once for each observer."""
    recorder = Recorder()
    observers = Observers([Broken(), Broken(), recorder])
    for event, _, _ in EVENTS:
        observers.notify(event)

    assert len(recorder.seen) == len(EVENTS)
    assert [record.getMessage() for record in caplog.records] == [
        "the observer 'Broken' failed; it is not reported again",
    ] * 2
    assert all(record.exc_info for record in caplog.records)
    assert {record.name for record in caplog.records} == {"craftkit_async.observe.observers"}


def test_nobody_may_listen() -> None:
    """Without observers there is nothing to tell, and that can be asked."""
    Observers(()).notify(DeliveryRefused("forged"))

    assert not Observers(())
    assert Observers([Recorder()])


@pytest.mark.parametrize("observers", [7, None, [object()], [SimpleNamespace(on_event=7)], "text"])
def test_what_is_no_observer_is_refused(observers: Any) -> None:
    """A mistake shows when the client is made, and not as a line in the log at the first event."""
    with pytest.raises(ConfigurationError, match="observers takes"):
        Observers(observers)


def test_statistics_begin_at_zero() -> None:
    """Every count and gauge of the design is there."""
    names = (
        "pending in_flight waiting_for_slot window mailbox submitted replayed completed_by_webhook completed_by_poll "
        "completed_by_relay failed timed_out polls retries throttled deliveries duplicates refused "
        "handler_failures downloads relay_failures relay_refused busy"
    )

    assert attrs.asdict(Statistics()) == dict.fromkeys(names.split(), 0)
