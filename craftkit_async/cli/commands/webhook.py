"""`craftkit-async webhook`: verify a delivery, sign a body, or listen."""

import asyncio
from typing import Any, NoReturn

import click

from craftkit_async._sansio.headers import SIGNATURE
from craftkit_async._sansio.webhooks.signing import Secret, Secrets
from craftkit_async.cli.documents import read_bytes
from craftkit_async.cli.exit_codes import GOOD
from craftkit_async.cli.receiving import PATH, receiving
from craftkit_async.cli.service import run
from craftkit_async.cli.terminal import say, say_aside, say_json, show_help_without_command
from craftkit_async.client import Craftkit
from craftkit_async.models.events import FormSubmitted, RenderFailed, RenderSucceeded, SignatureEvent, Webhook
from craftkit_async.observe.events import DeliveryRefused, Event
from craftkit_async.waiting.options import secrets_of_environment
from craftkit_async.webhooks import WebhookVerifier, sign as sign_body


@click.group(invoke_without_command=True)
@click.pass_context
def webhook(context: click.Context) -> None:
    """Verify, sign and receive webhooks.

    The secret comes from CRAFTKIT_WEBHOOK_SECRET.
    """
    show_help_without_command(context)


@webhook.command()
@click.argument("body")
@click.option("--signature", metavar="HEX", help=f"The header {SIGNATURE}.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header as it was received.")
@click.option("--tolerance", type=click.FloatRange(min=0), metavar="SECONDS", help="Refuse deliveries older than this.")
@click.option("--json", "as_json", is_flag=True, help="Print the event as JSON.")
def verify(
    *, body: str, signature: str | None, headers: tuple[str, ...], tolerance: float | None, as_json: bool
) -> int:
    """Check the signature of a delivery.

    BODY is the file with its body as received, or - for standard input.
    """
    verifier = WebhookVerifier(need_secrets(), tolerance=tolerance)
    pairs = [_read_header(header) for header in headers]
    if signature is not None:
        pairs.append((SIGNATURE, signature))
    say_event(verifier.verify(read_bytes(body), pairs), as_json=as_json)
    return GOOD


@webhook.command()
@click.argument("body")
def sign(*, body: str) -> int:
    """Print the signature of a body.

    BODY is a file, or - for standard input; the first secret signs.
    """
    secret = first_secret(need_secrets())
    say(sign_body(read_bytes(body), secret))
    return GOOD


@webhook.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Host to listen on.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 picks a free one.",
)
@click.option("--path", default=PATH, show_default=True, help="Path of the address.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def listen(*, host: str, port: int, path: str, as_json: bool) -> NoReturn:
    """Receive deliveries, and print a line for each."""
    need_secrets()
    if not path.startswith("/"):
        raise click.UsageError("--path starts with a slash")
    run(_listen(host, port, path, as_json=as_json))


def say_event(event: Webhook, *, as_json: bool) -> None:
    """Print what an event is about: no data, no address."""
    shown = {"event": event.event} | _subject(event)
    if as_json:
        say_json(shown, indent=None)
    else:
        say(" ".join(str(value) for value in shown.values() if value))


def need_secrets() -> Secrets:
    """Return the secrets of the environment."""
    secrets = secrets_of_environment()
    if secrets is None:
        raise click.UsageError("there is no secret: set CRAFTKIT_WEBHOOK_SECRET to the one of the subscription")
    return secrets


def first_secret(secrets: Secrets) -> Secret:
    """Return the secret that signs: the others are those that it replaces."""
    return secrets if isinstance(secrets, str | bytes) else next(iter(secrets))


class _Refusals:
    """Prints a line for each refused delivery; its sender learns only the status."""

    def on_event(self, event: Event) -> None:
        if isinstance(event, DeliveryRefused):
            say_aside(f"refused: {event.reason}")


async def _listen(host: str, port: int, path: str, *, as_json: bool) -> NoReturn:
    async with Craftkit(observers=[_Refusals()]) as craftkit:

        @craftkit.inbox.on("*")
        async def _(event: Webhook) -> None:
            say_event(event, as_json=as_json)

        async with receiving(craftkit, host=host, port=port, path=path) as address:
            say_aside(f"listening on {address}")
            await asyncio.Event().wait()
            raise AssertionError


def _read_header(header: str) -> tuple[str, str]:
    name, colon, value = header.partition(":")
    if not colon:
        raise click.UsageError("--header takes 'NAME: VALUE'")
    return name.strip(), value.strip()


def _subject(event: Webhook) -> dict[str, Any]:
    match event:
        case RenderSucceeded() | RenderFailed():
            return {"renderId": event.render.id, "status": event.render.status}
        case SignatureEvent():
            return {"signatureRequestId": event.signature_request_id, "status": event.status}
        case FormSubmitted():
            return {"sessionId": event.session_id, "template": event.template_slug, "renderId": event.render_id}
        case _:
            return {}
