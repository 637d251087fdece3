"""Environment: what background work shares: state, clock, schedule and tasks."""

from attrs import frozen

from craftkit_async.emulator.background.clock import Clock
from craftkit_async.emulator.background.schedule import Schedule
from craftkit_async.emulator.background.tasks import BackgroundTasks
from craftkit_async.emulator.storage.state import State


@frozen
class Environment:
    """The four that travel together."""

    state: State
    clock: Clock
    schedule: Schedule
    tasks: BackgroundTasks
