"""For the tests of programs that use this package."""

from craftkit_async.testing.deliveries import SignedDelivery, signed_delivery
from craftkit_async.testing.fake_transport import FakeReply, FakeTransport
from craftkit_async.testing.relay_contract import relay_contract

__all__ = ["FakeReply", "FakeTransport", "SignedDelivery", "relay_contract", "signed_delivery"]
