"""Quick requests: two methods of aiohttp's requests, shorter for requests as small and plain as ours.

Replacing a method is right only as long as the replaced one does what was read here. So the digest of its source
decides, and not a version: a release of aiohttp that changes one of the two methods sends in its own way, which is
slower and as right, until the change was read and its digest is listed below.
"""

import hashlib
import inspect
from contextlib import suppress
from functools import cache

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter
from multidict import CIMultiDict

# Of the sources of `ClientRequest.update_headers` and `ClientRequest.send`, one after the other.
KNOWN_DIGESTS = frozenset(
    {
        "b73c6d62468a2fdba57c852572022f16ff9aa15b52153f5dbb6b6ceee9e2511b",  # 3.14.0 to 3.14.3
        "cb17619e88aa6a5066443bf11360c1993a6ca61aa50d1fefa46e321a99427161",  # 3.14.4 and 3.14.5: upload trackers
    }
)

# Of the source of `ClientSession._request`, in which `_retry_connection` decides whether aiohttp sends again by itself.
KNOWN_SESSIONS = frozenset(
    {
        "5ab6cb3ebbd0a7e5a133a157ba94d55cf7e8d1b811512c7dedb86b2492796058",  # 3.14.0 and 3.14.1
        "101b4395bf4f8cddc764017fd015cd9c9cd1387b480305afa0214c3b8d6f1c91",  # 3.14.2
        "ed20e5b597a9a6ea78d497e98b571c9a936b6fa1266dd7041051d4e6fb61f2b3",  # 3.14.3
        "32986b8105faf5f829c07924811d1697c23685e86e68fa9148869d5369557615",  # 3.14.4 and 3.14.5
    }
)

# Half of what a transport takes before it asks its writer to pause.
_AT_ONCE_BYTES = 2**15


@cache
def request_class(replaced: type[aiohttp.ClientRequest] = aiohttp.ClientRequest) -> type[aiohttp.ClientRequest]:
    """Return the quick class, or aiohttp's own if its methods are not those that were read."""
    return _QuickRequest if digest_of(replaced) in KNOWN_DIGESTS else CheckedRequest


class UnaskedReplyError(aiohttp.ClientConnectionError):
    """Something arrived on a kept connection that nobody asked for; nothing was sent on it."""


class CheckedRequest(aiohttp.ClientRequest):
    """A request that is not sent on a connection on which something arrived since the last reply.

    aiohttp would take it for the reply to this request. What arrives after this check cannot be told apart.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Send, if nothing came yet; where this raises, aiohttp closes the connection."""
        if conn.protocol is not None and conn.protocol.should_close:
            raise UnaskedReplyError
        return await super().send(conn)


def switch_off_resends(session: aiohttp.ClientSession) -> bool:
    """Keep a session from sending GET, PUT and DELETE again by itself, if its switch is known; say whether it is.

    Our own retries are counted and bounded. The switch is private; the public way is a middleware, and slower.
    """
    if _digest_of_sessions() not in KNOWN_SESSIONS:
        return False
    session._retry_connection = False  # noqa: SLF001 - see above
    return True


@cache
def _digest_of_sessions() -> str | None:
    return digest_of_methods(aiohttp.ClientSession._request)  # noqa: SLF001 - read, not called


def digest_of_methods(*methods: object) -> str | None:
    """Return the digest of the sources of methods; None where they are not there."""
    try:
        source = "".join(inspect.getsource(method) for method in methods)  # type: ignore[arg-type]  # methods
    except OSError:
        return None
    return hashlib.sha256(source.encode()).hexdigest()


def digest_of(replaced: type[aiohttp.ClientRequest]) -> str | None:
    """Return the digest of the methods that the quick class replaces; None where their source is not there."""
    return digest_of_methods(replaced.update_headers, replaced.send)


class _QuickRequest(CheckedRequest):
    """A request whose headers are copied in one go, and whose small body is written without a task of its own.

    aiohttp makes a task for each body, a fifth of what a bare call costs. A small body is taken at once, so a
    callback does. It comes in the loop's next round, as the task would: the requests of one round are then written
    together, and writing each as it is made was measured to be slower than the tasks.
    """

    # aiohttp declares this as None, which it is until the request was sent.
    response: aiohttp.ClientResponse | None  # type: ignore[assignment]

    def update_headers(self, headers: object) -> None:
        """Put the headers behind `Host`, of which aiohttp would add one after another."""
        if not isinstance(headers, CIMultiDict) or hdrs.HOST in headers:
            super().update_headers(headers)  # type: ignore[arg-type]  # whatever aiohttp takes
            return
        super().update_headers(None)
        self.headers.extend(headers)

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Do what aiohttp does here, for a body and a connection that need no waiting."""
        body, protocol = self._body, conn.protocol
        if not isinstance(body, aiohttp.BytesPayload) or protocol is None or self._needs_care(body, protocol):
            return await super().send(conn)
        writer = StreamWriter(protocol, self.loop)
        await writer.write_headers(f"{self.method} {self.url.raw_path_qs} HTTP/1.1", self.headers)
        self.loop.call_soon(_write, writer, await body.as_bytes(), protocol)
        self.response = response = self.response_class(
            self.method,
            self.original_url,
            writer=None,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=self._traces,
            loop=self.loop,
            session=self.session,
            stream_writer=writer,
        )
        return response

    def _needs_care(self, body: aiohttp.BytesPayload, protocol: ResponseHandler) -> bool:
        """Would writing the body have to wait, or is there anything to do between head and body?"""
        is_slow = body.size is None or body.size > _AT_ONCE_BYTES or protocol.writing_paused
        # Bytes that arrived unasked are no reply: `CheckedRequest` refuses the connection.
        is_odd = protocol.should_close
        is_special = self._traces or self.proxy or self.chunked or self.compress or self._continue
        # From 3.14.4 on: something counts what is uploaded.
        is_tracked = getattr(self, "_upload_tracker", None) is not None
        return bool(is_slow or is_odd or is_special or is_tracked)


def _write(writer: StreamWriter, body: bytes, protocol: ResponseHandler) -> None:
    """Write head and body, unless the call was given up or the connection was lost meanwhile."""
    if writer.transport is None or writer.transport.is_closing():
        return
    # It has nothing to wait for, so its first step is its last.
    with suppress(StopIteration):
        writer.write_eof(body).send(None)
    protocol.start_timeout()
