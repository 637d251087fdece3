"""Origins: a browser's call comes from the emulator's own origin, or has none."""

from craftkit_async.emulator.calls import Call
from craftkit_async.emulator.http.answers import Refusal
from craftkit_async.emulator.service import Service


def check_origin(service: Service, call: Call) -> None:
    """Refuse a foreign origin of a call that carries a session token."""
    origin = call.header("Origin")
    if call.credential.session and origin is not None and origin != service.base_url:
        raise Refusal(400, "bad_request", "This origin is not allowed.")
