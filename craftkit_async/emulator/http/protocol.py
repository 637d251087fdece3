"""The server below the application: errors of the HTTP parser use the same JSON envelope as all others."""

from typing import Any, Final

from aiohttp import web

from craftkit_async.emulator.http.answers import Answer, Refusal
from craftkit_async.emulator.http.transmission import to_response

_SERVER_ERROR: Final = 500


class Runner(web.AppRunner):
    """Runs the application on this module's protocol."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server  # aiohttp offers no other way to choose a protocol
        return server


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class _Protocol(web.RequestHandler):
    __slots__ = ()

    def handle_error(self, request: Any, status: int = 500, exc: Any = None, message: str | None = None) -> Any:
        """Answer a request that is not valid HTTP, and unexpected errors."""
        if status >= _SERVER_ERROR:
            super().handle_error(request, status, exc, message)  # logs the error, and raises if a response has started
        response = to_response(_make_http_error(status))
        response.force_close()
        return response

    async def finish_response(self, request: Any, resp: Any, start_time: float | None) -> Any:
        """Send a response; aiohttp's own error responses are replaced by the error envelope."""
        if isinstance(resp, web.HTTPException):
            resp = to_response(_make_http_error(resp.status))
        return await super().finish_response(request, resp, start_time)


def _make_http_error(status: int) -> Answer:
    if status >= _SERVER_ERROR:
        return Refusal(status, "internal", "Something went wrong.").to_answer()
    return Refusal(status, "bad_request", "The request is not valid HTTP for this server.").to_answer()
