"""The server below the application: what the HTTP parser refuses is answered as JSON, like every other error."""

from typing import Any, Final

from aiohttp import web

from craftkit_async.emulator.http.answers import Answer, Refusal
from craftkit_async.emulator.http.transmission import to_response

_OUR_FAULT: Final = 500


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
        """Answer a request line, a header or a body that is no HTTP, and what should never have happened."""
        if status >= _OUR_FAULT:
            super().handle_error(request, status, exc, message)  # writes the log, and raises when an answer has begun
        response = to_response(_refuse(status))
        response.force_close()
        return response

    async def finish_response(self, request: Any, resp: Any, start_time: float | None) -> Any:
        """Send an answer; what aiohttp refuses by itself gets the form of all errors."""
        if isinstance(resp, web.HTTPException):
            resp = to_response(_refuse(resp.status))
        return await super().finish_response(request, resp, start_time)


def _refuse(status: int) -> Answer:
    if status >= _OUR_FAULT:
        return Refusal(status, "internal", "Something went wrong.").to_answer()
    return Refusal(status, "bad_request", "The request is no HTTP that this server takes.").to_answer()
