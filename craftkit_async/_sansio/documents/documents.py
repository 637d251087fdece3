"""Documents: where the PDF of a render lies, and whether what arrived is one."""

import re
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import attrs

from craftkit_async._sansio.calls.call import Call, Credential, Operation
from craftkit_async._sansio.documents.addresses import BaseUrl, check_document_address, render_id_of
from craftkit_async._sansio.headers import CONTENT_ENCODING, CONTENT_LENGTH, LOCATION
from craftkit_async.errors import ConfigurationError, DownloadError
from craftkit_async.models.renders import Render

_START = b"%PDF-"

# More digits than this are no length.
_LENGTH = re.compile(r"[0-9]{1,18}")

_ALLOW_MORE = "max_bytes or Limits.download_bytes allow more"

REDIRECTS = frozenset({301, 302, 303, 307, 308})

# Storage services redirect once, a CDN perhaps once more.
MOST_REDIRECTS = 5

# Not one of the API's operations: an address that a reply named.
FETCH = Operation("fetch_document", "GET", "{address}", bytes, credential=Credential.NONE, also_reads=REDIRECTS)
FETCH_WITH_KEY = attrs.evolve(FETCH, credential=Credential.PROJECT)


class HasSnapshot(Protocol):
    """A handle: an id, and the render as it was last seen, if it was seen."""

    @property
    def id(self) -> str:
        """The id of the render."""
        ...

    @property
    def snapshot(self) -> Render | None:
        """The render as it was last seen."""
        ...


def read_target(what: object) -> Render:
    """Make a render out of an id, a render or a handle."""
    if isinstance(what, Render):
        return what
    if isinstance(what, str):
        return Render(what)
    snapshot = getattr(what, "snapshot", None)
    if isinstance(snapshot, Render):
        return snapshot
    if isinstance(identity := getattr(what, "id", None), str):
        return Render(identity)
    raise ConfigurationError(f"a download takes a render id, a Render or a handle, not a {type(what).__name__}")


def outside_address(render: Render) -> str | None:
    """Return the address to fetch from, or None where the API's own routes serve the document."""
    address = render.download_url
    return None if address is None or render_id_of(address) is not None else address


def fetch_call(address: str, base: BaseUrl) -> Call[bytes]:
    """Begin to fetch an address: with the key inside the API's own origin and prefix, without it elsewhere."""
    if base.owns(address):
        parts = urlsplit(address)
        inside = parts._replace(scheme="", netloc="", fragment="").geturl().removeprefix(urlsplit(base.text).path)
        return Call(FETCH_WITH_KEY, inside)
    check_document_address(address, base)
    return Call(FETCH, address)


def next_address(address: str, headers: Mapping[str, str]) -> str:
    """Find where a redirect leads."""
    location = headers.get(LOCATION)
    if not location:
        raise DownloadError("the download was redirected without an address")
    try:
        return urljoin(address, location)
    except ValueError:
        raise DownloadError("the download was redirected to an address that is none") from None


@attrs.define(eq=False, repr=False)
class Inspection:
    """Watches the bytes of a document go by and says when they cannot be one."""

    most: int
    announced: int | None
    received: int = 0
    _head: bytes = b""

    def see(self, chunk: bytes) -> None:
        """Check the next bytes."""
        self.received += len(chunk)
        if len(self._head) < len(_START):
            self._head = (self._head + chunk)[: len(_START)]
            if not _START.startswith(self._head):
                raise DownloadError("what was downloaded is not a PDF")
        if self.received > self.most:
            raise DownloadError(f"the document is larger than {self.most} bytes; {_ALLOW_MORE}")

    def finish(self) -> None:
        """Check that the document came whole."""
        if self.announced is not None and self.received != self.announced:
            raise DownloadError(
                f"the document was cut: {self.received} of {self.announced} bytes came", is_transient=True
            )
        if self._head != _START:
            raise DownloadError("what was downloaded is not a PDF")


def inspect(headers: Mapping[str, str], most: int) -> Inspection:
    """Begin to watch a document, which is refused at once where it is announced as too large."""
    length = _LENGTH.fullmatch(headers.get(CONTENT_LENGTH, ""))
    encoded = headers.get(CONTENT_ENCODING, "identity") != "identity"
    inspection = Inspection(most, None if length is None or encoded else int(length.group()))
    if inspection.announced is not None and inspection.announced > most:
        raise DownloadError(
            f"the document has {inspection.announced} bytes, more than {most}; {_ALLOW_MORE}",
        )
    return inspection
