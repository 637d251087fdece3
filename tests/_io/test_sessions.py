"""Sessions: aiohttp against real servers on this machine."""

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from craftkit_async import (
    ApiError,
    ClientStateError,
    ConfigurationError,
    Craftkit,
    DecodeError,
    DownloadError,
    Limits,
    NotFoundError,
    Render,
    RetryPolicy,
    ServerError,
    Timeouts,
    TransportError,
    TransportTimeoutError,
)
from craftkit_async._io import sessions
from craftkit_async._sansio.calls.request import Request
from craftkit_async.observe.events import Event, Retried, Throttled
from tests.support.cancelling import cancel_everywhere, other_tasks, settle
from tests.support.loopback import read_head, replying, serve, serve_raw

ONCE = RetryPolicy(attempts=1)
QUICK = RetryPolicy(attempts=2, first_delay=0.0)
FOUND = {"id": "r1", "status": "queued"}
PDF = b"%PDF-1.7\n" + b"." * 300_000


def client(url: str, **options: Any) -> Craftkit:
    return Craftkit("ck_test_key", base_url=url, **options)


def connector_of(craftkit: Craftkit) -> Any:
    return craftkit._runtime.api.transport._own.connector  # type: ignore[attr-defined]  # looks inside on purpose


def unused_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


# -- own sessions


async def test_own_session_is_opened_late_and_closed() -> None:
    """Nothing is opened before the first call; aclose closes, twice is fine; the client may be entered again."""
    async with serve(replying(json=FOUND)) as server:
        craftkit = client(server.url)
        assert not craftkit._runtime.api.transport.is_open  # type: ignore[attr-defined]  # looks inside on purpose
        for _ in range(2):
            async with craftkit:
                assert await craftkit.renders.get("r1") == Render("r1", "queued")
                connector = connector_of(craftkit)
            assert connector.closed
            await craftkit.aclose()
        with pytest.raises(ClientStateError, match="closed"):
            await craftkit.renders.get("r1")

    assert len(server.requests) == 2


async def test_connections_are_kept() -> None:
    """Calls one after another share a connection."""
    ports: set[object] = set()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        return web.json_response(FOUND)

    async with serve(handler) as server, client(server.url) as craftkit:
        for _ in range(3):
            await craftkit.renders.get("r1")

    assert len(ports) == 1


async def test_body_above_a_mebibyte_is_sent_whole() -> None:
    """A large submit arrives as it is, without a word of aiohttp; warnings are errors here."""
    async with serve(replying(202, FOUND)) as server, client(server.url) as craftkit:
        await craftkit.templates.render("invoice", {"text": "x" * 2**21})

    (body,) = server.bodies
    assert body == b'{"data":{"text":"' + b"x" * 2**21 + b'"}}'
    assert server.requests[0].headers["content-length"] == str(len(body))


async def test_unclosed_client_gives_a_warning() -> None:
    """A client that is forgotten while open says so."""
    async with serve(replying(json=FOUND)) as server:
        forgotten = [client(server.url)]
        await forgotten[0].renders.get("r1")
        transport: Any = forgotten[0]._runtime.api.transport
        with pytest.warns(ResourceWarning, match="a Craftkit client was not closed"):
            forgotten.clear()
        await transport.aclose()


def test_client_is_made_without_a_loop_and_used_on_one_after_another() -> None:
    """One client serves several loops, one at a time, if it is closed between."""

    async def use(craftkit: Craftkit) -> Render:
        async with serve(replying(json=FOUND)) as server:
            craftkit._runtime.api.base_url = server.url
            async with craftkit:
                return await craftkit.renders.get("r1")

    craftkit = client("http://127.0.0.1:9")

    assert asyncio.run(use(craftkit)) == asyncio.run(use(craftkit)) == Render("r1", "queued")


