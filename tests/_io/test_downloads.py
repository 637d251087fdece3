"""Downloads: documents from wherever they lie, checked on their way; on virtual time, without a disk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from craftkit_async import (
    AuthenticationError,
    ConfigurationError,
    Craftkit,
    DownloadError,
    ForbiddenError,
    Limits,
    NotFoundError,
    Render,
    RetryPolicy,
    ServerError,
    Timeouts,
    TransportError,
    TransportTimeoutError,
)
from craftkit_async._sansio.calls.request import Request
from craftkit_async.observe.events import Downloaded
from craftkit_async.testing import FakeReply, FakeTransport
from tests.support.observing import Recorder

pytestmark = pytest.mark.virtual_time

PDF = b"%PDF-1.7\n" + b"." * 3000 + b"%%EOF"
DOCUMENT = FakeReply(body=PDF)
UNANNOUNCED = FakeReply(body=PDF, headers={"content-length": ""})
MISSING = FakeReply(status=404, json={"error": {"code": "not_found", "message": "no such render"}})
FIRST, SECOND = "/v1/renders/r1/download", "/v1/embed/renders/r1/download"
OUTSIDE = "https://files.example/a/b.pdf?signed=secret"


def client(transport: FakeTransport, **options: Any) -> Craftkit:
    return Craftkit("ck_test_key", transport=transport, **options)


def succeeded(address: str | None) -> Render:
    return Render("r1", "succeeded", address)


def asked(transport: FakeTransport) -> list[tuple[str, bool]]:
    """Return what was asked for, and whether the key went along."""
    return [(request.url, "authorization" in request.headers) for request in transport.requests]


async def exhaust(stream: AbstractAsyncContextManager[AsyncIterator[bytes]]) -> list[bytes]:
    async with stream as pieces:
        return [piece async for piece in pieces]


def redirect(to: str, status: int = 302) -> FakeReply:
    return FakeReply(status=status, headers={"location": to})


# -- where from


@pytest.mark.parametrize(
    "what",
    [
        "r1",
        Render("r1"),
        SimpleNamespace(id="r1", snapshot=None),
        SimpleNamespace(id="r1", snapshot=Render("r1", "succeeded")),
        succeeded("https://api.craftkit.dev/v1/renders/r1/download"),
        succeeded("https://elsewhere.example/prefix/v1/renders/r1/download?x=1"),
        succeeded("http://10.0.0.1/v1/renders/r1/download"),
    ],
)
async def test_document_is_fetched_by_id(what: Any) -> None:
    """Without an address, or with one that ends as the download route does, the API's own route serves it."""
    transport = FakeTransport([DOCUMENT])

    async with client(transport) as craftkit:
        assert await craftkit.renders.read(what) == PDF

    assert asked(transport) == [(f"https://api.craftkit.dev{FIRST}", True)]


@pytest.mark.parametrize("what", [None, 7, SimpleNamespace(id=7), b"r1"])
async def test_what_is_no_render_is_refused(what: Any) -> None:
    """A download takes an id, a render or a handle."""
    async with client(FakeTransport([])) as craftkit:
        with pytest.raises(ConfigurationError, match="takes a render id, a Render or a handle"):
            await craftkit.renders.read(what)


async def test_address_elsewhere_is_fetched_without_the_key() -> None:
    """No credential goes to another host."""
    transport = FakeTransport([DOCUMENT])

    async with client(transport) as craftkit:
        assert await craftkit.renders.read(succeeded(OUTSIDE)) == PDF

    assert asked(transport) == [(OUTSIDE, False)]


