"""Background: the emulator's clock, its agenda of what comes due, and its tasks."""
