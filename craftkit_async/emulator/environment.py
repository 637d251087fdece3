"""What stands under everything that acts by itself: the state, the time, what is due, and background work."""

from attrs import frozen

from craftkit_async.emulator.background.agenda import Agenda
from craftkit_async.emulator.background.clock import Clock
from craftkit_async.emulator.background.tasks import Crew
from craftkit_async.emulator.storage.state import State


@frozen
class Ground:
    """The four that travel together."""

    state: State
    clock: Clock
    agenda: Agenda
    crew: Crew
