"""What the public API is to a type checker: checked by mypy, and neither run nor collected.

Each function is a program of a user; `assert_type` fails the check when a type becomes wider, narrower or `Any`.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import assert_type

from aiohttp import web

from craftkit_async import (
    Batch,
    BatchReport,
    CapturedResponse,
    Craftkit,
    CraftkitAccount,
    CraftkitAdmin,
    CraftkitError,
    Engagement,
    Event,
    Health,
    InvalidRequestError,
    Issue,
    Manifest,
    Outcome,
    Project,
    ProjectKey,
    RateLimitedError,
    Receipt,
    Relay,
    Render,
    RenderFailedError,
    RenderHandle,
    RenderRequest,
    RenderSucceeded,
    Share,
    SignaturePage,
    SignatureRequest,
    Statistics,
    Template,
    TemplateSummary,
    Transport,
    WaitTimeoutError,
    Webhook,
    WebhookInbox,
    WebhookVerifier,
    capture_responses,
    derive_key,
    sign,
)
from craftkit_async.batch import BadRow, read_csv, read_jsonl
from craftkit_async.relays.memory import MemoryRelay
from craftkit_async.testing import FakeReply, FakeTransport, SignedDelivery, VirtualTimeLoop, signed_delivery


async def clients() -> None:
    async with Craftkit() as craftkit, CraftkitAccount() as account, CraftkitAdmin() as admin:
        assert_type(craftkit, Craftkit)
        assert_type(account, CraftkitAccount)
        assert_type(admin, CraftkitAdmin)
        assert_type(craftkit.with_api_key("k", project="p"), Craftkit)
        assert_type(craftkit.is_open, bool)
        assert_type(craftkit.statistics(), Statistics)
        assert_type(craftkit.inbox, WebhookInbox)
        assert_type(await craftkit.health(), Health)
        assert_type(await account.projects.list(), list[Project])
        assert_type(await account.projects.create_key("p"), ProjectKey)


async def waiting(craftkit: Craftkit) -> None:
    handle = await craftkit.submit("invoice", {"number": 1}, idempotency_key="k", timeout=30)
    assert_type(handle, RenderHandle)
    assert_type(handle.id, str)
    assert_type(handle.replayed, bool)
    assert_type(handle.snapshot, Render | None)
    assert_type(await handle.wait(timeout=None), Render)
    assert_type(await handle.refresh(), Render)
    assert_type(craftkit.attach("r1"), RenderHandle)
    assert_type(await craftkit.wait("r1"), Render)
    render = await craftkit.render("invoice", {"number": 1})
    assert_type(render, Render)
    assert_type(render.is_succeeded, bool)
    assert_type(render.duration_ms, float | None)


async def operations(craftkit: Craftkit) -> None:
    assert_type(await craftkit.templates.list(), list[TemplateSummary])
    template = await craftkit.templates.get("invoice")
    assert_type(template, Template)
    assert_type(template.manifest, Manifest | None)
    assert_type(await craftkit.templates.render("invoice", {}), Render)
    assert_type(await craftkit.renders.download("r1", "invoice.pdf"), Path)
    assert_type(await craftkit.renders.read("r1"), bytes)
    async with craftkit.renders.stream("r1") as pieces:
        assert_type(pieces, AsyncIterator[bytes])
    assert_type(await craftkit.shares.create("r1"), Share)
    assert_type(await craftkit.engagement.get("r1"), Engagement)
    assert_type(await craftkit.signatures.list_page(limit=5), SignaturePage)
    async for request in craftkit.signatures.list():
        assert_type(request, SignatureRequest)


async def batches(craftkit: Craftkit) -> None:
    async with craftkit.render_many([RenderRequest("invoice", {})], journal="run.db", ordered=True) as batch:
        assert_type(batch, Batch)
        assert_type(batch.report, BatchReport)
        async for outcome in batch:
            assert_type(outcome, Outcome)
            assert_type(outcome.ok, bool)
            assert_type(outcome.render, Render | None)
            assert_type(outcome.error, CraftkitError | None)
            assert_type(outcome.unwrap(), Render)
            assert_type(outcome.path, Path | None)
    async for row in read_csv("rows.csv", template="invoice"):
        assert_type(row, RenderRequest | BadRow)
    async for row in read_jsonl("rows.jsonl"):
        assert_type(row, RenderRequest | BadRow)
    key = derive_key(namespace="n", template="t", version=None, filename=None, row_key="k", data={})
    assert_type(key, str)


async def webhooks(craftkit: Craftkit, body: bytes, request: web.Request) -> None:
    assert_type(sign(body, "secret"), str)
    assert_type(WebhookVerifier("secret").verify(body, request.headers), Webhook)
    receipt = await craftkit.inbox.receive(body, request.headers, project="acme")
    assert_type(receipt, Receipt)
    assert_type(receipt.status, int)
    assert_type(receipt.event, Webhook | None)
    if isinstance(receipt.event, RenderSucceeded):
        assert_type(receipt.event.render, Render)


def errors(error: CraftkitError) -> None:
    if isinstance(error, InvalidRequestError):
        assert_type(error.status, int)
        assert_type(error.issues, tuple[Issue, ...])
    if isinstance(error, RateLimitedError):
        assert_type(error.retry_after, float | None)
    if isinstance(error, RenderFailedError):
        assert_type(error.render, Render)
    if isinstance(error, WaitTimeoutError):
        assert_type(error.render_id, str | None)


class Watcher:
    """An observer is any object with `on_event`: no class to derive from."""

    def on_event(self, event: Event, /) -> None:
        """Take an event."""


def extension_points() -> None:
    """What a program may bring itself fits where it is taken."""
    transport: Transport = FakeTransport([FakeReply(json={})])
    relay: Relay = MemoryRelay()
    assert_type(Craftkit(transport=transport, relay=relay, observers=[Watcher()]), Craftkit)
    with capture_responses() as seen:
        assert_type(seen, list[CapturedResponse])
    assert_type(signed_delivery({"event": "render.failed"}, "secret"), SignedDelivery)
    assert_type(VirtualTimeLoop().time(), float)