def test_second_loop_is_refused_while_open() -> None:
    """An open client belongs to the loop of its first use."""
    craftkit = client(unused_url(), retries=ONCE)

    with asyncio.Runner() as first, asyncio.Runner() as second:
        steps = [
            (first, fail_to_connect(craftkit)),
            (second, is_refused(craftkit.renders.get("r1"))),
            (second, is_refused(craftkit.aclose())),
            (second, is_refused(craftkit.__aenter__())),
            (first, craftkit.aclose()),
        ]
        # One expression: what comes after a run that an exception went through is not seen by coverage.
        assert [loop.run(step) for loop, step in steps] == [None] * 5


async def fail_to_connect(craftkit: Craftkit) -> None:
    with pytest.raises(TransportError):
        await craftkit.renders.get("r1")


async def is_refused(call: Awaitable[object]) -> None:
    with pytest.raises(ClientStateError, match="another event loop"):
        await call


def test_client_of_a_dead_loop_can_be_closed_elsewhere() -> None:
    """Where the loop is gone without a close, another one may clean up."""
    craftkit = client(unused_url(), retries=ONCE)

    # One expression, as above.
    assert [asyncio.run(step) for step in (fail_to_connect(craftkit), craftkit.aclose())] == [None] * 2


_FORKING = """
import asyncio, os, sys
from craftkit_async import ClientStateError, Craftkit
from craftkit_async.testing import FakeReply, FakeTransport

craftkit = Craftkit("ck_test_key", transport=FakeTransport(lambda _: FakeReply(json={"id": "r1", "status": "queued"})))

async def main():
    await craftkit.renders.get("r1")

loop = asyncio.new_event_loop()
loop.run_until_complete(main())
child = os.fork()
if child == 0:
    refused = 0
    for child_loop in (asyncio.new_event_loop(), loop):
        try:
            child_loop.run_until_complete(main())
        except ClientStateError as error:
            refused += "fork" in str(error)
    os._exit(2 - refused)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
def test_client_is_refused_after_a_fork() -> None:
    """Connections of two processes would mix, so a forked child is told to make its own client."""
    done = subprocess.run([sys.executable, "-c", _FORKING], check=False, cwd=Path(__file__).parents[2])  # noqa: S603 - our own

    assert done.returncode == 0


# -- given sessions


async def test_given_session_is_used_and_never_closed() -> None:
    """Your session carries the calls, with its middlewares, and is yours to close."""
    seen: list[str] = []

    async def middleware(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        seen.append(request.method)
        return await handler(request)

    async with (
        serve(replying(json=FOUND)) as server,
        aiohttp.ClientSession(headers={"x-mine": "1"}, middlewares=(middleware,)) as session,
    ):
        async with client(server.url, session=session) as craftkit:
            await craftkit.renders.get("r1")
        assert not session.closed

    assert seen == ["GET"]
    assert server.requests[0].headers["x-mine"] == "1"


async def test_given_session_is_not_used_for_other_hosts() -> None:
    """Your session may carry credentials, so documents elsewhere come through another one."""
    async with (
        serve(replying(body=PDF)) as elsewhere,
        aiohttp.ClientSession(headers={"x-mine": "1"}) as session,
        client(unused_url(), session=session) as craftkit,
    ):
        await craftkit.renders.read(Render("r1", "succeeded", f"{elsewhere.url}/a.pdf"))

    assert "x-mine" not in elsewhere.requests[0].headers
    assert "authorization" not in elsewhere.requests[0].headers


async def test_session_that_raises_for_a_status_still_gives_our_errors() -> None:
    """The settings of a given session do not change what errors look like."""
    async with (
        serve(replying(404, {"error": {"code": "not_found", "message": "no"}})) as server,
        aiohttp.ClientSession(raise_for_status=True) as session,
        client(server.url, session=session) as craftkit,
    ):
        with pytest.raises(NotFoundError, match="not_found"):
            await craftkit.renders.get("r1")


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
async def test_given_session_with_an_authorization_of_its_own_is_refused() -> None:
    """Two of them cannot travel together; the error says which one has to go."""
    async with (
        aiohttp.ClientSession(auth=aiohttp.BasicAuth("u", "recognisable")) as session,
        client("http://localhost", session=session) as craftkit,
    ):
        with pytest.raises(ConfigurationError, match="the aiohttp session brings an authorization of its own"):
            await craftkit.renders.get("r1")


async def test_closed_given_session_is_a_state_error() -> None:
    """A session that its owner has closed cannot be opened here."""
    session = aiohttp.ClientSession()
    await session.close()

    async with client(unused_url(), session=session) as craftkit:
        with pytest.raises(ClientStateError, match="the aiohttp session is closed"):
            await craftkit.renders.get("r1")


@pytest.mark.parametrize(
    ("connector", "places"), [({"limit": 3}, 3), ({"limit": 0, "limit_per_host": 5}, 5), ({"limit": 0}, 16)]
)
async def test_given_sessions_connections_bound_the_window(connector: dict[str, int], places: int) -> None:
    """Nobody waits for a connection after the clock of the request has started."""
    own = aiohttp.TCPConnector(**connector)  # type: ignore[arg-type]  # counts

    async with aiohttp.ClientSession(connector=own) as session, client("http://localhost", session=session) as craftkit:
        assert craftkit.statistics().window == places


# -- dropped and refused connections


@pytest.mark.parametrize("own", [True, False])
async def test_delete_on_a_dropped_connection_is_sent_once_per_attempt(own: bool) -> None:  # noqa: FBT001 - a case
    """A kept connection that dies is an attempt like any other: aiohttp must not repeat a DELETE by itself."""
    heads: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 29\r\n\r\n{"id":"r1","status":"queued"}')
        # The next request is read, and its connection dropped without an answer.
        heads.append(await read_head(reader))

    session = None if own else aiohttp.ClientSession()
    async with serve_raw(handler) as url, client(url, session=session, retries=ONCE) as craftkit:
        await craftkit.renders.get("r1")
        with pytest.raises(TransportError) as caught:
            await craftkit.templates.delete("t")
    if session is not None:
        await session.close()

    assert [head.split()[0] for head in heads] == ["GET", "DELETE"]
    assert caught.value.maybe_sent
    assert caught.value.__cause__ is not None


async def test_resent_delete_that_finds_nothing_has_worked() -> None:
    """Each attempt is one request, and a 404 after a lost answer is the success of the first."""
    count = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        await read_head(reader)
        count += 1
        if count == 2:
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

    async with serve_raw(handler) as url, client(url, retries=QUICK) as craftkit:
        deleted = await craftkit.templates.delete("t")

    assert deleted.slug == "t"
    assert count == 2


async def test_refused_connection_was_not_sent() -> None:
    """What never connected never arrived, so even a call that must not be doubled is sent again."""
    async with client(unused_url(), retries=QUICK) as craftkit:
        with pytest.raises(TransportError) as caught:
            await craftkit.templates.create("n", manifest={})

    assert not caught.value.maybe_sent
    assert caught.value.attempts == 2
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)


async def test_slow_connecting_is_bounded() -> None:
    """`Timeouts.connect` bounds opening a connection, and what did not connect was not sent."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        fill = [socket.socket() for _ in range(4)]
        for probe in fill:
            probe.setblocking(False)  # noqa: FBT003 - its only argument
            probe.connect_ex(deaf.getsockname())
        async with client(url, retries=ONCE, timeouts=Timeouts(connect=0.05)) as craftkit:
            with pytest.raises(
                TransportTimeoutError, match=r"connecting took too long \(Timeouts\.connect\)"
            ) as caught:
                await craftkit.renders.get("r1")
        for probe in fill:
            probe.close()

    assert not caught.value.maybe_sent


