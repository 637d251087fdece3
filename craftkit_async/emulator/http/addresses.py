"""The emulator's URL: the address it listens on or, if that is a wildcard, the host that the request names."""

import re
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Final

_AUTHORITY: Final = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)


class Address:
    """The URL that answers and events refer to."""

    def __init__(self) -> None:
        self._own = ""
        self._is_wildcard = False
        self._requested_host: ContextVar[str | None] = ContextVar("requested_host", default=None)

    @property
    def own(self) -> str:
        """The URL outside a request, as in events; the loopback address if the emulator listens on a wildcard."""
        return self._own

    @property
    def url(self) -> str:
        """The URL for the answer to the current request."""
        return self._requested_host.get() or self._own

    def open(self, host: str, port: int) -> None:
        """Record the address on which the emulator listens."""
        address = ip_address(host)
        self._is_wildcard = address.is_unspecified
        if self._is_wildcard:
            host = "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - the version of IP
        self._own = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def record_host(self, authority: str) -> None:
        """Record the `Host` header of the current request."""
        if self._is_wildcard:
            self._requested_host.set(f"http://{authority}" if _AUTHORITY.fullmatch(authority) else None)
