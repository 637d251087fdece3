"""Images on their way into a document: bounded in number, size and time, and missed without harm."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from craftkit_async.emulator import pdf_workers as bounds
from craftkit_async.emulator.documents import Document
from craftkit_async.emulator.pdf_workers import PdfWorkers
from tests.emulator.conftest import Start, Waiting
from tests.support.loopback import serve
from tests.support.pdf_reading import read_text
from tests.support.pictures import PIXEL

EARLY = {"x-emulator-faults": "webhook:early"}
PICTURES: dict[str, Any] = {"variables": [{"key": "photo", "label": "Photo", "dataType": "image"}], "loops": []}


@pytest.fixture
async def workers() -> AsyncIterator[PdfWorkers]:
    workers = PdfWorkers(None)
    yield workers
    await workers.close()


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    """Serve good images, missing ones, large ones and one that never comes."""
    kind = request.path.strip("/").partition("-")[0]
    if kind == "never":
        await asyncio.sleep(3600)
    size = {"large": bounds.MAX_IMAGE + 1, "full": bounds.MAX_IMAGE}.get(kind, 0)
    return web.Response(body=bytes(size) or PIXEL, status=404 if kind == "missing" else 200)


async def test_images_that_do_not_come_are_left_out(workers: PdfWorkers) -> None:
    """Images that are missing, too large or unreachable are omitted; the others are used."""
    async with serve(_answer) as server:
        wanted = [f"{server.url}/{name}" for name in ("good", "missing", "large", "good-2")]
        fetched = await workers.fetch([*wanted, "http://127.0.0.1:9/", "http://[", "https://%"])

    assert {url.rpartition("/")[2]: body for url, body in fetched.items()} == {"good": PIXEL, "good-2": PIXEL}


async def test_an_image_that_never_comes_is_not_waited_for() -> None:
    """The timeout applies to all images of a document together, and is long enough for the requests to arrive."""
    workers = PdfWorkers(None, fetch_timeout=0.2)
    async with serve(_answer) as server:
        fetched = await workers.fetch([f"{server.url}/never-{number}" for number in range(3)])
    await workers.close()

    assert fetched == {}


async def test_images_are_bounded_in_number_and_together(workers: PdfWorkers) -> None:
    """A document with a hundred images gets the first of them, and no more bytes than fit."""
    async with serve(_answer) as server:
        many = await workers.fetch([f"{server.url}/good-{number}" for number in range(100)])
        heavy = await workers.fetch([f"{server.url}/full-{number}" for number in range(8)])

    assert len(many) == bounds.MAX_IMAGES
    assert sum(map(len, heavy.values())) <= bounds.MAX_IMAGE_TOTAL < 8 * bounds.MAX_IMAGE


async def test_a_document_is_made_without_its_image(workers: PdfWorkers) -> None:
    """An image that cannot be fetched is replaced by its URL."""
    document = Document("Handover", PICTURES, {"photo": "http://127.0.0.1:9/boat.png"})

    assert "http://127.0.0.1:9/boat.png" in read_text(await workers.compile(document))[0]


async def test_a_template_keeps_its_layout_on_the_way_to_the_page(start: Start, waiting: type[Waiting]) -> None:
    """A certificate is set as one, in the middle of a frame and without a line at the foot."""
    _, api = await start(pdf=True)
    data = {"recipient": {"name": "Ada"}, "course": {"title": "Navigation", "completedOn": "2026-05-29"}}
    render = (await api.call("render_template", slug="certificate", json={"data": data})).json["id"]
    await waiting.for_render(api, render)
    [page] = read_text((await api.call("download_render", id=render)).body)

    assert "29 May 2026" in page
    assert "Page 1 of 1" not in page


async def test_a_render_that_cannot_be_compiled_fails_alone(
    start: Start, waiting: type[Waiting], caplog: pytest.LogCaptureFixture
) -> None:
    """A compiler error fails one render, is logged, and does not affect the next."""
    emulator, api = await start(pdf=True)
    body = {"data": {"booking": {"code": "B"}}}
    workers = emulator._service._pdf_workers
    assert workers

    async def break_off(document: Document) -> bytes:
        raise MemoryError(document.name)

    printing, workers.compile = workers.compile, break_off  # type: ignore[method-assign]  # simulates a failing compiler
    failed = (await api.call("render_template", slug="charter-handover", json=body)).json["id"]
    ended = await waiting.for_render(api, failed, "failed")
    workers.compile = printing  # type: ignore[method-assign]  # works again
    await waiting.for_render(api, (await api.call("render_template", slug="charter-handover", json=body)).json["id"])

    assert ended["errorMessage"] == "Layout could not be rendered."
    assert "PDF compilation failed" in caplog.text


async def test_a_reset_while_documents_are_printed_leaves_nothing_behind(start: Start, waiting: type[Waiting]) -> None:
    """A reset drops queued and compiling renders, and sends no events for them."""
    emulator, api = await start(pdf=True, webhook_url="http://127.0.0.1:9/", webhook_secret="x")
    body = {"data": {"booking": {"code": "B"}}}
    workers, compiling, go_on = emulator._service._pdf_workers, asyncio.Semaphore(0), asyncio.Event()
    assert workers

    async def hold(document: Document) -> bytes:
        compiling.release()
        await go_on.wait()
        return document.name.encode()

    workers.compile = hold  # type: ignore[method-assign]  # waits, so that the reset happens meanwhile
    for _ in range(bounds.COMPILERS + 2):
        await api.call("render_template", slug="charter-handover", json=body)
    for _ in range(bounds.COMPILERS):
        await compiling.acquire()
    early = asyncio.ensure_future(api.call("render_template", slug="charter-handover", json=body, headers=EARLY))
    await compiling.acquire()
    await api.control("POST", "reset")
    go_on.set()
    await early
    after = (await api.call("render_template", slug="charter-handover", json=body)).json["id"]
    await waiting.for_render(api, after)

    assert [render.id for render in emulator.renders] == [after]
    assert {delivery.subject for delivery in emulator.deliveries} == {after}


async def test_an_image_of_a_render_comes_from_its_address(start: Start, waiting: type[Waiting]) -> None:
    """Submitted as an address, fetched by the emulator, found in the file."""
    _, api = await start(pdf=True)
    async with serve(_answer) as server, aiohttp.ClientSession():
        await api.control("POST", "templates", {"slug": "photo", "name": "Photo", "manifest": PICTURES})
        body = {"data": {"photo": f"{server.url}/good"}}
        render = (await api.call("render_template", slug="photo", json=body)).json["id"]
        await waiting.for_render(api, render)

    assert b"/Subtype/Image" in (await api.call("download_render", id=render)).body
