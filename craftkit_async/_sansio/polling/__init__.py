"""Polling: when to poll a render next, learned from how long earlier renders took."""
