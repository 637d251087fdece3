"""Webhook deliveries: signing, sending, retrying and logging."""
