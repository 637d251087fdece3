"""`craftkit-async render`: one document."""

from typing import Any

import click

from craftkit_async.cli.documents import PIPE, check_output, read_json, save
from craftkit_async.cli.exit_codes import GOOD
from craftkit_async.cli.service import open_client, read_timeout, run, service_options, timeout_option
from craftkit_async.cli.terminal import say
from craftkit_async.client import Craftkit


@click.command()
@click.argument("template")
@click.argument("data")
@click.option(
    "-o", "--output", required=True, metavar="FILE|-", help="File to write the document to; - is standard output."
)
@click.option("--version", type=int, metavar="N", help="Version of the template; default: the current one.")
@click.option("--filename", metavar="NAME", help="File name that the service gives the document.")
@click.option("--idempotency-key", metavar="KEY", help="Idempotency key: reuse it to find the same render again.")
@timeout_option
@service_options
def render(
    *,
    template: str,
    data: str,
    output: str,
    version: int | None,
    filename: str | None,
    idempotency_key: str | None,
    timeout: float | None,
    **service: Any,
) -> int:
    """Render one document and save it.

    DATA is a JSON file, or - for standard input.
    """
    check_output(output)
    asked = {
        "template": template,
        "data": read_json(data),
        "version": version,
        "filename": filename,
        "idempotency_key": idempotency_key,
        "timeout": read_timeout(timeout),
    }
    render_id = run(_render(open_client(**service), output, asked))
    if output != PIPE:
        say(f"{output} (render {render_id})")
    return GOOD


async def _render(craftkit: Craftkit, output: str, asked: dict[str, Any]) -> str:
    async with craftkit:
        rendered = await craftkit.render(**asked)
        await save(craftkit, rendered, output)
    return rendered.id
