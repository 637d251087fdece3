"""A local Craftkit service for demos and tests, implemented from the contract; requires the extra `emulator`."""

from craftkit_async.emulator.emulator import Emulator
from craftkit_async.emulator.faults.board import Faults
from craftkit_async.emulator.faults.grammar import FaultSpecError
from craftkit_async.emulator.http.request_log import SeenRequest
from craftkit_async.emulator.settings import Settings, SettingsError
from craftkit_async.emulator.storage.records import Delivery, Render
from craftkit_async.emulator.thread import EmulatorThread

__all__ = [
    "Delivery",
    "Emulator",
    "EmulatorThread",
    "FaultSpecError",
    "Faults",
    "Render",
    "SeenRequest",
    "Settings",
    "SettingsError",
]