@pytest.mark.parametrize(
    ("address", "with_key"),
    [
        ("https://api.craftkit.dev/base/files/a.pdf", True),
        ("https://api.craftkit.dev:443/base/files/a.pdf", True),
        ("https://api.craftkit.dev/other/a.pdf", False),
        ("https://api.craftkit.dev/based/a.pdf", False),
        ("https://api.craftkit.dev/base/../a.pdf", False),
        ("https://api.craftkit.dev:8443/base/a.pdf", False),
        ("https://api.craftkit.dev.example/base/a.pdf", False),
    ],
)
async def test_key_goes_to_the_own_origin_and_prefix_only(address: str, with_key: bool) -> None:  # noqa: FBT001 - a case
    """The key goes to base_url's origin and prefix, and nowhere else."""
    transport = FakeTransport([DOCUMENT])

    async with client(transport, base_url="https://api.craftkit.dev/base/") as craftkit:
        await craftkit.renders.read(succeeded(address))

    assert [has_key for _, has_key in asked(transport)] == [with_key]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://files.example/a.pdf", "plain http; private_network=True"),
        ("https://10.0.0.1/a.pdf", "private address 10.0.0.1; private_network=True"),
        ("https://localhost/a.pdf", "private address localhost; private_network=True"),
        ("https://[::ffff:127.0.0.1]/a.pdf", "private_network=True"),
        ("https://169.254.169.254/latest", "private_network=True"),
        ("file:///etc/passwd", "no http or https address"),
    ],
)
async def test_dangerous_addresses_are_refused_unasked(address: str, reason: str) -> None:
    """Private addresses and plain http are refused before any request, and the refusal names the option."""
    transport = FakeTransport([])

    async with client(transport) as craftkit:
        with pytest.raises(DownloadError, match=reason):
            await craftkit.renders.read(succeeded(address))

    assert transport.requests == []


@pytest.mark.parametrize("options", [{"private_network": True}, {"base_url": "http://localhost:3000"}])
async def test_private_addresses_are_fine_in_a_network_of_ones_own(options: dict[str, Any]) -> None:
    """`private_network=True` or a loopback base URL allows private addresses, still without the key."""
    transport = FakeTransport([DOCUMENT])

    async with client(transport, **options) as craftkit:
        await craftkit.renders.read(succeeded("http://10.0.0.1/a.pdf"))

    assert asked(transport) == [("http://10.0.0.1/a.pdf", False)]


# -- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_by_hand(status: int) -> None:
    """Each hop is decided anew: relative ones stay, the own origin gets the key, another host does not."""
    transport = FakeTransport(
        [
            redirect("/other.pdf", status),
            redirect("https://api.craftkit.dev/x.pdf", status),
            redirect(OUTSIDE),
            DOCUMENT,
        ]
    )

    async with client(transport) as craftkit:
        assert await craftkit.renders.read(succeeded("https://cdn.example/first.pdf")) == PDF

    assert asked(transport) == [
        ("https://cdn.example/first.pdf", False),
        ("https://cdn.example/other.pdf", False),
        ("https://api.craftkit.dev/x.pdf", True),
        (OUTSIDE, False),
    ]
    assert transport.in_flight == 0


@pytest.mark.parametrize("to", ["http://files.example/a.pdf", "https://127.0.0.1/", "//192.168.0.1/a", "ftp://x/y"])
async def test_redirect_to_a_dangerous_address_is_refused(to: str) -> None:
    """A hop is checked as the first address is."""
    transport = FakeTransport([redirect(to)])

    async with client(transport) as craftkit:
        with pytest.raises(DownloadError, match="refused"):
            await craftkit.renders.read(succeeded(OUTSIDE))

    assert transport.in_flight == 0


async def test_redirects_end() -> None:
    """Six hops in a circle are an error."""
    transport = FakeTransport(lambda _: redirect(OUTSIDE))

    async with client(transport) as craftkit:
        with pytest.raises(DownloadError, match="redirected more than 5 times"):
            await craftkit.renders.read(succeeded(OUTSIDE))

    assert len(transport.requests) == 6


async def test_redirect_without_an_address_is_an_error() -> None:
    """A redirect says where to."""
    transport = FakeTransport([FakeReply(status=302)])

    async with client(transport) as craftkit:
        with pytest.raises(DownloadError, match="without an address"):
            await craftkit.renders.read(succeeded(OUTSIDE))


