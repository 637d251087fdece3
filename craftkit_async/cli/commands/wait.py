"""`craftkit-async wait`: until a render has ended."""

from typing import Any

import click

from craftkit_async.cli.exit_codes import GOOD
from craftkit_async.cli.service import open_client, read_timeout, run, service_options, timeout_option
from craftkit_async.cli.terminal import say, say_json
from craftkit_async.client import Craftkit
from craftkit_async.models.renders import Render


@click.command()
@click.argument("render_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the render as JSON.")
@timeout_option
@service_options
def wait(*, render_id: str, as_json: bool, timeout: float | None, **service: Any) -> int:
    """Wait until a render has finished.

    With --timeout 0 it polls once.
    """
    ended = run(_wait(open_client(**service), render_id, timeout))
    if as_json:
        say_json(_render_fields(ended))
    else:
        took = "" if ended.duration_ms is None else f" in {ended.duration_ms / 1000:.2f} s"
        say(f"{ended.id} {ended.status}{took}")
    return GOOD


async def _wait(craftkit: Craftkit, render_id: str, timeout: float | None) -> Render:
    async with craftkit:
        return await craftkit.wait(render_id, timeout=read_timeout(timeout))


def _render_fields(render: Render) -> dict[str, Any]:
    """Leave out the address, which gives access to the document."""
    return {
        "id": render.id,
        "status": render.status,
        "createdAt": render.created_at and render.created_at.isoformat(),
        "completedAt": render.completed_at and render.completed_at.isoformat(),
        "durationMs": render.duration_ms,
    }