# -- replies


async def test_redirect_is_not_followed() -> None:
    """An API call that is sent elsewhere is an error; the key goes nowhere else."""
    async with serve(replying(json=FOUND)) as other:
        headers = {"location": f"{other.url}/v1/renders/r1"}
        async with serve(replying(302, headers=headers)) as server, client(server.url) as craftkit:
            with pytest.raises(ApiError, match="redirect") as caught:
                await craftkit.renders.get("r1")

    assert caught.value.code == "redirect"
    assert caught.value.status == 302
    assert other.requests == []


@pytest.mark.parametrize("chunked", [True, False])
async def test_reply_has_a_largest_size(chunked: bool) -> None:  # noqa: FBT001 - a case
    """A reply larger than Limits.reply_bytes is given up, announced or not."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        reply = web.StreamResponse()
        if chunked:
            reply.enable_chunked_encoding()
        else:
            reply.content_length = 2**20
        await reply.prepare(request)
        for _ in range(16):
            await reply.write(b" " * 2**16)
        return reply

    async with serve(handler) as server, client(server.url, limits=Limits(reply_bytes=1000)) as craftkit:
        with pytest.raises(DecodeError, match=r"Limits\.reply_bytes=1000"):
            await craftkit.renders.get("r1")
        assert not connector_of(craftkit)._acquired


@pytest.mark.parametrize("own", [True, False])
async def test_chunked_reply_is_read(own: bool) -> None:  # noqa: FBT001 - a case
    """A reply without a length is read as well."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        reply = web.StreamResponse()
        reply.enable_chunked_encoding()
        await reply.prepare(request)
        await reply.write(b'{"id":')
        await reply.write(b'"r1","status":"queued"}')
        return reply

    async with (
        serve(handler) as server,
        aiohttp.ClientSession() as session,
        client(server.url, session=None if own else session) as craftkit,
    ):
        assert await craftkit.renders.get("r1") == Render("r1", "queued")


