"""Sessions: aiohttp underneath, opened when first needed; its errors become ours here and nowhere else."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from ssl import SSLContext
from typing import Any, Self
from urllib.request import getproxies

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from craftkit_async._io.proxies import proxy_of, split_credentials
from craftkit_async._io.quick_requests import request_class
from craftkit_async._sansio.calls.request import Request
from craftkit_async._sansio.documents.addresses import is_public
from craftkit_async.errors import (
    ClientStateError,
    CraftkitError,
    DecodeError,
    DownloadError,
    TransportError,
    TransportTimeoutError,
)

_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.ConnectionTimeoutError)

# aiohttp sends the other methods again by itself when a kept connection turns out to be dropped.
_NEVER_REPEATED = frozenset({"POST", "PATCH"})

# Their texts name the whole address, which may hold a hook's token.
_NAMES_THE_ADDRESS = (aiohttp.ClientResponseError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


# aiohttp warns about larger ones.
_AT_ONCE_BYTES = 2**20


@attrs.frozen(kw_only=True, eq=False, repr=False)
class SessionSettings:
    """How sessions connect."""

    connect: float | None
    reply_bytes: int
    proxy: str | None = attrs.field(default=None, repr=False)
    ssl: SSLContext | bool = True
    only_public: bool = False
    """Connect to addresses of the open Internet only."""


class AiohttpTransport:
    """Sends requests through one session: the caller's, which is never closed here, or one of its own."""

    def __init__(self, settings: SessionSettings, session: aiohttp.ClientSession | None = None) -> None:
        self._settings = settings
        self._given = session
        self._own: aiohttp.ClientSession | None = None
        self._resolver: _PublicResolver | None = None
        self._looks_for_proxies = settings.proxy is not None
        self._is_untraced = False
        # A private attribute, for want of a public one: the caller's own middlewares must go on working.
        given: tuple[aiohttp.ClientMiddlewareType, ...] = tuple(getattr(session, "_middlewares", ()))
        self._once = (*given, _send_once)
        self._arguments: dict[str, Any] = {
            "allow_redirects": False,
            "raise_for_status": False,
            "timeout": aiohttp.ClientTimeout(total=None, sock_connect=settings.connect),
            "ssl": settings.ssl,
        }

    async def send(self, request: Request) -> "AiohttpReply":
        """Send a request and return the reply as soon as its head is there."""
        session = self._given or self._own or self._open()
        url = URL(request.url, encoded=True)
        route = self._route(url, request.headers) if self._looks_for_proxies else {"headers": request.headers}
        try:
            if self._settings.only_public and self._given is not None:
                await self._check_names(url)
            response = await session.request(
                request.method,
                url,
                data=_payload(request.body),
                middlewares=None if request.method in _NEVER_REPEATED else self._once,
                **self._arguments,
                **route,
            )
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            failure = _translated(error, session)
        else:
            return AiohttpReply(response, self._settings.reply_bytes, at_once=self._is_untraced)
        raise failure

    @property
    def is_open(self) -> bool:
        """Is there a session of its own to close?"""
        return self._own is not None and not self._own.closed

    async def aclose(self) -> None:
        """Close the session if it was opened here."""
        own, self._own = self._own, None
        resolver, self._resolver = self._resolver, None
        if own is not None:
            await own.close()
        if resolver is not None:
            await resolver.close()

    def _open(self) -> aiohttp.ClientSession:
        """Open a session tuned for many small calls; how many at once is the governor's business."""
        if self._settings.only_public:
            self._resolver = _PublicResolver()
        self._own = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, resolver=self._resolver),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            request_class=request_class(),
        )
        # Some instrumentations give a trace to every session that is made.
        self._is_untraced = not self._own.trace_configs
        self._looks_for_proxies = self._looks_for_proxies or bool(getproxies())
        return self._own

    def _route(self, url: URL, headers: Mapping[str, str]) -> dict[str, Any]:
        """Find the proxy to take, if any; the environment speaks for sessions of our own only."""
        proxy = self._settings.proxy or (proxy_of(url) if self._given is None else None)
        if proxy is None:
            return {"headers": headers}
        address, credentials = split_credentials(URL(proxy))
        if self._resolver is not None and address.host is not None:
            self._resolver.proxies.add(address.host)
        # With CONNECT aiohttp sends a proxy's headers by itself; without TLS the proxy reads the request's own.
        sent = headers if url.scheme == "https" else {**headers, **credentials}
        return {"headers": sent, "proxy": address, "proxy_headers": credentials}

    async def _check_names(self, url: URL) -> None:
        """Resolve the name and check what it leads to, since the resolver of a given session cannot be guarded."""
        if self._settings.proxy is None:
            found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
            if not all(is_public(str(address[0])) for *_, address in found):
                raise _RefusedAddress(_refusal(url.host))


