"""`craftkit-async download`: the document of a render that has ended."""

from typing import Any

import click

from craftkit_async.cli.documents import PIPE, check_output, save
from craftkit_async.cli.exit_codes import GOOD
from craftkit_async.cli.service import open_client, run, service_options
from craftkit_async.cli.terminal import say
from craftkit_async.client import Craftkit


@click.command()
@click.argument("render_id", metavar="ID")
@click.option("-o", "--output", metavar="FILE|-", help="File to write to; default: ID.pdf; - is standard output.")
@service_options
def download(*, render_id: str, output: str | None, **service: Any) -> int:
    """Save the document of a render."""
    target = check_output(output or _name_after(render_id))
    run(_download(open_client(**service), render_id, target))
    if target != PIPE:
        say(target)
    return GOOD


def _name_after(render_id: str) -> str:
    if not render_id.replace("-", "").isalnum():
        raise click.UsageError("this ID makes no good name for a file; choose one with --output")
    return f"{render_id}.pdf"


async def _download(craftkit: Craftkit, render_id: str, output: str) -> None:
    async with craftkit:
        # Get the render first: its document may have an address of its own.
        await save(craftkit, await craftkit.renders.get(render_id), output)
