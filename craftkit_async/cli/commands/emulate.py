"""`craftkit-async emulate`: run a local Craftkit service until Ctrl-C."""

import asyncio
import ipaddress
import json
import shlex
import signal
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from craftkit_async.emulator import Emulator


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Host to listen on.")
@click.option("--port", default=4010, show_default=True, type=int, help="Port to listen on; 0 picks a free one.")
@click.option("--expose", is_flag=True, help="Allow a host that other machines can reach.")
@click.option("--api-key", default="ck_test_local", show_default=True, help="Key of the local project.")
@click.option("--account-key", default="ck_acct_local", show_default=True, help="Key of the account.")
@click.option("--admin-key", default="local-admin", show_default=True, help="Key for provisioning.")
@click.option("--webhook", "webhook_url", metavar="URL", help="URL that receives the webhooks.")
@click.option("--webhook-secret", metavar="SECRET", help="Secret that signs the webhooks.")
@click.option("--webhook-delays", default="0.1,0.5,1,2,4", show_default=True, help="Waits between the six attempts.")
@click.option("--db", metavar="FILE", help="SQLite file to keep the state in.")
@click.option("--no-pdf", is_flag=True, help="Serve one tiny PDF for every render, for load tests.")
@click.option("--font-path", metavar="FOLDER", help="Folder with more fonts for the documents.")
@click.option("--latency", default="0.4", show_default=True, help="Render time: 0.4, 0.2..1.5 or lognormal(0.42,3).")
@click.option("--http-latency", default="0", show_default=True, help="Time of each answer, in the same form.")
@click.option("--rate", metavar="N/s", help="Answer 429 beyond this many requests, as in 200/s.")
@click.option("--clock-skew", default="0", metavar="SECONDS", help="How far the clock is ahead.")
@click.option("--faults", multiple=True, metavar="SPEC", help="OPERATION|*|webhook|render:KIND[=ARG][@P|#N],…")
@click.option("--seed", default=0, type=int, help="The same seed gives the same faults.")
@click.option("--template", "files", multiple=True, metavar="FILE.json", help="Template as made in the dashboard.")
def emulate(*, expose: bool, no_pdf: bool, files: tuple[str, ...], **settings: Any) -> int:
    """Run a local Craftkit for development and tests."""
    if not expose and not is_loopback(settings["host"]):
        raise click.UsageError(f"other machines can reach {settings['host']}; pass --expose to allow it")
    templates = [_read_template(Path(file)) for file in files]
    return _run_emulator(_make_emulator(settings | {"pdf": not no_pdf, "templates": templates}))


def is_loopback(host: str) -> bool:
    """Return whether a host is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def write_exports(emulator: "Emulator") -> Iterable[str]:
    """Return the lines to paste into a shell."""
    exports: Mapping[str, str | None] = {
        "CRAFTKIT_BASE_URL": emulator.url,
        "CRAFTKIT_API_KEY": emulator.api_key,
        "CRAFTKIT_ACCOUNT_KEY": emulator.account_key,
        "CRAFTKIT_ADMIN_KEY": emulator.admin_key,
        "CRAFTKIT_WEBHOOK_SECRET": emulator.webhook_secret,
    }
    return [f"export {name}={shlex.quote(value)}" for name, value in exports.items() if value]


def _make_emulator(settings: Mapping[str, Any]) -> "Emulator":
    try:
        from craftkit_async.emulator import Emulator, SettingsError  # noqa: PLC0415 - only this command needs the extra
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{error.name} is missing: pip install 'craftkit-async[emulator]'") from error
    try:
        return Emulator(**settings)
    except SettingsError as error:
        name, _, reason = str(error).partition(": ")
        raise click.UsageError(f"--{name.replace('_', '-')}: {reason}") from error


def _read_template(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise click.UsageError(f"--template {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--template {file} is not JSON") from error


def _run_emulator(emulator: "Emulator") -> int:
    try:
        with asyncio.Runner(loop_factory=_find_loop()) as runner:
            runner.run(_serve_until_signal(emulator))
    except NotADirectoryError as error:
        raise click.UsageError(f"--font-path: {error}") from error
    except OSError as error:
        raise click.ClickException(error.strerror or str(error)) from error
    except sqlite3.Error as error:
        raise click.UsageError(f"--db {emulator.settings.db}: {error}") from error
    return 0


def _find_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop


async def _serve_until_signal(emulator: "Emulator") -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with emulator:
        click.echo("\n".join(write_exports(emulator)))
        await stop.wait()