@pytest.mark.parametrize(
    "reply",
    [
        b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"id":',
        b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n{"id":\r\n',
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    ],
)
async def test_broken_reply_is_a_transport_error(reply: bytes) -> None:
    """A reply that is cut, or is none, leaves open what happened."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(reply)

    async with serve_raw(handler) as url, client(url, retries=ONCE) as craftkit:
        with pytest.raises(TransportError) as caught:
            await craftkit.renders.get("r1")

    assert caught.value.maybe_sent
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("status", "error"), [(200, DecodeError), (502, ServerError)])
async def test_proxys_page_is_told_by_its_status(status: int, error: type[Exception]) -> None:
    """HTML in the place of JSON is an unreadable success, or an error of its status."""
    handler = replying(status, text="<html>no</html>", content_type="text/html")

    async with serve(handler) as server, client(server.url, retries=ONCE) as craftkit:
        with pytest.raises(error):
            await craftkit.renders.get("r1")


async def test_silent_server_is_given_up() -> None:
    """A read timeout gives the connection up."""
    release = asyncio.Event()

    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        await release.wait()
        return web.Response()

    async with serve(handler) as server, client(server.url, retries=ONCE) as craftkit:
        with pytest.raises(TransportTimeoutError) as caught:
            await craftkit.renders.get("r1", timeout=0.05)
        assert not connector_of(craftkit)._acquired
        release.set()

    assert caught.value.maybe_sent


# -- closing


class _Waiting:
    """Tells when a call is about to wait."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    def on_event(self, event: Event) -> None:
        if isinstance(event, Retried | Throttled):
            self.told.set()


@pytest.mark.parametrize("state", ["runs", "pauses", "waits for a place", "keeps its place"])
async def test_closing_ends_what_is_under_way(state: str) -> None:
    """A call that runs, pauses or waits as the client closes ends with ClientStateError; nothing hangs."""
    arrived = asyncio.Event()

    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        arrived.set()
        if state == "pauses":
            return web.Response(status=500)
        if state == "keeps its place":
            return web.Response(status=429, headers={"retry-after": "50"})
        await asyncio.Event().wait()
        raise AssertionError

    recorder = _Waiting()
    async with serve(handler) as server:
        policy = RetryPolicy(first_delay=30.0)
        craftkit = client(server.url, limits=Limits(requests=1), retries=policy, observers=[recorder])
        tasks = [asyncio.ensure_future(craftkit.renders.get("r1"))]
        await arrived.wait()
        if state == "waits for a place":
            tasks.append(asyncio.ensure_future(craftkit.renders.get("r2")))
        if state in {"pauses", "keeps its place"}:
            await recorder.told.wait()
        await settle()
        await craftkit.aclose()
        await asyncio.wait(tasks)

    assert all(isinstance(task.exception(), ClientStateError) for task in tasks)
    assert craftkit.statistics().in_flight == 0


async def test_cancelled_at_every_wait_no_connection_is_lost() -> None:
    """Wherever a call over a real connection is cancelled, the connector holds none afterwards."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=PDF) if request.path.endswith("download") else web.json_response(FOUND)

    async def call() -> None:
        await craftkit.renders.get("r1")
        await craftkit.renders.read("r1")
        async with craftkit.renders.stream("r1") as pieces:
            await anext(pieces)

    async def check() -> None:
        assert not connector_of(craftkit)._acquired
        assert craftkit.statistics().in_flight == 0

    async with serve(handler) as server, client(server.url) as craftkit:
        await craftkit.renders.get("r1")

        assert await cancel_everywhere(call, check) >= 6


async def test_nothing_runs_after_closing() -> None:
    """A closed client has left no task."""
    before = other_tasks()
    async with serve(replying(body=PDF)) as server, client(server.url) as craftkit:
        await craftkit.renders.read("r1")
        async with craftkit.renders.stream("r1") as pieces:
            await anext(pieces)
    await settle()

    assert other_tasks() <= before


# -- names that lead to private addresses


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names as the resolver of this machine would know them."""
    known: dict[str, list[str]] = {}

    class Resolver(aiohttp.abc.AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> Any:
            return [
                {"hostname": host, "host": place, "port": port, "family": family, "proto": 0, "flags": 0}
                for place in known[host]
            ]

        async def close(self) -> None:
            known["closed"] = []

    monkeypatch.setattr(aiohttp, "DefaultResolver", Resolver)
    return known


async def test_name_of_a_private_address_is_refused(names: dict[str, list[str]]) -> None:
    """A public name that leads inside is refused when it is resolved, and the refusal names the option."""
    names["files.example"] = ["127.0.0.1", "10.0.0.1", "::1"]

    async with client("https://api.craftkit.dev", retries=ONCE) as craftkit:
        with pytest.raises(DownloadError, match=r"which leads to a private address; private_network=True"):
            await craftkit.renders.read(Render("r1", "succeeded", "https://files.example/a.pdf"))

    assert "closed" in names


async def test_only_the_public_addresses_of_a_name_are_connected_to(names: dict[str, list[str]]) -> None:
    """What is checked is what is connected to."""
    names["files.example"] = ["10.0.0.1", "93.184.216.34"]
    resolver = sessions._PublicResolver()

    assert [place["host"] for place in await resolver.resolve("files.example", 443)] == ["93.184.216.34"]
    resolver.proxies.add("files.example")
    assert len(await resolver.resolve("files.example", 443)) == 2
    await resolver.close()


@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:9"])
async def test_names_are_checked_on_given_download_sessions(proxy: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver of a given session cannot be guarded, so names are looked at before; behind a proxy it resolves."""

    async def lookup(*_: object, **__: object) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    address = Render("r1", "succeeded", "https://files.example/a.pdf")
    error, text = (DownloadError, "leads to a private address") if proxy is None else (TransportError, "cannot connect")

    async with (
        aiohttp.ClientSession() as session,
        client("https://api.craftkit.dev", download_session=session, proxy=proxy, retries=ONCE) as craftkit,
    ):
        with pytest.raises(error, match=text):
            await craftkit.renders.read(address)


async def test_public_name_on_a_given_download_session_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads to the open Internet is connected to, by the given session."""

    async def lookup(*_: object, **__: object) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]

    class Nowhere(aiohttp.abc.AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> Any:
            raise OSError(f"nobody knows {host}:{port} in {family}")

        async def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    connector = aiohttp.TCPConnector(resolver=Nowhere())

    async with (
        aiohttp.ClientSession(connector=connector) as session,
        client("https://api.craftkit.dev", download_session=session, retries=ONCE) as craftkit,
    ):
        with pytest.raises(TransportError, match="cannot connect"):
            await craftkit.renders.read(Render("r1", "succeeded", "https://files.example/a.pdf"))


async def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so in words, and not in those of the C library."""

    async def lookup(*_: object, **__: object) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)

    async with client("https://api.craftkit.dev", retries=ONCE) as craftkit:
        with pytest.raises(TransportError, match="cannot connect: the name was not found") as failed:
            await craftkit.renders.get("r1")
    assert "craftkit.dev" not in str(failed.value)


# -- certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed."""
    directory = tmp_path_factory.mktemp("certificate")
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    files = ("-keyout", "both.pem", "-out", "certificate.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(command, check=True, capture_output=True, cwd=directory)  # noqa: S603 - our own
    with (directory / "both.pem").open("a") as both:
        both.write((directory / "certificate.pem").read_text())
    return directory / "both.pem"


@pytest.fixture
async def secure(certificate: Path) -> AsyncIterator[str]:
    """A server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with serve(replying(json=FOUND), ssl=context) as server:
        yield server.url


def _trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@pytest.mark.parametrize("make_ssl", [_trusting, lambda _: False])
async def test_certificates_are_the_callers_choice(
    secure: str, certificate: Path, make_ssl: Callable[[Path], ssl.SSLContext | bool]
) -> None:
    """`ssl=` takes a context that trusts more, or False."""
    async with client(secure, ssl=make_ssl(certificate)) as craftkit:
        assert await craftkit.renders.get("r1") == Render("r1", "queued")


async def test_unknown_certificate_is_refused(secure: str) -> None:
    """Without a word, certificates are checked; what failed there was not sent."""
    async with client(secure, retries=ONCE) as craftkit:
        with pytest.raises(TransportError, match="certificate") as caught:
            await craftkit.renders.get("r1")

    assert not caught.value.maybe_sent


# -- custom transports


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyError("x"), TransportError),
        (ConnectionResetError(), TransportError),
        (TimeoutError(), TransportTimeoutError),
    ],
)
@pytest.mark.parametrize("where", ["send", "read", "chunks"])
async def test_foreign_errors_of_a_transport_become_ours(
    error: Exception, expected: type[TransportError], where: str
) -> None:
    """Whatever a transport raises, and wherever, leaves as an error of ours with its cause."""

    class Bad:
        status = 200
        headers: dict[str, str] = {}  # noqa: RUF012 - nobody changes it

        async def send(self, _: Request) -> Any:
            if where == "send":
                raise error
            return self

        async def read(self) -> bytes:
            return _raise(error)

        def chunks(self) -> Any:
            return self

        async def __anext__(self) -> bytes:
            return _raise(error)

    async with Craftkit("ck_test_key", transport=Bad(), retries=ONCE) as craftkit:
        if where == "chunks":
            with pytest.raises(DownloadError, match="the document was cut") as cut:
                await craftkit.renders.read("r1")
            assert isinstance(cut.value.__cause__, expected)
            assert cut.value.__cause__.__cause__ is error
        else:
            with pytest.raises(expected, match=type(error).__name__) as caught:
                await craftkit.renders.get("r1")
            assert caught.value.__cause__ is error


async def test_given_transport_is_not_closed() -> None:
    """Only what was opened here is closed here."""

    class Closable:
        is_open = True

        async def send(self, _: Request) -> Any:
            raise AssertionError

        async def aclose(self) -> None:
            raise AssertionError

    async with Craftkit("ck_test_key", transport=Closable()):
        pass


def _raise(error: Exception) -> bytes:
    raise error
