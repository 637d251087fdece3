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
from craftkit_async.cli.terminal import say, say_json, tell
from craftkit_async.client import Craftkit
from craftkit_async.models.events import FormSubmitted, RenderFailed, RenderSucceeded, SignatureEvent, Webhook
from craftkit_async.observe.events import DeliveryRefused, Event
from craftkit_async.waiting.options import secrets_of_environment
from craftkit_async.webhooks import WebhookVerifier, sign as sign_body


@click.group()
def webhook() -> None:
    """Work with webhooks; the secret is in CRAFTKIT_WEBHOOK_SECRET."""


@webhook.command()
@click.argument("body")
@click.option("--signature", metavar="HEX", help=f"The header {SIGNATURE}.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header as it came.")
@click.option("--tolerance", type=click.FloatRange(min=0), metavar="SECONDS", help="Refuse what is older than this.")
@click.option("--json", "as_json", is_flag=True, help="Print what it says as JSON.")
def verify(
    *, body: str, signature: str | None, headers: tuple[str, ...], tolerance: float | None, as_json: bool
) -> int:
    """Tell whether the delivery with the bytes of the file BODY, which may be -, is genuine."""
    verifier = WebhookVerifier(need_secrets(), tolerance=tolerance)
    pairs = [_read_header(header) for header in headers]
    if signature is not None:
        pairs.append((SIGNATURE, signature))
    say_event(verifier.verify(read_bytes(body), pairs), as_json=as_json)
    return GOOD


@webhook.command()
@click.argument("body")
def sign(*, body: str) -> int:
    """Print the signature of the bytes of the file BODY, which may be -; of several secrets, the first signs."""
    secret = first_secret(need_secrets())
    say(sign_body(read_bytes(body), secret))
    return GOOD


@webhook.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one.")
@click.option("--path", default=PATH, show_default=True, help="What the address ends with.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def listen(*, host: str, port: int, path: str, as_json: bool) -> NoReturn:
    """Take deliveries in and print a line for each, until Ctrl-C."""
    need_secrets()
    if not path.startswith("/"):
        raise click.UsageError("--path starts with a slash")
    run(_listen(host, port, path, as_json=as_json))


def say_event(event: Webhook, *, as_json: bool) -> None:
    """Print what an event is about: no data, no address."""
    told = {"event": event.event} | _subject(event)
    if as_json:
        say_json(told, indent=None)
    else:
        say(" ".join(str(value) for value in told.values() if value))


def need_secrets() -> Secrets:
    """Return the secrets of the environment."""
    secrets = secrets_of_environment()
    if secrets is None:
        raise click.UsageError("there is no secret: set CRAFTKIT_WEBHOOK_SECRET to the one of the subscription")
    return secrets


def first_secret(secrets: Secrets) -> Secret:
    """Return the one that signs: the others are those that it replaces."""
    return secrets if isinstance(secrets, str | bytes) else next(iter(secrets))


class _Refusals:
    """Prints a line for each delivery that was refused; whoever sent it is told nothing."""

    def on_event(self, event: Event) -> None:
        if isinstance(event, DeliveryRefused):
            tell(f"refused: {event.reason}")


async def _listen(host: str, port: int, path: str, *, as_json: bool) -> NoReturn:
    async with Craftkit(observers=[_Refusals()]) as craftkit:

        @craftkit.inbox.on("*")
        async def _(event: Webhook) -> None:
            say_event(event, as_json=as_json)

        async with receiving(craftkit, host=host, port=port, path=path) as address:
            tell(f"listening on {address}")
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
