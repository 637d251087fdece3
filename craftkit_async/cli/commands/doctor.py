"""`craftkit-async doctor`: what is set up well, what is not, and what to do about it."""

import os
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final

import click

from craftkit_async._io.capture import capture_responses
from craftkit_async._sansio.calls.credentials import PROJECT
from craftkit_async._sansio.documents.addresses import PRODUCTION
from craftkit_async._sansio.headers import DATE, DELIVERY_ID, EVENT, SIGNATURE
from craftkit_async.cli.commands.webhook import first_secret
from craftkit_async.cli.exit_codes import FAILED, GOOD
from craftkit_async.cli.findings import (
    OK,
    PROBLEM,
    SKIPPED,
    Finding,
    from_error,
    judge_address,
    judge_health,
    judge_key,
    judge_round_trip,
    judge_skew,
)
from craftkit_async.cli.service import run, service_options
from craftkit_async.cli.terminal import say_json, show_table
from craftkit_async.client import Craftkit
from craftkit_async.errors import CraftkitError
from craftkit_async.options import RetryPolicy, Timeouts
from craftkit_async.waiting.options import secrets_of_environment
from craftkit_async.webhooks import sign

# A patient doctor would hide what is slow or breaks off.
_TIMEOUTS: Final = Timeouts(connect=5.0, request=10.0)
_RETRIES: Final = RetryPolicy(attempts=2, total=15.0)

_OUR_DELIVERY: Final = b'{"event":"doctor.visited"}'
_FORGED: Final = _OUR_DELIVERY.replace(b"visited", b"changed")

Check = Callable[[], Coroutine[Any, Any, Finding]]


@click.command()
@click.option("--template", metavar="SLUG", help="Also check this template.")
@click.option("--render", "render_id", metavar="ID", help="Fetch this render's document; default: the latest one's.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@service_options
def doctor(*, template: str | None, render_id: str | None, as_json: bool, **service: Any) -> int:
    """Check the set-up, and say what to do.

    Checks key, address, clock, health, templates, webhooks and downloads.
    """
    findings = run(_examine(template, render_id, service))
    if as_json:
        say_json([finding.to_json() for finding in findings])
    else:
        rows = [(each.check, each.state, each.seen, each.advice) for each in findings]
        show_table(("check", "", "seen", "what to do"), rows)
    return FAILED if any(each.state == PROBLEM for each in findings) else GOOD


async def _examine(template: str | None, render_id: str | None, service: Mapping[str, Any]) -> list[Finding]:
    key = judge_key(os.environ.get(PROJECT.variable, "").strip())
    address = judge_address(address_of(service["base_url"]), private_network=service["private_network"])
    if address.state == PROBLEM:
        return [key, address]
    # Where the key is none, the checks that need no key are still worth their while.
    usable = None if key.state == OK else "none"
    async with Craftkit(usable, **service, timeouts=_TIMEOUTS, retries=_RETRIES) as craftkit:
        findings = [key, address, *await _check_health(craftkit), await _check_webhooks(craftkit)]
        if key.state == OK:
            findings.append(await _guarded("templates", partial(check_templates, craftkit, template)))
        if findings[-1].check == "templates" and findings[-1].state == OK:
            findings.append(await _guarded("download", partial(_check_download, craftkit, render_id)))
    return findings


def address_of(given: str | None) -> str:
    """Find the address as a client does."""
    return given or os.environ.get("CRAFTKIT_BASE_URL", "").strip() or PRODUCTION


async def _guarded(name: str, check: Check) -> Finding:
    try:
        return await check()
    except CraftkitError as error:
        return from_error(name, error)


async def _check_health(craftkit: Craftkit) -> list[Finding]:
    before = _clock()
    with capture_responses() as seen:
        finding = await _guarded("health", partial(_ask_health, craftkit))
    return [finding, judge_skew(seen[-1].headers.get(DATE), before, _clock())]


async def _ask_health(craftkit: Craftkit) -> Finding:
    return judge_health(await craftkit.health())


async def check_templates(craftkit: Craftkit, slug: str | None) -> Finding:
    """Read one template, or check that there is any."""
    if slug is not None:
        template = await craftkit.templates.get(slug)
        if not template.published:
            return Finding("templates", PROBLEM, f"{slug} is a draft", "publish it in the dashboard")
        return Finding("templates", OK, f"{slug} is there, version {template.current_version_number}")
    published = [each for each in await craftkit.templates.list() if each.published]
    if not published:
        return Finding("templates", PROBLEM, "none is published", "publish one in the dashboard")
    return Finding("templates", OK, f"{len(published)} published")


async def _check_webhooks(craftkit: Craftkit) -> Finding:
    """Sign a delivery as the service would, and check that it is accepted and a forged one refused."""
    secrets = secrets_of_environment()
    if secrets is None:
        what = "to take webhooks in, set CRAFTKIT_WEBHOOK_SECRET to the secret of the subscription"
        return Finding("webhooks", SKIPPED, "there is no secret: renders are polled for", what)
    signed = {SIGNATURE: sign(_OUR_DELIVERY, first_secret(secrets)), EVENT: "doctor.visited", DELIVERY_ID: "doctor"}
    taken = await craftkit.inbox.receive(_OUR_DELIVERY, signed)
    forged = await craftkit.inbox.receive(_FORGED, signed)
    return judge_round_trip(taken.status, forged.status)


async def _check_download(craftkit: Craftkit, render_id: str | None) -> Finding:
    chosen = render_id or await _find_document(craftkit)
    if chosen is None:
        return Finding("download", SKIPPED, "there is no document yet", "render one, or name one with --render")
    rendered = await craftkit.renders.get(chosen)
    size = 0
    async with craftkit.renders.stream(rendered) as pieces:
        async for piece in pieces:
            size += len(piece)
    route = "the API itself" if rendered.download_url is None else "its own address"
    return Finding("download", OK, f"{size:,} bytes of PDF through {route}")


async def _find_document(craftkit: Craftkit) -> str | None:
    """Find a render with a document in the only listing, whose form is not published."""
    try:
        listing = (await craftkit.embed.list_renders(limit=10)).raw
    except CraftkitError:
        return None
    renders = listing.get("renders")
    items = renders if isinstance(renders, list) else []
    done = (each for each in items if isinstance(each, dict) and each.get("status") == "succeeded")
    return next((each["id"] for each in done if isinstance(each.get("id"), str)), None)


def _clock() -> float:
    return time.time()  # noqa: TID251 - the header Date is Unix time
