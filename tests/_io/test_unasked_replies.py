"""Unasked replies: what a server sends on an idle connection is never taken for the reply to the next call."""

import asyncio
import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from craftkit_async import ApiError, Craftkit, DecodeError, Limits, RetryPolicy, TransportError
from craftkit_async._io.sessions import _MOST_CONNECTIONS
from tests.support.cancelling import settle
from tests.support.loopback import read_head, serve_raw

ONCE = RetryPolicy(attempts=1)


def reply(body: bytes, status: str = "200 OK", headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n%b\r\n%b" % (status.encode(), len(body), headers, body)


async def read_request(reader: asyncio.StreamReader) -> str:
    head = await read_head(reader)
    for line in head.lower().splitlines():
        if line.startswith("content-length:"):
            await reader.readexactly(int(line.partition(":")[2]))
    return head.split()[1]


@pytest.mark.parametrize("method", ["get", "render"])
async def test_unasked_reply_is_never_taken(method: str) -> None:
    """A second reply to one request is on the connection before the next call, which gets its own from another one."""
    asked: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked.append(await read_request(reader))
            writer.write(reply(b'{"id":"r1","status":"queued"}'))
            if len(asked) == 1:
                await writer.drain()
                await asyncio.sleep(0.05)
                writer.write(reply(b'{"id":"r1","status":"failed","errorMessage":"another tenant"}'))

    async with serve_raw(handler) as url, Craftkit("ck_test_key", base_url=url, retries=ONCE) as craftkit:
        await craftkit.renders.get("r1")
        await asyncio.sleep(0.2)
        if method == "get":
            second = await craftkit.renders.get("r1")
        else:
            second = await craftkit.templates.render("t", {})

    await settle()
    assert second.status == "queued"
    assert len(asked) == 2


async def test_a_service_that_always_speaks_first_is_given_up() -> None:
    """Each such connection is closed; after some of them the call fails, and says that nothing was sent."""
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(reply(b"{}"))
        await reader.read()

    async def slow_down(*_: object) -> None:
        """Let what the server says arrive before the request is sent."""
        await asyncio.sleep(0.02)

    async with serve_raw(handler) as url, Craftkit("ck_test_key", base_url=url, retries=ONCE) as craftkit:
        transport: Any = craftkit._runtime.api.transport
        session = transport._open(1.0)
        transport._own = session
        connect = session.connector.connect

        async def connect_late(*arguments: Any, **options: Any) -> Any:
            connection = await connect(*arguments, **options)
            await slow_down()
            return connection

        session.connector.connect = connect_late
        with pytest.raises(TransportError, match="nobody asked for") as caught:
            await craftkit.renders.get("r1")

    await settle()
    assert not caught.value.maybe_sent
    assert connections == _MOST_CONNECTIONS


async def test_what_is_never_repeated_takes_a_young_connection() -> None:
    """Operations that must never be sent twice have connections of their own, which are kept for two seconds only."""
    async with Craftkit("ck_test_key") as craftkit:
        transport: Any = craftkit._runtime.api.transport
        kept = {
            is_repeatable: transport._session_for(type("R", (), {"is_repeatable": is_repeatable})).connector
            for is_repeatable in (True, False)
        }

    assert kept[False] is not kept[True]
    assert kept[False]._keepalive_timeout == 2.0


async def test_mails_and_reads_go_their_own_ways() -> None:
    """A mail does not meet the connection that a read left idle."""
    connections: list[list[str]] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append([])
        seen = connections[-1]
        while True:
            seen.append(await read_request(reader))
            writer.write(
                reply(b'{"error":"invalid"}', "422 No")
                if seen[-1].endswith("email")
                else reply(b'{"id":"r1","status":"queued"}')
            )

    async with serve_raw(handler) as url, Craftkit("ck_test_key", base_url=url) as craftkit:
        for _ in range(2):
            await craftkit.renders.get("r1")
            with pytest.raises(ApiError):
                await craftkit.renders.email("r1", to="a@b.example")

    await settle()
    assert sorted(map(len, connections)) == [2, 2]


GZIPPED = gzip.compress(b'{"id":"r1","status":"queued"}', mtime=0)


@pytest.mark.parametrize(("body", "encoding"), [(GZIPPED, "gzip"), (b'{"id":"r1","status":"queued"}', "identity")])
async def test_body_compressed_against_our_wish_is_read(body: bytes, encoding: str) -> None:
    """A proxy that compresses although nobody asked for it loses no reply."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply(body, headers=f"content-encoding: {encoding}\r\n".encode()))

    async with serve_raw(handler) as url, Craftkit("ck_test_key", base_url=url, retries=ONCE) as craftkit:
        assert (await craftkit.renders.get("r1")).status == "queued"


@pytest.mark.parametrize(
    ("body", "encoding", "sentence"),
    [
        (b"xx", "br", "compressed in a way that was not asked for"),
        (b"xx", "gzip", "says that it is gzip, and is not"),
        (gzip.compress(b"0" * 10_000, mtime=0), "gzip", "larger than Limits"),
    ],
)
async def test_body_that_cannot_be_decompressed_says_so(body: bytes, encoding: str, sentence: str) -> None:
    """What cannot be read is named, and a small body cannot grow beyond the limit."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply(body, headers=f"content-encoding: {encoding}\r\n".encode()))

    options: dict[str, Any] = {"retries": ONCE, "limits": Limits(reply_bytes=5000)}
    async with serve_raw(handler) as url, Craftkit("ck_test_key", base_url=url, **options) as craftkit:
        with pytest.raises(DecodeError, match=sentence):
            await craftkit.renders.get("r1")


async def test_a_101_gives_its_connection_back() -> None:
    """A reply that switches to another protocol is an error, and its connection is closed."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
        await reader.read()

    async with serve_raw(handler) as url, Craftkit("ck_test_key", base_url=url, retries=ONCE) as craftkit:
        with pytest.raises(ApiError) as caught:
            await craftkit.renders.get("r1")
        transport: Any = craftkit._runtime.api.transport

        assert caught.value.status == 101
        assert not transport._own.connector._acquired


_PURE = """
import asyncio
from craftkit_async import Craftkit, RetryPolicy, TransportError
from tests.support.cancelling import settle
from tests.support.loopback import read_head, serve_raw

async def handler(reader, writer):
    await read_head(reader)
    writer.write(b"HTTP/1.1 200 OK\\r\\ntransfer-encoding: chunked\\r\\n\\r\\nnonsense\\r\\n")

async def main():
    once = RetryPolicy(attempts=1)
    async with serve_raw(handler) as url, Craftkit("ck_test_key", base_url=url, retries=once) as craftkit:
        for call in (craftkit.renders.get("r1"), craftkit.templates.render("t", {})):
            try:
                await call
            except TransportError as error:
                assert "nonsense" not in str(error), error
                print("ours")

asyncio.run(main())
"""


def test_errors_of_the_pure_parser_are_ours() -> None:
    """Without its C extensions aiohttp raises errors of another family, and none of them leaves the package."""
    environment = {**os.environ, "AIOHTTP_NO_EXTENSIONS": "1", "PYTHONPATH": str(Path.cwd())}
    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _PURE], capture_output=True, text=True, env=environment, check=False
    )

    assert run.stdout.split() == ["ours", "ours"], run.stderr
