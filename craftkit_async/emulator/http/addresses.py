"""Where clients find the emulator: one address, or, when it listens everywhere, the one that a request came to."""

import re
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Final

_AUTHORITY: Final = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)


class Address:
    """Knows the emulator's URL."""

    def __init__(self) -> None:
        self._own = ""
        self._is_everywhere = False
        self._asked_at: ContextVar[str | None] = ContextVar("asked_at", default=None)

    @property
    def own(self) -> str:
        """The URL for what no request asks for, such as events; a wildcard is no address, so it is loopback then."""
        return self._own

    @property
    def url(self) -> str:
        """The URL for the answer in hand."""
        return self._asked_at.get() or self._own

    def open(self, host: str, port: int) -> None:
        """Take note of where the emulator listens."""
        address = ip_address(host)
        self._is_everywhere = address.is_unspecified
        if self._is_everywhere:
            host = "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - the version of IP
        self._own = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def hear(self, authority: str) -> None:
        """Take note of the `Host` of the request in hand."""
        if self._is_everywhere:
            self._asked_at.set(f"http://{authority}" if _AUTHORITY.fullmatch(authority) else None)
