"""The client and the local Craftkit, each written from the contract without the other, understand each other."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from craftkit_async import (
    Craftkit,
    CraftkitAccount,
    CraftkitAdmin,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    Render,
    RenderSucceeded,
    RetryPolicy,
    ServerError,
    SignatureError,
    TransportError,
    WebhookVerifier,
)
from craftkit_async.emulator import Emulator
from tests.support.loopback import serve

BOOKING = {"booking": {"code": "BK-1", "activityName": "Harbour tour"}, "areas": [{"name": "Hull"}]}
QUICK = RetryPolicy(first_delay=0.01, max_delay=0.02)
SIGNER = {"firstName": "Mira", "email": "mira@example.com"}
ANCHOR = {"anchorString": "[[sign-1]]", "recipientIndex": 0}


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(latency="0", pdf=False) as emulator:
        yield emulator


@pytest.fixture
async def craftkit(emulator: Emulator) -> AsyncIterator[Craftkit]:
    async with Craftkit(emulator.api_key, base_url=emulator.url, retries=QUICK) as craftkit:
        yield craftkit


async def _finish(craftkit: Craftkit, **options: Any) -> Render:
    """Submit a render and look until it has ended."""
    render = await craftkit.templates.render("charter-handover", BOOKING, **options)
    async with asyncio.timeout(20):
        while not render.is_final:
            await asyncio.sleep(0.005)
            render = await craftkit.renders.get(render.id)
    return render


async def test_a_real_document_is_made_and_saved(tmp_path: Path) -> None:
    """Submit, look, download: by the address that the service gives, and by the operation."""
    async with (
        Emulator(latency="0") as emulator,
        Craftkit(emulator.api_key, base_url=emulator.url) as craftkit,
    ):
        render = await _finish(craftkit)
        saved = await craftkit.renders.download(render, tmp_path / "handover.pdf")

        assert render.is_succeeded
        assert render.duration_ms is not None
        assert saved.read_bytes().startswith(b"%PDF-")
        assert await craftkit.renders.read(render.id) == saved.read_bytes()


async def test_an_answer_that_was_lost_is_found_again(craftkit: Craftkit, emulator: Emulator) -> None:
    """The work is done and the answer lost: the same key is sent again, and there is exactly one render."""
    emulator.faults.set("render_template:reset-after#2")
    render = await craftkit.templates.render("charter-handover", BOOKING)

    assert [each.id for each in emulator.renders] == [render.id]
    assert [seen.status for seen in emulator.requests] == [None, None, 200]


@pytest.mark.parametrize(
    "fault", ["503#2", "503=0#2", "429=0#2", "429=date#1", "500#1", "502#1", "truncate#1", "html=200#1", "reset#2"]
)
async def test_a_submit_survives_what_passes(craftkit: Craftkit, emulator: Emulator, fault: str) -> None:
    """Whatever goes wrong for a while ends in one render."""
    emulator.faults.set(f"render_template:{fault}")
    render = await craftkit.templates.render("charter-handover", BOOKING)

    assert [each.id for each in emulator.renders] == [render.id]


async def test_what_lasts_is_raised(craftkit: Craftkit, emulator: Emulator) -> None:
    """An outage is an error of its class, with the service's own code."""
    emulator.faults.set("get_render:503=queue_unavailable")
    with pytest.raises(ServerError) as outage:
        await craftkit.renders.get("r1")
    emulator.faults.set("get_render:reset-before")
    with pytest.raises(TransportError):
        await craftkit.renders.get("r1")

    assert (outage.value.status, outage.value.code) == (503, "queue_unavailable")


async def test_a_render_that_failed_says_why(craftkit: Craftkit, emulator: Emulator) -> None:
    """The reason of the service is on the render."""
    emulator.faults.set("render:failed=Out of ink.")
    render = await _finish(craftkit)

    assert (render.status, render.error_message, render.is_succeeded) == ("failed", "Out of ink.", False)


async def test_data_that_does_not_fit_names_its_places(craftkit: Craftkit) -> None:
    """Issues have the paths of the manifest."""
    with pytest.raises(InvalidRequestError) as refused:
        await craftkit.templates.render("charter-handover", {"booking": {}})

    assert refused.value.code == "invalid_input_data"
    assert [issue.path for issue in refused.value.issues] == ["booking.code"]


