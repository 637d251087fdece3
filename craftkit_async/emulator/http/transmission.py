"""Read bounded request bodies and send responses: whole, reset or truncated."""

from typing import Final

from aiohttp import web

from craftkit_async.emulator.http.answers import Answer, Refusal

MAX_BODY: Final = 32 * 2**20  # bytes; far above 10,000 rows of ordinary data


async def read_body(request: web.Request) -> bytes:
    """Read the body; raises `Refusal` if it is too large or cannot be read."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refusal(413, "file_too_large", f"The body is larger than {MAX_BODY} bytes.") from None
    except (web.HTTPException, web.RequestPayloadError, ValueError, OSError):
        raise Refusal(400, "invalid_json", "The body could not be read.") from None


def to_response(answer: Answer) -> web.Response:
    """Convert an answer to an aiohttp response."""
    headers = {"Content-Type": answer.content_type, **answer.headers}
    return web.Response(status=answer.status, body=answer.encode(), headers=headers)


def reset(request: web.Request) -> web.Response:
    """Close the connection without a response."""
    request.protocol.force_close()
    return web.Response()  # never sent: the connection is closed


async def truncate(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Announce the full content length, send half the body, and close the connection."""
    body = answer.encode()
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type, **answer.headers})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    request.protocol.force_close()  # what was written is still sent
    return response