async def test_redirect_of_the_own_route_is_not_followed() -> None:
    """No redirect is followed on API calls."""
    transport = FakeTransport([redirect(OUTSIDE)])

    async with client(transport) as craftkit:
        with pytest.raises(Exception, match="redirect"):
            await craftkit.renders.read("r1")

    assert len(transport.requests) == 1


# -- the two routes


async def test_second_route_serves_what_the_first_has_not() -> None:
    """On 404 the embed route is asked."""
    transport = FakeTransport([MISSING, DOCUMENT])

    async with client(transport) as craftkit:
        assert await craftkit.renders.read(succeeded(None)) == PDF

    assert [url.removeprefix("https://api.craftkit.dev") for url, _ in asked(transport)] == [FIRST, SECOND]


@pytest.mark.parametrize("second", [FakeReply(status=404), FakeReply(status=401), FakeReply(status=403)])
async def test_first_routes_error_is_the_one_to_tell(second: FakeReply) -> None:
    """Where the second route refuses too, perhaps since embed is off, the first one's answer counts."""
    transport = FakeTransport([MISSING, second])

    async with client(transport) as craftkit:
        with pytest.raises(NotFoundError, match="no such render") as caught:
            await craftkit.renders.read("r1")

    assert caught.value.path == FIRST


async def test_failure_of_the_second_route_is_told() -> None:
    """A route that fails has not said that there is nothing."""
    transport = FakeTransport([MISSING, FakeReply(status=500)])

    async with client(transport, retries=RetryPolicy(attempts=1)) as craftkit:
        with pytest.raises(ServerError):
            await craftkit.renders.read("r1")


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (403, ForbiddenError)])
async def test_refusal_of_the_first_route_ends_it(status: int, error: type[Exception]) -> None:
    """Only a 404 of the first route leads to the second."""
    transport = FakeTransport([FakeReply(status=status)])

    async with client(transport) as craftkit:
        with pytest.raises(error):
            await craftkit.renders.read("r1")


async def test_document_elsewhere_that_is_gone_is_not_found() -> None:
    """The error of another host shows nothing of the address."""
    transport = FakeTransport([FakeReply(status=404, body=b"gone")])

    async with client(transport) as craftkit:
        with pytest.raises(NotFoundError) as caught:
            await craftkit.renders.read(succeeded(OUTSIDE))

    assert "files.example" not in str(caught.value)


# -- what comes


@pytest.mark.parametrize("reply", [DOCUMENT, UNANNOUNCED])
@pytest.mark.parametrize("how", [{"max_bytes": 1024}, {}])
async def test_documents_have_a_largest_size(reply: FakeReply, how: dict[str, Any]) -> None:
    """What is larger than max_bytes or Limits.download_bytes is refused, announced or not, and not asked for again."""
    transport = FakeTransport([reply])
    limits = Limits() if how else Limits(download_bytes=1024)

    async with client(transport, limits=limits) as craftkit:
        with pytest.raises(DownloadError, match=r"max_bytes or Limits\.download_bytes allow more"):
            await craftkit.renders.read("r1", **how)

    assert transport.in_flight == 0


@pytest.mark.parametrize("max_bytes", [0, -1, 1.5, "9", True])
async def test_largest_size_is_checked(max_bytes: Any) -> None:
    """A size is a whole number from 1 up."""
    async with client(FakeTransport([])) as craftkit:
        with pytest.raises(ConfigurationError, match="max_bytes takes a whole number"):
            await craftkit.renders.read("r1", max_bytes=max_bytes)


@pytest.mark.parametrize("body", [b"", b"%PD", b"<html>", b"%PDX-1.7"])
async def test_what_is_no_pdf_is_refused(body: bytes) -> None:
    """A document starts with %PDF-; what does not is not asked for again."""
    transport = FakeTransport([FakeReply(body=body)])

    async with client(transport) as craftkit:
        with pytest.raises(DownloadError, match="not a PDF"):
            await craftkit.renders.read("r1")

    assert transport.in_flight == 0


