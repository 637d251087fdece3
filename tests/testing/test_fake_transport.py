"""FakeTransport: what tests of other programs may rely on."""

import asyncio
import json

import pytest

from craftkit_async import ClientStateError, Request, TransportError
from craftkit_async.testing import FakeReply, FakeTransport

pytestmark = pytest.mark.virtual_time

ASK = Request("POST", "https://example.com/v1/x", {}, b'{"a":1}')
LOOK = Request("GET", "https://example.com/v1/x", {})


async def test_replies_come_in_order() -> None:
    """A list is answered from the first to the last, and every request is kept."""
    transport = FakeTransport([FakeReply(status=202, json={"id": "r1"}), FakeReply(json=[1])])
    first, second = await transport.send(ASK), await transport.send(LOOK)

    assert (first.status, json.loads(await first.read())) == (202, {"id": "r1"})
    assert (second.status, json.loads(await second.read())) == (200, [1])
    assert transport.requests == [ASK, LOOK]
    assert transport.bodies() == [{"a": 1}, None]


async def test_a_function_answers_by_the_request() -> None:
    """A function from request to reply is asked each time."""
    transport = FakeTransport(lambda request: FakeReply(status=404 if request.method == "GET" else 200))

    assert (await transport.send(LOOK)).status == 404
    assert (await transport.send(ASK)).status == 200


async def test_a_script_may_be_any_iterable() -> None:
    """An endless generator never runs out."""
    transport = FakeTransport(FakeReply(status=status) for status in (200, 201))

    assert [(await transport.send(LOOK)).status for _ in range(2)] == [200, 201]


async def test_an_exception_in_place_of_a_reply_is_raised() -> None:
    """That is how a lost connection looks; the request was made all the same."""
    transport = FakeTransport([TransportError("lost"), FakeReply()])
    with pytest.raises(TransportError, match="lost"):
        await transport.send(ASK)

    assert transport.requests == [ASK]
    assert transport.in_flight == 0
    assert (await transport.send(ASK)).status == 200


async def test_an_empty_script_says_so() -> None:
    """A request too many is an error that no client retries, and it names the request."""
    with pytest.raises(ClientStateError, match="no reply left for GET https://"):
        await FakeTransport([]).send(LOOK)


@pytest.mark.parametrize(
    ("reply", "content", "kind"),
    [
        (FakeReply(), b"", "application/json"),
        (FakeReply(json={"a": None}), b'{"a": null}', "application/json"),
        (FakeReply(json=0), b"0", "application/json"),
        (FakeReply(body=b"%PDF-"), b"%PDF-", "application/pdf"),
        (FakeReply(body=b""), b"", "application/pdf"),
        (FakeReply(json=1, body=b"x"), b"x", "application/pdf"),
    ],
)
async def test_bodies(reply: FakeReply, content: bytes, kind: str) -> None:
    """A body is JSON or bytes, and type and length are announced."""
    got = await FakeTransport([reply]).send(LOOK)

    assert reply.content == await got.read() == content
    assert got.headers == {"content-type": kind, "content-length": str(len(content))}


async def test_headers_win_over_made_up_ones() -> None:
    """A wrong length can be announced."""
    reply = await FakeTransport([FakeReply(json=1, headers={"content-length": "9", "x": "y"})]).send(LOOK)

    assert reply.headers == {"content-type": "application/json", "content-length": "9", "x": "y"}


async def test_a_reply_may_come_late() -> None:
    """`after` seconds pass on the loop's own clock before the head is there."""
    clock = asyncio.get_running_loop().time
    start = clock()
    await FakeTransport([FakeReply(after=7)]).send(LOOK)

    assert clock() - start == pytest.approx(7)


async def test_a_body_comes_in_pieces() -> None:
    """Even a short body arrives in several pieces."""
    reply = await FakeTransport([FakeReply(body=b"x" * 2500)]).send(LOOK)

    assert [len(piece) async for piece in reply.chunks()] == [1024, 1024, 452]


@pytest.mark.parametrize("cut_at", [0, 1, 1024, 2000])
async def test_a_body_may_be_cut(cut_at: int) -> None:
    """After so many bytes the connection breaks, read whole or in pieces; the length announced is that of the whole."""
    transport = FakeTransport([FakeReply(body=b"x" * 2500, cut_at=cut_at)] * 2)
    reply, got = await transport.send(LOOK), b""
    pieces = reply.chunks()
    while len(got) < cut_at:
        got += await anext(pieces)
    with pytest.raises(TransportError, match="the connection broke"):
        await anext(pieces)
    with pytest.raises(TransportError, match="the connection broke"):
        await (await transport.send(LOOK)).read()

    assert len(got) == cut_at
    assert reply.headers["content-length"] == "2500"
    assert transport.in_flight == 0


async def test_replies_in_flight_are_counted() -> None:
    """A reply counts until it is read or given up, and once only."""
    transport = FakeTransport([FakeReply(body=b"x" * 2500)] * 3)
    read, given_up, dropped = [await transport.send(LOOK) for _ in range(3)]

    assert transport.in_flight == 3

    await read.read()
    pieces = given_up.chunks()
    await anext(pieces)
    await pieces.aclose()
    await pieces.aclose()
    assert transport.in_flight == 1

    await dropped.chunks().aclose()
    assert transport.in_flight == 0


async def test_a_cancelled_read_gives_the_reply_up() -> None:
    """Whoever is cancelled in the middle of a body holds nothing any more."""
    transport = FakeTransport([FakeReply(body=b"x" * 2500, after=5)])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await transport.send(LOOK)

    assert transport.in_flight == 0
