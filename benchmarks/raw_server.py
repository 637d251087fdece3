"""A server that costs next to nothing: whatever is posted gets the same small render back.

Runs in a process of its own, so that the client's CPU time is the client's alone.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

RENDER = {
    "id": "01948f2e-7c10-7d3a-9b52-4f1f0c6a2e11",
    "status": "queued",
    "pollUrl": "https://api.craftkit.dev/v1/renders/01948f2e-7c10-7d3a-9b52-4f1f0c6a2e11",
    "downloadUrl": None,
    "errorMessage": None,
    "createdAt": "2026-06-05T10:00:00.000Z",
}

_BODY = json.dumps(RENDER).encode()
_HEAD = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
_ANSWER = _HEAD + _BODY


class _OneAnswer(asyncio.Protocol):
    """Finds the end of each request and writes the answer."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _content_length(self._buffer[:end])
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._transport.write(_ANSWER)


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_OneAnswer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """Start the server and return its address."""
    with subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


if __name__ == "__main__":
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(_serve())