class AiohttpReply:
    """A reply of aiohttp, read whole or piece by piece."""

    __slots__ = ("_at_once", "_most", "_response", "status")

    def __init__(self, response: aiohttp.ClientResponse, most: int, *, at_once: bool) -> None:
        self._response = response
        self._most = most
        self._at_once = at_once
        self.status = response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields."""
        return self._response.headers

    async def read(self) -> bytes:
        """Read the whole body, up to the limit for replies."""
        content = self._response.content
        # A small body arrives with its head, and aiohttp has given the connection back already.
        is_there = self._at_once and content.is_eof()
        if not is_there and not self._is_announced():
            return await self._read_up_to_the_limit()
        try:
            body = content.read_nowait() if is_there else await self._response.read()
        except (aiohttp.ClientError, OSError) as error:
            failure = _translated(error)
        else:
            return self._bounded(body)
        raise failure

    def chunks(self) -> "_Chunks":
        """Read the body piece by piece; leaving early gives the connection up."""
        return _Chunks(self._response)

    async def _read_up_to_the_limit(self) -> bytes:
        body = bytearray()
        chunks = self.chunks()
        try:
            async for chunk in chunks:
                body += self._bounded(chunk, len(body))
        finally:
            await chunks.aclose()
        return bytes(body)

    def _is_announced(self) -> bool:
        """Is the length of the body known, and within the limit?"""
        length = self._response.content_length
        return length is not None and length <= self._most and "Content-Encoding" not in self._response.headers

    def _bounded(self, part: bytes, before: int = 0) -> bytes:
        """Return what came in, unless it makes the reply too large."""
        if before + len(part) > self._most:
            raise DecodeError(f"the reply is larger than Limits.reply_bytes={self._most}")
        return part


class _Chunks(AsyncIterator[bytes]):
    """The pieces of a body; a class and no generator, so that closing works before the first piece too."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            failure = _translated(error)
        else:
            if not chunk:
                raise StopAsyncIteration
            return chunk
        raise failure

    async def aclose(self) -> None:
        self._response.close()


class _Dropped(aiohttp.ClientError):
    """A dropped connection, under a name for which aiohttp does not send the request again by itself."""


class _RefusedAddress(OSError):  # noqa: N818 - it never leaves this module
    """A name that leads to private addresses."""


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from silently repeating a GET, PUT or DELETE: a DELETE would answer 404 for its own success."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Dropped(str(error)) from error


class _PublicResolver(AbstractResolver):
    """Resolves names as usual and leaves out what is not on the open Internet.

    The addresses that are checked are the ones that are connected to, so a name cannot change in between.
    """

    def __init__(self) -> None:
        self._resolver = aiohttp.DefaultResolver()
        self.proxies: set[str] = set()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        public = [entry for entry in found if host in self.proxies or is_public(entry["host"])]
        if not public:
            raise _RefusedAddress(_refusal(host))
        return public

    async def close(self) -> None:
        await self._resolver.close()


def _payload(body: bytes | None) -> bytes | BytesIO | None:
    """Hand a large body over as a file, which is sent in pieces; as bytes it is sent at once, under a warning."""
    return body if body is None or len(body) <= _AT_ONCE_BYTES else BytesIO(body)


def _refusal(host: str | None) -> str:
    return f"refused to download from {host}, which leads to a private address; private_network=True allows it"


def _translated(error: Exception, session: aiohttp.ClientSession | None = None) -> CraftkitError:
    """Find our own error for one of aiohttp's.

    It is to be raised outside of the `except`: inside, its `__context__` would hold what the cause leaves out.
    """
    failure = _failure_of(error, session)
    failure.__cause__ = error.__cause__ if isinstance(error, _NAMES_THE_ADDRESS) else error
    return failure


def _failure_of(error: Exception, session: aiohttp.ClientSession | None) -> CraftkitError:
    cause = getattr(error, "os_error", error)
    if isinstance(cause, _RefusedAddress):
        return DownloadError(str(cause))
    if session is not None and session.closed:
        return ClientStateError("the aiohttp session is closed; open the client again, or pass an open session")
    kind = TransportTimeoutError if isinstance(error, TimeoutError) else TransportError
    return kind(_reason(error), maybe_sent=not isinstance(error, _NOT_CONNECTED))


def _reason(error: Exception) -> str:
    """Say what happened without naming the address."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "connecting took too long (Timeouts.connect)"
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return text.replace("\n", " ") if text and not isinstance(error, aiohttp.InvalidURL) else type(error).__name__
