"""Retries: whether and when to send again, and how many requests may be in flight."""
