"""Quick requests: what goes out at once, and what is left to aiohttp."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from craftkit_async import Craftkit, RetryPolicy, TransportError
from craftkit_async._io import quick_requests
from craftkit_async._io.quick_requests import (
    KNOWN_DIGESTS,
    KNOWN_SESSIONS,
    CheckedRequest,
    digest_of,
    digest_of_methods,
    request_class,
)
from tests.support.loopback import read_head, serve, serve_raw

FOUND = {"id": "r1", "status": "queued"}


@pytest.mark.parametrize("size", [0, 1, 2**15 - 100, 2**15 + 1, 2**18])
async def test_body_of_any_size_arrives_whole(size: int) -> None:
    """Small or large, kept connection or new one, the service sees the same body and its length."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(FOUND, status=202)

    async with serve(answer) as server, Craftkit("ck_test_key", base_url=server.url) as craftkit:
        for _ in range(2):
            await craftkit.templates.render("note", {"text": "." * size})

    body = b'{"data":{"text":"%b"}}' % (b"." * size)
    assert server.bodies == [body, body]
    assert [request.headers["content-length"] for request in server.requests] == [str(len(body))] * 2


async def test_small_body_needs_no_task() -> None:
    """On a kept connection a submit is written without a task beside the caller's."""

    def refuse(*_: object, **__: object) -> Any:
        raise AssertionError

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await read_head(reader)
            await reader.readexactly(len(b'{"data":{}}'))
            writer.write(b'HTTP/1.1 202 Accepted\r\nContent-Length: 11\r\n\r\n{"id":"r1"}')

    async with serve_raw(answer) as url, Craftkit("ck_test_key", base_url=url) as craftkit:
        await craftkit.templates.render("note", {})
        asyncio.get_running_loop().set_task_factory(refuse)
        await craftkit.templates.render("note", {})
        asyncio.get_running_loop().set_task_factory(None)


async def test_traced_request_is_left_to_aiohttp() -> None:
    """Whoever traces aiohttp sees head and body of each request, as without this class."""
    seen: list[bytes] = []

    async def note(_: object, __: object, sent: aiohttp.TraceRequestChunkSentParams) -> None:
        seen.append(sent.chunk)

    tracing = aiohttp.TraceConfig()
    tracing.on_request_chunk_sent.append(note)

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(FOUND, status=202)

    session = aiohttp.ClientSession(trace_configs=[tracing], request_class=request_class())
    async with serve(answer) as server, session, Craftkit("ck_test_key", base_url=server.url, session=session) as mine:
        await mine.templates.render("note", {})

    assert seen == [b'{"data":{}}']


async def test_connection_that_breaks_off_is_a_transport_error() -> None:
    """A small body that nobody answers may have been taken in."""

    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_head(reader)

    async with serve_raw(hang_up) as url, Craftkit("ck_test_key", base_url=url) as craftkit:
        with pytest.raises(TransportError) as caught:
            await craftkit.templates.create("note", manifest={})

    assert caught.value.maybe_sent


def test_the_installed_aiohttp_was_read() -> None:
    """What replaces a method of aiohttp is used only where the replaced method is one that somebody has read."""
    digest = digest_of(aiohttp.ClientRequest)

    assert digest in KNOWN_DIGESTS, (
        f"aiohttp {aiohttp.__version__} has a new digest, {digest}: read ClientRequest.update_headers and"
        " ClientRequest.send in aiohttp/client_reqrep.py, compare them with _QuickRequest, and list the digest in"
        " craftkit_async/_io/quick_requests.py"
    )
    assert request_class() is not CheckedRequest


def test_the_switch_of_the_installed_aiohttp_was_read() -> None:
    """`_retry_connection` is switched off only where somebody has read what it does."""
    digest = digest_of_methods(aiohttp.ClientSession._request)

    assert digest in KNOWN_SESSIONS, (
        f"aiohttp {aiohttp.__version__} has a new digest, {digest}: read ClientSession._request in aiohttp/client.py,"
        " what it does with _retry_connection above all, and list the digest in craftkit_async/_io/quick_requests.py"
    )


async def test_an_unread_switch_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody has read what the switch does, a middleware keeps aiohttp from sending again, and calls work."""
    monkeypatch.setattr(quick_requests, "KNOWN_SESSIONS", frozenset())

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(FOUND)

    async with serve(answer) as server, Craftkit("ck_test_key", base_url=server.url) as craftkit:
        await craftkit.renders.get("r1")

    assert len(server.requests) == 1


def test_another_aiohttp_sends_in_its_own_way() -> None:
    """A method that was changed, or whose source is not there, is not replaced."""

    class Changed(aiohttp.ClientRequest):
        async def send(self, conn: Any) -> Any:
            """Whatever it does."""

    class Compiled(aiohttp.ClientRequest):
        pass

    namespace: dict[str, Any] = {}
    exec(compile("async def send(self, conn): ...", "nowhere.py", "exec"), namespace)  # noqa: S102 - a method without a source
    Compiled.send = namespace["send"]  # type: ignore[method-assign]  # that is the point

    assert request_class(Changed) is CheckedRequest
    assert request_class(Compiled) is CheckedRequest
    assert digest_of(Compiled) is None


async def test_connection_that_is_lost_before_the_write_is_no_more_than_that() -> None:
    """Between head and write lies one round of the loop; a connection lost in it is a failure like any other."""
    answered: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            answered.append(await read_head(reader))
            await reader.readexactly(len(b'{"data":{}}'))
            writer.write(b'HTTP/1.1 202 Accepted\r\nContent-Length: 11\r\n\r\n{"id":"r1"}')

    def lose(connector: Any) -> None:
        for protocol in connector._acquired:
            protocol.abort()

    once_more = RetryPolicy(attempts=2, first_delay=0.0)
    async with serve_raw(answer) as url, Craftkit("ck_test_key", base_url=url, retries=once_more) as craftkit:
        await craftkit.templates.render("note", {})
        task = asyncio.ensure_future(craftkit.templates.render("note", {}))
        transport: Any = craftkit._runtime.api.transport
        asyncio.get_running_loop().call_soon(lose, transport._own.connector)
        await task

    assert len(answered) == 2
    assert craftkit.statistics().retries == 1


async def test_header_that_names_the_host_replaces_it() -> None:
    """A host that was given is not sent beside the one of the address."""
    request = request_class()(
        "POST", URL("http://localhost/"), headers={"host": "other.example"}, loop=asyncio.get_running_loop()
    )

    assert request.headers.getall("host") == ["other.example"]
