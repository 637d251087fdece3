"""Calls to subscribers: what they carry, when they are tried again, and the log of them."""
