"""What rendering, signing and webhook delivery share: the state, the clock, the schedule, and background tasks."""

from attrs import frozen

from craftkit_async.emulator.background.clock import Clock
from craftkit_async.emulator.background.schedule import Schedule
from craftkit_async.emulator.background.tasks import BackgroundTasks
from craftkit_async.emulator.storage.state import State


@frozen
class Environment:
    """The parts that every background component needs."""

    state: State
    clock: Clock
    schedule: Schedule
    tasks: BackgroundTasks
