"""The pytest plugin: `pytest_plugins = ["craftkit_async.testing.plugin"]`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pytest

from craftkit_async.errors import MissingExtraError
from craftkit_async.testing.deliveries import SignedDelivery, signed_delivery

if TYPE_CHECKING:
    from craftkit_async.emulator import Delivery, EmulatorThread, Faults, Render, SeenRequest

_MARK: Final = "craftkit_emulator"
_DEFAULTS: Final = {"webhook_secret": "whsec_test", "latency": "0.02", "pdf": False}


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", f"{_MARK}(**settings): settings of this test's local Craftkit")


class RunningEmulator:
    """A local Craftkit in a thread of its own."""

    def __init__(self, thread: "EmulatorThread") -> None:
        emulator = thread.emulator
        self._thread, self._emulator = thread, emulator
        self.url, self.api_key = emulator.url, emulator.api_key
        self.account_key, self.admin_key = emulator.account_key, emulator.admin_key
        self.webhook_secret = emulator.webhook_secret or ""

    @property
    def requests(self) -> Sequence["SeenRequest"]:
        """The latest requests, oldest first."""
        return self._emulator.requests

    @property
    def renders(self) -> Sequence["Render"]:
        """All renders, oldest first."""
        return self._emulator.renders

    @property
    def deliveries(self) -> Sequence["Delivery"]:
        """The delivery log, oldest first."""
        return self._emulator.deliveries

    @property
    def faults(self) -> "Faults":
        """The faults in force: `set(spec)`, `clear()`."""
        return self._emulator.faults

    @property
    def state(self) -> Mapping[str, Any]:
        """How many records of each kind there are, and the projects with their hooks."""
        return self._thread.call(lambda: self._emulator.state)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._thread.call(lambda: self._emulator.advance(seconds))

    def subscribe(self, url: str, **subscription: Any) -> str:
        """Send events to a URL from now on; gives the subscription's id."""
        return self._thread.call(lambda: self._emulator.subscribe(url, self.webhook_secret, **subscription))


class Webhooks:
    """Deliveries of the local Craftkit, and of your own making."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self._emulator = emulator
        self.secret = emulator.webhook_secret

    def send_to(self, url: str, *, events: Sequence[str] | None = None) -> None:
        """Send events to the app under test: all of them, or those named."""
        self._emulator.subscribe(url, **({} if events is None else {"events": list(events)}))

    @property
    def deliveries(self) -> Sequence["Delivery"]:
        """What was sent, with every attempt."""
        return self._emulator.deliveries

    def sign(self, event: Mapping[str, Any]) -> SignedDelivery:
        """Make a delivery by hand, signed with the secret in force."""
        return signed_delivery(event, self.secret)


@pytest.fixture
def craftkit_emulator(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    """A fresh local Craftkit; change its settings with `@pytest.mark.craftkit_emulator(latency=…, pdf=True)`."""
    try:
        from craftkit_async.emulator import EmulatorThread  # noqa: PLC0415 - signed deliveries need no extra
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{error.name} is missing: pip install 'craftkit-async[emulator]'") from error

    mark = request.node.get_closest_marker(_MARK)
    with EmulatorThread(**{**_DEFAULTS, **(mark.kwargs if mark else {})}) as thread:
        yield RunningEmulator(thread)


@pytest.fixture
def craftkit_env(craftkit_emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The environment variables of the local Craftkit, set for this test."""
    variables = {
        "CRAFTKIT_BASE_URL": craftkit_emulator.url,
        "CRAFTKIT_API_KEY": craftkit_emulator.api_key,
        "CRAFTKIT_ACCOUNT_KEY": craftkit_emulator.account_key,
        "CRAFTKIT_ADMIN_KEY": craftkit_emulator.admin_key,
        "CRAFTKIT_WEBHOOK_SECRET": craftkit_emulator.webhook_secret,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def craftkit_webhooks(craftkit_emulator: RunningEmulator) -> Webhooks:
    """The local Craftkit's webhooks: `send_to(url)` subscribes the app under test."""
    return Webhooks(craftkit_emulator)
