"""Webhooks in your web framework: each module turns a request into a delivery, and its outcome into a status."""

__all__ = ["WEBHOOK_PATH"]

WEBHOOK_PATH = "/webhooks/craftkit"
"""Where deliveries come in unless another path is given."""
