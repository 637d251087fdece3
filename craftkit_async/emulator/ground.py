"""What stands under everything that acts by itself: the state, the time, what is due, and background work."""

from attrs import frozen

from craftkit_async.emulator.agenda import Agenda
from craftkit_async.emulator.clock import Clock
from craftkit_async.emulator.crew import Crew
from craftkit_async.emulator.state import State


@frozen
class Ground:
    """The four that travel together."""

    state: State
    clock: Clock
    agenda: Agenda
    crew: Crew
