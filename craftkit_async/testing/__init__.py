"""For the tests of programs that use this package."""

from craftkit_async.testing.deliveries import SignedDelivery, signed_delivery
from craftkit_async.testing.fake_transport import FakeReply, FakeTransport

__all__ = ["FakeReply", "FakeTransport", "SignedDelivery", "signed_delivery"]
