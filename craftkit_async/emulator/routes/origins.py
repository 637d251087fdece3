"""Check the `Origin` header of calls from a browser."""

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.http.answers import Refusal
from craftkit_async.emulator.service import Service


def check_origin(service: Service, call: Call) -> None:
    """Raise `Refusal` if a call with a session token has a foreign origin."""
    origin = call.header("Origin")
    if call.credential.session and origin is not None and origin != service.base_url:
        raise Refusal(400, "bad_request", "This origin is not allowed.")
