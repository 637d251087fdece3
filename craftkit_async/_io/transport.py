"""Transport: the one method through which every request leaves."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from craftkit_async._sansio.request import Request
from craftkit_async.errors import CraftkitError, TransportError, TransportTimeoutError


class Reply(Protocol):
    """What came back: the head at once, the body when it is asked for, by one of two ways."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields; case does not matter."""
        ...

    async def read(self) -> bytes:
        """Read the whole body."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Read the body piece by piece; an `aclose()` of the iterator gives the connection up."""
        ...


class Transport(Protocol):
    """Sends requests.

    It raises `TransportError` when no reply came, with `maybe_sent=False` if the request certainly did not
    reach the service. It neither retries nor follows redirects.
    """

    async def send(self, request: Request) -> Reply:
        """Send a request and return the reply as soon as its head is there."""
        ...


def lowered(reply: Reply) -> dict[str, str]:
    """Return the headers of a reply with their names in lower case."""
    return {name.lower(): value for name, value in reply.headers.items()}


class OursOnly:
    """A context that lets no foreign exception of a transport through."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, CraftkitError):
            failed = TransportTimeoutError if isinstance(error, TimeoutError) else TransportError
            raise failed(f"the transport failed with {type(error).__name__}") from error


OURS_ONLY = OursOnly()