@pytest.mark.parametrize(
    "cut",
    [
        FakeReply(body=PDF, cut_at=1500),
        FakeReply(body=PDF[:1500], headers={"content-length": str(len(PDF))}),
        FakeReply(status=500),
        TransportError("lost"),
    ],
)
async def test_cut_document_is_fetched_again(cut: FakeReply | Exception) -> None:
    """A body that breaks off, or is shorter than announced, is asked for anew; nothing of the first part stays."""
    transport = FakeTransport([cut, DOCUMENT])

    async with client(transport) as craftkit:
        assert await craftkit.renders.read("r1") == PDF

    assert transport.in_flight == 0


async def test_document_that_is_always_cut_is_an_error() -> None:
    """Attempts are bounded for downloads too."""
    transport = FakeTransport(lambda _: FakeReply(body=PDF, cut_at=1500))

    async with client(transport, retries=RetryPolicy(attempts=2)) as craftkit:
        with pytest.raises(DownloadError, match="the document was cut"):
            await craftkit.renders.read("r1")

    assert len(transport.requests) == 2


# -- time


class Dripping(FakeTransport):
    """Sends a document in pieces that are some seconds apart."""

    def __init__(self, pieces: list[bytes], apart: float) -> None:
        super().__init__(lambda _: FakeReply())
        self._pieces = pieces
        self._apart = apart

    async def send(self, request: Request) -> Any:
        self.requests.append(request)
        self.in_flight += 1
        return SimpleNamespace(status=200, headers={}, chunks=self._drip)

    async def _drip(self) -> Any:
        try:
            for piece in self._pieces:
                await asyncio.sleep(self._apart)
                yield piece
        finally:
            self.in_flight -= 1


async def test_slow_but_steady_document_arrives() -> None:
    """Only silence ends a download, however long it takes in all."""
    transport = Dripping([PDF, *[b"."] * 9], 29.0)

    async with client(transport) as craftkit:
        document = await craftkit.renders.read("r1")

        assert document == PDF + b"." * 9
        assert asyncio.get_running_loop().time() == pytest.approx(290.0)


@pytest.mark.parametrize("how", [{}, {"timeout": 100.0}])
async def test_silence_ends_an_attempt(how: dict[str, Any]) -> None:
    """A document that stops coming for longer than Timeouts.idle is given up."""
    transport = Dripping([PDF, PDF], 31.0)

    async with client(transport, retries=RetryPolicy(attempts=1)) as craftkit:
        with pytest.raises(TransportTimeoutError):
            await craftkit.renders.read("r1", **how)

        assert asyncio.get_running_loop().time() == pytest.approx(30.0)

    assert transport.in_flight == 0


async def test_timeout_bounds_the_whole_attempt() -> None:
    """An explicit timeout runs from the place to the last byte, steady or not."""
    transport = Dripping([PDF] * 10, 4.0)

    async with client(transport, retries=RetryPolicy(attempts=1)) as craftkit:
        with pytest.raises(TransportTimeoutError):
            await craftkit.renders.read("r1", timeout=10.0)

        assert asyncio.get_running_loop().time() == pytest.approx(10.0)

    assert transport.in_flight == 0


async def test_no_silence_is_too_long_without_a_bound() -> None:
    """`Timeouts(idle=None)` waits for ever."""
    transport = Dripping([PDF], 1000.0)

    async with client(transport, timeouts=Timeouts(idle=None)) as craftkit:
        assert await craftkit.renders.read("r1") == PDF
        assert await exhaust(craftkit.renders.stream("r1")) == [PDF]


