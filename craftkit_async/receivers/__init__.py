"""Webhooks in your web framework: each module turns a request into a delivery, and its receipt into a status."""

WEBHOOK_PATH = "/webhooks/craftkit"
"""Where deliveries come in unless another path is given."""
