"""Bytes in and out: a request's body with its bound, and replies that arrive, or break off as a fault wants it."""

from typing import Final

from aiohttp import web

from craftkit_async.emulator.http.answers import Answer, Refusal

MAX_BODY: Final = 32 * 2**20  # bytes; 10,000 rows of honest data are far below


async def read_body(request: web.Request) -> bytes:
    """Read a body, or refuse it."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refusal(413, "file_too_large", f"The body is over {MAX_BODY} bytes.") from None
    except (web.HTTPException, web.RequestPayloadError, ValueError, OSError):
        raise Refusal(400, "invalid_json", "The body could not be read.") from None


def to_response(answer: Answer) -> web.Response:
    """Write an answer as a reply."""
    headers = {"Content-Type": answer.content_type, **answer.headers}
    return web.Response(status=answer.status, body=answer.encode(), headers=headers)


def reset(request: web.Request) -> web.Response:
    """Drop the connection without a word."""
    request.protocol.force_close()
    return web.Response()  # goes nowhere: the connection is gone


async def truncate(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Announce the whole answer, send half of it, and hang up."""
    body = answer.encode()
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type, **answer.headers})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    request.protocol.force_close()  # what was written still goes out
    return response
