"""For your tests: signed deliveries, and a pytest plugin with a local Craftkit."""

from craftkit_async.testing.deliveries import SignedDelivery, signed_delivery

__all__ = ["SignedDelivery", "signed_delivery"]
