"""Sessions: aiohttp underneath, opened when first needed; its errors become ours here and nowhere else."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from ssl import SSLContext
from typing import Any, Self
from urllib.request import getproxies

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from craftkit_async._io.compression import decompress
from craftkit_async._io.proxies import proxy_of, split_credentials
from craftkit_async._io.quick_requests import UnaskedReplyError, request_class, switch_off_resends
from craftkit_async._io.transport import cut_tracebacks
from craftkit_async._sansio.calls.request import Request
from craftkit_async._sansio.documents.addresses import is_public
from craftkit_async.errors import (
    ClientStateError,
    ConfigurationError,
    CraftkitError,
    DecodeError,
    DownloadError,
    TransportError,
    TransportTimeoutError,
)

_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.ConnectionTimeoutError)
_UNTRUSTED = (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)

_SWITCHING_PROTOCOLS = 101
_PROXY_WANTS_PASSWORD = 407

# aiohttp's own figure.
_KEPT_SECONDS = 15.0
# Servers close idle connections after some seconds; a request that meets that may be lost, and must not be resent.
_KEPT_SECONDS_IF_NEVER = 2.0

# Each connection with an unasked reply is closed; a service that does this on all of them is given up.
_MOST_CONNECTIONS = 10

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
    """Sends requests through the caller's session, which is never closed here, or through sessions of its own."""

    def __init__(self, settings: SessionSettings, session: aiohttp.ClientSession | None = None) -> None:
        self._settings = settings
        self._given = session
        self._own: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None
        """For what must never be sent twice."""
        self._resolver: _PublicResolver | None = None
        self._looks_for_proxies = settings.proxy is not None
        self._is_untraced = False
        # A private attribute, for want of a public one: the caller's own middlewares must go on working.
        given: tuple[aiohttp.ClientMiddlewareType, ...] = tuple(getattr(session, "_middlewares", ()))
        self._once: tuple[aiohttp.ClientMiddlewareType, ...] | None = (*given, _send_once)
        self._arguments: dict[str, Any] = {
            "allow_redirects": False,
            "raise_for_status": False,
            "timeout": aiohttp.ClientTimeout(total=None, sock_connect=settings.connect),
            "ssl": settings.ssl,
        }

    async def send(self, request: Request) -> "AiohttpReply":
        """Send a request and return the reply as soon as its head is there."""
        outcome = await self._send(request)
        tries = 1
        while isinstance(outcome, _UnaskedReply) and tries < _MOST_CONNECTIONS:
            outcome = await self._send(request)
            tries += 1
        if isinstance(outcome, AiohttpReply):
            return outcome
        try:
            raise outcome
        finally:
            # The frame is part of the traceback: an error that it held would be left to the garbage collector.
            del outcome

    async def _send(self, request: Request) -> "AiohttpReply | CraftkitError":
        """Send a request over one connection; an error is returned, so that no frame of it shows the address."""
        session = self._given or self._session_for(request)
        try:
            url = URL(request.url, encoded=True)
            if self._settings.only_public and self._given is not None:
                await self._check_names(url)
            response = await session.request(
                request.method,
                url,
                data=_payload(request.body),
                middlewares=None if request.method in _NEVER_REPEATED else self._once,
                **self._arguments,
                **(self._route(url, request.headers) if self._looks_for_proxies else {"headers": request.headers}),
            )
        except Exception as error:  # noqa: BLE001 - the one door for what aiohttp raises, parsers and codecs included
            return _translated(error, session)
        return AiohttpReply(response, self._settings.reply_bytes, at_once=self._is_untraced, is_own=self._given is None)

    @property
    def is_open(self) -> bool:
        """Is there a session of its own to close?"""
        return any(session is not None and not session.closed for session in (self._own, self._fresh))

    async def aclose(self) -> None:
        """Close the sessions that were opened here."""
        own, self._own = self._own, None
        fresh, self._fresh = self._fresh, None
        resolver, self._resolver = self._resolver, None
        for session in (own, fresh):
            if session is not None:
                await session.close()
        if resolver is not None:
            await resolver.close()

    def _session_for(self, request: Request) -> aiohttp.ClientSession:
        """Choose a session of our own; what must never be sent twice meets no connection about to be closed."""
        if request.is_repeatable:
            self._own = self._own or self._open(_KEPT_SECONDS)
            return self._own
        self._fresh = self._fresh or self._open(_KEPT_SECONDS_IF_NEVER)
        return self._fresh

    def _open(self, kept: float) -> aiohttp.ClientSession:
        """Open a session tuned for many small calls; how many at once is the governor's business."""
        if self._settings.only_public and self._resolver is None:
            self._resolver = _PublicResolver()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, resolver=self._resolver, keepalive_timeout=kept),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            request_class=request_class(),
        )
        if switch_off_resends(session):
            self._once = None
        # Some instrumentations give a trace to every session that is made.
        self._is_untraced = not session.trace_configs
        self._looks_for_proxies = self._looks_for_proxies or bool(getproxies())
        return session

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

    __slots__ = ("_at_once", "_is_own", "_most", "_response", "status")

    def __init__(self, response: aiohttp.ClientResponse, most: int, *, at_once: bool, is_own: bool) -> None:
        self._response = response
        self._most = most
        self._at_once = at_once
        self._is_own = is_own
        self.status = response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields."""
        return self._response.headers

    async def read(self) -> bytes:
        """Read the whole body, up to the limit for replies."""
        if self.status == _SWITCHING_PROTOCOLS:
            # Nobody asked for another protocol, and the connection would stay open for it.
            self._response.close()
            return b""
        body = await self._read()
        encoding = self._response.headers.get("Content-Encoding") if self._is_own else None
        return body if encoding is None else decompress(body, encoding, self._most)

    async def _read(self) -> bytes:
        content = self._response.content
        # A small body arrives with its head, and aiohttp has given the connection back already.
        is_there = self._at_once and content.is_eof()
        if not is_there and not self._is_announced():
            return await self._read_up_to_the_limit()
        try:
            body = content.read_nowait() if is_there else await self._response.read()
        except Exception as error:  # noqa: BLE001 - see `AiohttpTransport`
            failure = _translated(error)
        else:
            return self._bounded(body)
        try:
            raise failure
        finally:
            del failure

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
        except Exception as error:  # noqa: BLE001 - see `AiohttpTransport`
            failure = _translated(error)
        else:
            if not chunk:
                raise StopAsyncIteration
            return chunk
        try:
            raise failure
        finally:
            del failure

    async def aclose(self) -> None:
        self._response.close()


class _UnaskedReply(TransportError):  # noqa: N818 - it leaves this module only if every connection has one
    """A kept connection on which something arrived that nobody asked for: it would be taken for the reply."""


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
    if isinstance(error, CraftkitError):
        return error
    failure = _failure_of(error, session)
    failure.__cause__ = error.__cause__ if isinstance(error, _NAMES_THE_ADDRESS) else error
    cut_tracebacks(failure.__cause__)
    return failure


def _failure_of(error: Exception, session: aiohttp.ClientSession | None) -> CraftkitError:
    cause = getattr(error, "os_error", error)
    if isinstance(cause, _RefusedAddress):
        return DownloadError(str(cause))
    if session is not None and session.closed:
        return ClientStateError("the aiohttp session is closed; open the client again, or pass an open session")
    if isinstance(error, UnaskedReplyError):
        return _UnaskedReply("the service sent a reply that nobody asked for", maybe_sent=False)
    if type(error) is ValueError and "AUTH" in str(error):
        return ConfigurationError(
            "the aiohttp session brings an authorization of its own (auth=, or netrc through trust_env=True);"
            " pass a session without one"
        )
    kind = TransportTimeoutError if isinstance(error, TimeoutError) else TransportError
    failure = kind(_reason(error), maybe_sent=not isinstance(error, _NOT_CONNECTED))
    failure.is_permanent = isinstance(error, _UNTRUSTED) or _is_refusal_of_proxy(error)
    return failure


def _is_refusal_of_proxy(error: Exception) -> bool:
    return isinstance(error, aiohttp.ClientHttpProxyError) and error.status == _PROXY_WANTS_PASSWORD


def _reason(error: Exception) -> str:
    """Say what happened without naming the address."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "connecting took too long (Timeouts.connect)"
    if isinstance(error, _UNTRUSTED):
        return "the certificate is not trusted; pass ssl= a context that knows its issuer, or correct the base_url"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        wants = "wants a name and a password; write them into proxy=" if _is_refusal_of_proxy(error) else "refused"
        return f"the proxy {wants} (status {error.status})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect: {_connecting_failure(error.os_error)}"
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError | aiohttp.ClientPayloadError):
        # Their texts quote what came, which may be anything.
        cut = isinstance(error, aiohttp.ClientPayloadError)
        return "the reply ended early or its body is not valid HTTP" if cut else "the reply is not valid HTTP"
    text = str(error)
    return text.replace("\n", " ") if text and not isinstance(error, aiohttp.InvalidURL) else type(error).__name__


def _connecting_failure(error: OSError) -> str:
    """Say why nobody could be reached; asyncio's own text names the address."""
    if isinstance(error, socket.gaierror):
        return "the name was not found"
    return os.strerror(error.errno) if error.errno else type(error).__name__
