"""The emulator's records, in memory and in SQLite."""