@pytest.mark.parametrize(("apart", "how", "end"), [(31.0, {}, 30.0), (4.0, {"timeout": 10.0}, 10.0)])
async def test_stream_is_bounded_as_a_download_is(apart: float, how: dict[str, Any], end: float) -> None:
    """Silence and an explicit timeout end a stream, where it is read."""
    transport = Dripping([PDF] * 10, apart)

    async with client(transport) as craftkit:
        with pytest.raises(TransportTimeoutError, match=r"Timeouts\.idle bounds silence"):
            await exhaust(craftkit.renders.stream("r1", **how))

        assert asyncio.get_running_loop().time() == pytest.approx(end)

    assert transport.in_flight == 0


# -- streams


async def test_stream_hands_pieces_through() -> None:
    """The pieces make up the document, and it is told and counted once, when the last has come."""
    recorder = Recorder()
    transport = FakeTransport([FakeReply(status=500), DOCUMENT])

    async with client(transport, observers=[recorder]) as craftkit, craftkit.renders.stream("r1") as pieces:
        first = await anext(pieces)
        assert craftkit.statistics().downloads == 0

        assert first + b"".join([piece async for piece in pieces]) == PDF
        assert [piece async for piece in pieces] == []
        assert craftkit.statistics().downloads == 1

    (told,) = [event for event in recorder.events if isinstance(event, Downloaded)]
    assert (told.render_id, told.size) == ("r1", len(PDF))


@pytest.mark.parametrize("pieces_read", [0, 1])
async def test_stream_left_early_gives_the_connection_up(pieces_read: int) -> None:
    """Whoever has seen enough leaves nothing open, and no document is said to have arrived."""
    transport = FakeTransport([DOCUMENT])

    async with client(transport) as craftkit:
        async with craftkit.renders.stream("r1") as pieces:
            for _ in range(pieces_read):
                await anext(pieces)
            assert transport.in_flight == 1

        assert transport.in_flight == 0
        assert craftkit.statistics().downloads == 0


async def test_error_of_whoever_streams_passes_through() -> None:
    """What happens inside the block is its own business."""
    transport = FakeTransport([DOCUMENT])

    async with client(transport) as craftkit:
        with pytest.raises(ZeroDivisionError):
            async with craftkit.renders.stream("r1"):
                raise ZeroDivisionError

    assert transport.in_flight == 0


async def test_error_in_the_middle_of_a_stream_is_raised_there() -> None:
    """Half a document was handed through, so nothing is sent again."""
    transport = FakeTransport([FakeReply(body=PDF, cut_at=1500)])

    async with client(transport) as craftkit:
        with pytest.raises(DownloadError, match="cut"):
            await exhaust(craftkit.renders.stream("r1"))

    assert len(transport.requests) == 1


async def test_stream_of_what_is_too_large_fails_at_the_door() -> None:
    """An announced size is refused before the first piece."""
    transport = FakeTransport([DOCUMENT])

    async with client(transport) as craftkit:
        with pytest.raises(DownloadError, match="more than 1"):
            await exhaust(craftkit.renders.stream("r1", max_bytes=1))

    assert transport.in_flight == 0


# -- the rest


async def test_downloads_elsewhere_have_places_of_their_own() -> None:
    """Slow hosts hold up no API call."""
    transport = FakeTransport(
        lambda request: (
            FakeReply(body=PDF, after=10.0)
            if "files.example" in request.url
            else FakeReply(json={"id": "r", "status": "queued"})
        )
    )

    async with client(transport, limits=Limits(requests=1, downloads=2)) as craftkit, asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(craftkit.renders.read(succeeded(OUTSIDE)))
        await asyncio.sleep(1.0)
        assert len(transport.requests) == 2
        assert craftkit.statistics().in_flight == 0
        await craftkit.renders.get("r")

        assert asyncio.get_running_loop().time() == pytest.approx(1.0)


async def test_terms_of_all_downloads_are_checked(tmp_path: Path) -> None:
    """What one download may take is checked before any request."""
    async with client(FakeTransport([])) as craftkit:
        for download in (craftkit.signatures.download, craftkit.signatures.certificate, craftkit.embed.download):
            with pytest.raises(ConfigurationError, match="max_bytes"):
                await download("s1", tmp_path / "x.pdf", max_bytes=0)
