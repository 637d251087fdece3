"""Single write: a small request of aiohttp goes out in one piece, without a task of its own for the body.

aiohttp makes a task for each body, and before Python 3.12 the loop must come round to it; that was a fifth of
what a bare call costs. A small body is taken by the socket at once, so there is nothing for a task to wait for.
"""

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter

# The class below stands in for one method of these versions.
_KNOWN_VERSIONS = "3.14."

# Half of what a transport takes before it asks its writer to pause.
_AT_ONCE_BYTES = 2**15


def request_class(version: str) -> type[aiohttp.ClientRequest]:
    """Choose the class for a version of aiohttp: where it is not known its own, which is slower and as right."""
    return _SingleWrite if version.startswith(_KNOWN_VERSIONS) else aiohttp.ClientRequest


class _SingleWrite(aiohttp.ClientRequest):
    """A request whose small body is written in the moment in which it is sent."""

    # aiohttp tells the type checker that this is None, which it is until something was sent.
    response: aiohttp.ClientResponse | None  # type: ignore[assignment]

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Do what the method that is replaced does, for a body and a connection that keep nobody waiting."""
        body, protocol = self._body, conn.protocol
        if not isinstance(body, aiohttp.BytesPayload) or protocol is None or self._needs_care(body, protocol):
            return await super().send(conn)
        writer = StreamWriter(protocol, self.loop)
        await writer.write_headers(f"{self.method} {self.url.raw_path_qs} HTTP/1.1", self.headers)
        await writer.write_eof(await body.as_bytes())
        protocol.start_timeout()
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
        """Would the body keep somebody waiting, or is there anything to see to between head and body?"""
        is_slow = body.size is None or body.size > _AT_ONCE_BYTES or protocol.writing_paused
        return bool(is_slow or self._traces or self.proxy or self.chunked or self.compress or self._continue)
