"""Storage: the emulator's records, in memory and in SQLite."""
