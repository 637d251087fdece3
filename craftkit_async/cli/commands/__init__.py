"""The commands: one module each, found here by its name."""
