"""What is no HTTP, and what should never happen: answered as JSON like every other error."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest

from craftkit_async.emulator import Emulator
from tests.support.contract_client import ContractClient

FAR_TOO_LONG = b"a" * 20_000
NO_HTTP = {
    "a word": b"GARBAGE\r\n\r\n",
    "a version nobody has": b"GET / HTTP/9.x\r\n\r\n",
    "a greeting in TLS": b"\x16\x03\x01\x00\xee\r\n\r\n",
    "a line without end": b"GET /" + FAR_TOO_LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without end": b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX: " + FAR_TOO_LONG + b"\r\n\r\n",
    "headers without end": b"GET /v1/health HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 500 + b"\r\n",
    "chunks that are none": b"POST /v1/hooks/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


async def _send(url: str, raw: bytes) -> tuple[int, bytes, bytes]:
    """Send bytes as they are; give the status, the head and the body of the answer."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(raw)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        body = await reader.readexactly(length)
    finally:
        writer.close()
    return int(head.split()[1]), head, body


@pytest.mark.parametrize("raw", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_cannot_be_read_is_a_400_in_json(emulator: Emulator, raw: bytes) -> None:
    """Errors are JSON everywhere, also where no request has come to be."""
    status, head, body = await _send(emulator.url, raw)

    assert status == 400
    assert b"application/json" in head
    assert json.loads(body)["error"]["code"] == "bad_request"


async def test_an_expectation_that_nobody_knows_is_a_417_in_json(emulator: Emulator) -> None:
    """The library below refuses it by itself; the form is ours all the same."""
    status, _, body = await _send(emulator.url, b"GET /v1/health HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n")

    assert status == 417
    assert json.loads(body)["error"]["code"] == "bad_request"


async def test_a_disk_that_is_full_is_a_500_in_json_and_shows_in_the_health(
    emulator: Emulator, api: ContractClient
) -> None:
    """Nothing is answered that was not kept: by the contract on its routes, in the same form on the emulator's own."""
    database = emulator._service.store._database
    database.execute("PRAGMA query_only=ON")
    failed = await api.call("create_project", json={"name": "Acme"})
    read = await api.call("list_projects")
    health = await api.call("get_health")
    async with api.session.post(f"{api.url}/_emulator/reset") as own:
        reset = await own.json()
    database.execute("PRAGMA query_only=OFF")

    assert (failed.status, failed.code) == (read.status, read.code) == (500, "internal")
    assert (own.status, reset["error"]["code"]) == (500, "internal")
    assert (health.status, health.json["checks"]) == (503, {"database": "error"})
    assert (await api.call("create_project", json={"name": "Acme"})).status == 201
    assert (await api.call("get_health")).status == 200
