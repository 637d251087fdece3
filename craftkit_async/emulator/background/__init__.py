"""Background: the emulator's clock, its schedule of what comes due, and its tasks."""
