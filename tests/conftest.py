"""What all tests share: real loops and virtual ones, no keys from outside, a fast hypothesis profile."""

import asyncio
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from craftkit_async.testing import VirtualTimeLoop

# What is tested with an extra is left out where the extra is not installed; `dev` has them all.
_WITH_EXTRAS = (
    "emulator",
    "cli",
    "testing/test_plugin.py",
    "contract/test_public_api.py",
    "test_client_on_emulator.py",
    "batch/test_faults.py",
    "batch/test_killed.py",
    "receivers/test_fastapi.py",
    "receivers/test_uvicorn.py",
)
collect_ignore = (
    []
    if all(map(find_spec, ("jsonschema_rs", "typst", "click", "pypdf", "pypdfium2", "fastapi", "uvicorn")))
    else list(_WITH_EXTRAS)
)

# What may differ between versions of Python and of the dependencies: encoding, requests, timers, tasks, frameworks.
_SMOKE = ("_sansio/calls", "_sansio/webhooks", "_io", "models", "waiting", "receivers", "batch/rows", "test_client")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that run with every version."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.path.relative_to(here).as_posix().startswith(_SMOKE):
            item.add_marker("smoke")


# Deadlines depend on the speed of the machine, so there are none. The fast profile draws the same examples each
# time, so that a change is judged by what it changes; the full one searches anew.
settings.register_profile(
    "fast", deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("full", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # noqa: ARG001 - the hook passes it
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on virtual time what is marked so, and everything else on a real loop."""
    if item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualTimeLoop}
    return {"real": asyncio.new_event_loop}


_PROXIES = [f"{scheme}_proxy" for scheme in ("http", "https", "all", "no")]

_READ_BY_A_CLIENT = [
    "CRAFTKIT_API_KEY",
    "CRAFTKIT_ACCOUNT_KEY",
    "CRAFTKIT_ADMIN_KEY",
    "CRAFTKIT_BASE_URL",
    "CRAFTKIT_WEBHOOK_SECRET",
    "CK_WEBHOOK_SECRET",
    *_PROXIES,
    *map(str.upper, _PROXIES),
]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out of the environment whatever a client would read."""
    for name in _READ_BY_A_CLIENT:
        monkeypatch.delenv(name, raising=False)
