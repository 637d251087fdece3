"""Relays: other processes. One module per engine; each shares genuine deliveries and claims work once."""
