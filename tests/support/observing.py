"""Observing: an observer that keeps what it is told."""

import attrs

from craftkit_async.observe.events import Event


@attrs.define
class Recorder:
    """Keeps every event, in order."""

    events: list[Event] = attrs.field(factory=list)

    def on_event(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    @property
    def names(self) -> list[str]:
        """The kinds of the events, in order."""
        return [type(event).__name__ for event in self.events]
