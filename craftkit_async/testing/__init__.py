"""For the tests of programs that use this package."""

from craftkit_async.testing.deliveries import SignedDelivery, signed_delivery
from craftkit_async.testing.fake_transport import FakeReply, FakeTransport
from craftkit_async.testing.relay_contract import relay_contract
from craftkit_async.testing.virtual_time import VirtualTimeLoop

__all__ = ["FakeReply", "FakeTransport", "SignedDelivery", "VirtualTimeLoop", "relay_contract", "signed_delivery"]
