"""Proxies: named by an argument or by the environment, and what they get to see."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from yarl import URL

from craftkit_async import ConfigurationError, Craftkit, Render, RetryPolicy, TransportError
from craftkit_async._io import proxies, sessions
from tests.support.loopback import read_head, replying, serve, serve_raw

ONCE = RetryPolicy(attempts=1)
FOUND = {"id": "r1", "status": "queued"}
PASSWORD = "recognisable-password"


@attrs.define
class Proxy:
    """A proxy that answers by itself, and the heads of what it was asked."""

    port: int
    heads: list[str] = attrs.field(factory=list)
    reply: bytes = b'HTTP/1.1 200 OK\r\ncontent-length: 29\r\n\r\n{"id":"r1","status":"queued"}'

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url_with_password(self) -> str:
        return f"http://user:{PASSWORD}@127.0.0.1:{self.port}"


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    found = Proxy(0)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.heads.append(await read_head(reader))
        writer.write(found.reply)

    async with serve_raw(handler) as url:
        found.port = int(url.rpartition(":")[2])
        yield found


def client(url: str, **options: Any) -> Craftkit:
    return Craftkit("ck_test_key", base_url=url, retries=ONCE, private_network=True, **options)


async def test_environment_names_the_proxy(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY is honoured on our own sessions; its password travels in a header."""
    monkeypatch.setenv("http_proxy", proxy.url_with_password)

    async with client("http://api.example") as craftkit:
        assert await craftkit.renders.get("r1") == Render("r1", "queued")

    (head,) = proxy.heads
    assert head.startswith("GET http://api.example/v1/renders/r1 HTTP/1.1")
    assert "Proxy-Authorization: Basic dXNlcjpyZWNvZ25pc2FibGUtcGFzc3dvcmQ=" in head


async def test_scheme_of_a_proxy_may_be_left_out(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with other programs, HTTP_PROXY=host:port is an http proxy."""
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")

    async with client("http://api.example") as craftkit:
        assert await craftkit.renders.get("r1") == Render("r1", "queued")


async def test_some_hosts_need_no_proxy(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY is honoured."""
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    async with serve(replying(json=FOUND)) as server, client(server.url) as craftkit:
        await craftkit.renders.get("r1")

    assert proxy.heads == []


async def test_argument_names_the_proxy(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """`proxy=` goes before the environment; documents elsewhere take it too, and the key is not in those."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    async with client("http://api.example", proxy=proxy.url_with_password) as craftkit:
        await craftkit.renders.get("r1")
        with pytest.raises(Exception, match="not a PDF"):
            await craftkit.renders.read(Render("r1", "succeeded", "http://files.example/a.pdf"))

    api, elsewhere = proxy.heads
    assert "Bearer ck_test_key" in api
    assert "Bearer" not in elsewhere


async def test_proxy_inside_serves_public_names_only_by_name(proxy: Proxy) -> None:
    """The proxy itself may be inside; the host behind it is checked by its name and asked for through it."""
    async with Craftkit("ck_test_key", proxy=proxy.url.replace("127.0.0.1", "localhost"), retries=ONCE) as craftkit:
        proxy.reply = b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n"
        with pytest.raises(TransportError) as caught:
            await craftkit.renders.read(Render("r1", "succeeded", "https://files.example/a.pdf"))

    assert proxy.heads[0].startswith("CONNECT files.example:443")
    assert not caught.value.maybe_sent


async def test_refusal_of_a_proxy_shows_no_password(proxy: Proxy) -> None:
    """What went wrong at a proxy was not sent, and is told without its credentials."""
    proxy.reply = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"

    async with Craftkit("ck_test_key", proxy=proxy.url_with_password, retries=ONCE) as craftkit:
        with pytest.raises(TransportError) as caught:
            await craftkit.templates.create("n", manifest={})

    assert not caught.value.maybe_sent
    assert PASSWORD not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"


@pytest.mark.parametrize("named", ["socks5://127.0.0.1:1", "http://", "http://host:port", 7, ""])
def test_what_is_no_proxy_is_refused(named: Any) -> None:
    """A proxy is an http or https address, or the client is not made; a password in it is not shown."""
    with pytest.raises(ConfigurationError, match="proxy"):
        Craftkit(proxy=named)


def test_refusal_of_an_address_shows_no_password() -> None:
    """A proxy's address may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        Craftkit(proxy=f"ftp://user:{PASSWORD}@host")

    assert PASSWORD not in str(caught.value)


async def test_what_is_no_proxy_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call says which variable to mend."""
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1")

    async with Craftkit("ck_test_key") as craftkit:
        with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
            await craftkit.renders.get("r1")


async def test_netrc_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password from a netrc file would go along with calls that carry no credential."""
    file = tmp_path / "netrc"
    file.write_text("default login somebody password something\n")
    monkeypatch.setenv("NETRC", str(file))

    async with serve(replying(json=FOUND)) as server, client(server.url) as craftkit:
        await craftkit.hooks.trigger("token", {})

    assert "authorization" not in server.requests[0].headers


def test_proxy_without_a_password_adds_no_header() -> None:
    """Credentials move from the address into a header; without any there is none."""
    assert proxies.split_credentials(URL("http://host:1")) == (URL("http://host:1"), {})
    assert proxies.split_credentials(URL("http://me@host:1")) == (
        URL("http://host:1"),
        {"Proxy-Authorization": "Basic bWU6"},
    )


def test_settings_show_no_proxy() -> None:
    """The `repr` of how sessions connect holds no password."""
    assert PASSWORD not in repr(sessions.SessionSettings(connect=1.0, reply_bytes=1, proxy=f"http://u:{PASSWORD}@h"))
