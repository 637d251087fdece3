"""A local Craftkit for demos and tests, written from the contract alone; needs the extra `emulator`."""

from craftkit_async.emulator.emulator import Emulator
from craftkit_async.emulator.faults.grammar import FaultSpecError
from craftkit_async.emulator.settings import Settings, SettingsError

__all__ = ["Emulator", "FaultSpecError", "Settings", "SettingsError"]
