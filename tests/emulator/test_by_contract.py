"""The documented journey with bare aiohttp and nothing else, written from the contract's pages."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from craftkit_async.emulator import Emulator

SECRET = "whsec_demo"
NOTE: dict[str, Any] = {
    "name": "Delivery note",
    "slug": "delivery-note",
    "manifest": {
        "variables": [
            {"key": "customer.name", "label": "Customer", "dataType": "text", "required": True},
            {"key": "deliveredOn", "label": "Delivered on", "dataType": "date", "required": False},
        ],
        "loops": [
            {
                "key": "items",
                "label": "Items",
                "itemFields": [
                    {"key": "sku", "label": "Article", "dataType": "text", "required": True},
                    {"key": "qty", "label": "Quantity", "dataType": "number", "required": True},
                ],
            }
        ],
    },
}
DATA = {"customer": {"name": "Halden Marine"}, "deliveredOn": "2026-06-05", "items": [{"sku": "RP-10", "qty": 4}]}


class Receiver:
    """A subscriber that keeps what it gets."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[tuple[bytes, dict[str, str]]] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        self.got.put_nowait((await request.read(), {name.lower(): value for name, value in request.headers.items()}))
        return web.Response(status=204)


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[str, Receiver]]:
    receiver, application = Receiver(), web.Application()
    application.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", receiver
    await runner.cleanup()


async def test_a_document_from_template_to_signed_webhook(receiver: tuple[str, Receiver]) -> None:
    """Template, data, idempotent submit, webhook, poll, download, share: as the pages describe it."""
    url, inbox = receiver
    async with (
        Emulator(webhook_url=url, webhook_secret=SECRET, latency=0.05) as emulator,
        aiohttp.ClientSession(emulator.url, headers={"Authorization": f"Bearer {emulator.api_key}"}) as session,
    ):
        async with session.post("/v1/templates", json=NOTE) as reply:
            assert reply.status == 201
        template = await (await session.get("/v1/templates/delivery-note")).json()
        assert template["jsonSchema"]["properties"]["items"]["maxItems"] == 10_000

        submit: dict[str, Any] = {"json": {"data": DATA}, "headers": {"Idempotency-Key": "delivery-note-4471"}}
        async with session.post("/v1/templates/delivery-note/render", **submit) as reply:
            queued = await reply.json()
            assert (reply.status, queued["status"], queued["downloadUrl"]) == (202, "queued", None)

        body, headers = await inbox.got.get()
        event = json.loads(body)
        assert event["event"] == headers["x-craftkit-event"] == "render.succeeded"
        assert (event["renderId"], event["templateId"]) == (queued["id"], template["id"])
        assert headers["x-craftkit-signature"] == hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-craftkit-timestamp"].isdigit()
        assert headers["user-agent"] == "Craftkit-Webhook/1.0"
        assert "authorization" not in headers

        async with session.post("/v1/templates/delivery-note/render", **submit) as reply:
            replayed = await reply.json()
            assert (reply.status, replayed["id"], replayed["status"]) == (200, queued["id"], "succeeded")

        render = await (await session.get(f"/v1/renders/{queued['id']}")).json()
        assert render["durationMs"] >= 50
        assert render["downloadUrl"] == event["downloadUrl"]
        async with aiohttp.ClientSession() as public, public.get(render["downloadUrl"]) as reply:
            pdf = await reply.read()
            assert pdf.startswith(b"%PDF-")
            assert len(pdf) == reply.content_length
        async with session.get(f"/v1/renders/{queued['id']}/download") as reply:
            assert await reply.read() == pdf
            assert reply.headers["Content-Disposition"] == f'attachment; filename="{queued["id"]}.pdf"'

        share = await (await session.post(f"/v1/renders/{queued['id']}/shares", json={})).json()
        async with aiohttp.ClientSession() as guest, guest.get(share["shareUrl"]) as reply:
            assert "Download the document" in await reply.text()
        engagement = await (await session.get(f"/v1/renders/{queued['id']}/engagement")).json()
        assert (engagement["linkOpens"], engagement["counts"]["viewed"], engagement["counts"]["share_created"]) == (
            1,
            1,
            1,
        )


async def test_a_typo_in_an_optional_key_is_dropped_and_a_missing_required_one_is_not() -> None:
    """Unknown keys vanish in silence; the reply names what is missing by its dotted path."""
    async with (
        Emulator(pdf=False) as emulator,
        aiohttp.ClientSession(emulator.url, headers={"Authorization": f"Bearer {emulator.api_key}"}) as session,
    ):
        await session.post("/v1/templates", json=NOTE)
        path = "/v1/templates/delivery-note/render"
        async with session.post(path, json={"data": {"customer": {"name": "H"}, "delivredOn": "x"}}) as reply:
            assert reply.status == 202
        async with session.post(path, json={"data": {"customer.name": "H", "items": [{"qty": "4"}]}}) as reply:
            error = (await reply.json())["error"]
            assert (reply.status, error["code"]) == (400, "invalid_input_data")
            assert error["issues"]["fieldErrors"] == {"customer.name": ["Required"], "items.0.sku": ["Required"]}
