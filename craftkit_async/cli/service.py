"""The service that a command asks: where it is, and the loop that asks it."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click

from craftkit_async._sansio.calls.call import OMITTED, TimeoutOption
from craftkit_async._sansio.calls.credentials import PROJECT
from craftkit_async.client import Craftkit

Command = TypeVar("Command", bound=Callable[..., Any])
Done = TypeVar("Done")


def service_options(command: Command) -> Command:
    """Add the options that say where the service is; the key comes from the environment, which `ps` does not show."""
    address = click.option("--base-url", metavar="URL", help="Address of the service; default: CRAFTKIT_BASE_URL.")
    private = click.option("--private-network", is_flag=True, help="Allow plain http and private addresses.")
    return address(private(command))


def timeout_option(command: Command) -> Command:
    """Add the option that bounds how long a command waits."""
    return click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Maximum time to wait.")(
        command
    )


def read_timeout(timeout: float | None) -> TimeoutOption:
    """Leave a timeout that was not given to the client."""
    return OMITTED if timeout is None else timeout


def open_client(**service: Any) -> Craftkit:
    """Make a client for a command that needs a key."""
    if not os.environ.get(PROJECT.variable, "").strip():
        raise click.UsageError(f"there is no key: set {PROJECT.variable} to {PROJECT.noun}")
    return Craftkit(**service)


def run(work: Coroutine[Any, Any, Done]) -> Done:
    """Run until done or until Ctrl-C, which is raised after everything is closed."""
    with asyncio.Runner(loop_factory=_find_loop()) as runner:
        try:
            return runner.run(work)
        except asyncio.CancelledError:
            # Nothing but Ctrl-C cancels a command.
            raise KeyboardInterrupt from None


def _find_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - faster where it is installed, and not needed
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop
