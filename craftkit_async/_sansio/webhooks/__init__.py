"""Webhooks: verify a delivery, read it, recognise its duplicates, and keep those that overtake their 202."""
