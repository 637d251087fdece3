"""The emulator's clock, its schedule of future calls, its background tasks, and simulated latency."""