async def test_a_rate_is_kept_to_and_is_said_when_it_lasts() -> None:
    """A few requests over the rate wait for their turn; without patience they are an error."""
    async with Emulator(latency="0", pdf=False, rate="40/s") as emulator:
        async with Craftkit(emulator.api_key, base_url=emulator.url, retries=QUICK) as craftkit:
            async with asyncio.TaskGroup() as group:
                for _ in range(60):
                    group.create_task(craftkit.templates.render("charter-handover", BOOKING))

            assert len(emulator.renders) == 60
            assert craftkit.statistics().throttled > 0
        hasty = RetryPolicy(attempts=1, total=0.01)
        async with Craftkit(emulator.api_key, base_url=emulator.url, retries=hasty) as craftkit:
            emulator.faults.set("*:429=5")
            with pytest.raises(RateLimitedError):
                await craftkit.templates.list()


async def test_templates_come_and_go(craftkit: Craftkit) -> None:
    """What is put is read back as it was, and is gone once deleted."""
    manifest = {"variables": [{"key": "who", "label": "Who", "dataType": "text", "required": True}], "loops": []}
    await craftkit.templates.put("note", name="Note", manifest=manifest)
    read = await craftkit.templates.get("note")
    await craftkit.templates.delete("note")

    assert read.slug == "note"
    assert "note" not in [each.slug for each in await craftkit.templates.list()]
    with pytest.raises(NotFoundError):
        await craftkit.templates.get("note")


async def test_shares_and_what_they_leave(craftkit: Craftkit) -> None:
    """A link is made, listed and revoked, and each step leaves its mark."""
    render = await _finish(craftkit)
    share = await craftkit.shares.create(render.id)
    await craftkit.renders.email(render.id, to="mira@example.com")
    await craftkit.engagement.track(render.id, "viewed")
    await craftkit.shares.revoke(render.id, share.id)

    assert len(await craftkit.shares.list(render.id)) == 2
    assert (await craftkit.engagement.get(render.id)).counts.viewed == 1


async def test_signatures_come_page_by_page(craftkit: Craftkit, emulator: Emulator) -> None:
    """Every request exactly once, however small the pages."""
    render = await _finish(craftkit)
    made = []
    for _ in range(5):
        # Two that were made in the same millisecond are one step of the cursor.
        emulator.advance(0.01)
        made.append((await craftkit.signatures.create(render.id, recipients=[SIGNER], anchor_tags=[ANCHOR])).id)
    listed = [each.id async for each in craftkit.signatures.list(limit=2)]
    cancelled = await craftkit.signatures.cancel(made[0], reason="Withdrawn.")

    assert sorted(listed) == sorted(made)
    assert cancelled.status == "cancelled"


async def test_accounts_organisations_and_health(craftkit: Craftkit, emulator: Emulator) -> None:
    """The other two kinds of key, and the operations without one."""
    async with CraftkitAccount(emulator.account_key, base_url=emulator.url) as account:
        project = await account.projects.create("Acme")
        key = await account.projects.create_key(project.id)
        listed = await account.projects.list()
    async with CraftkitAdmin(emulator.admin_key, base_url=emulator.url) as admin:
        first, again = [await admin.provision("org-1") for _ in range(2)]
    acme = craftkit.with_api_key(key.key)

    assert project.id in [each.id for each in listed]
    assert first.raw["apiKey"] == again.raw["apiKey"]
    assert await acme.templates.list() == []
    assert (await craftkit.health()).status == "ok"


async def test_events_reach_an_app_signed(craftkit: Craftkit, emulator: Emulator) -> None:
    """The client's own verifier takes what the local Craftkit sends, and nothing that was changed on its way."""
    got: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()

    async def receive(request: web.BaseRequest) -> web.Response:
        got.put_nowait(request.headers)
        return web.Response(status=204)

    async with serve(receive) as server:
        emulator.subscribe(f"{server.url}/", "whsec_1")
        render = await craftkit.templates.render("charter-handover", BOOKING)
        headers = await got.get()
        [body] = server.bodies

    event = WebhookVerifier("whsec_1").verify(body, headers)
    assert isinstance(event, RenderSucceeded)
    assert event.render.id == render.id
    with pytest.raises(SignatureError):
        WebhookVerifier("whsec_1").verify(body + b" ", headers)
