"""Addresses: which base URLs are valid, and where a document may be fetched from."""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, unquote, urlsplit

import attrs

from craftkit_async.errors import ConfigurationError, DownloadError

PRODUCTION = "https://api.craftkit.dev"

# IPv6 forms that carry an IPv4 address a network may translate to.
_NAT64 = IPv6Network("64:ff9b::/96")

# Everything that the Internet routes; what counts as global elsewhere differs between versions of Python.
_ROUTED = IPv6Network("2000::/3")

# No address contains these; parsers silently drop some of them and disagree about the rest.
_FOREIGN = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")

# The last label of a host that some resolvers take for an IPv4 address in another notation, such as 127.1.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

_DOWNLOAD_START, _DOWNLOAD_END = "/v1/renders/", "/download"

_DEFAULT_PORTS = {"https": 443, "http": 80}


@attrs.frozen(eq=False, repr=False)
class BaseUrl:
    """Where the API is: everything that a key may be sent to."""

    text: str
    """Origin and prefix, without a slash at the end."""
    private_network: bool = False
    """Plain http and private addresses are welcome."""

    @property
    def is_lenient(self) -> bool:
        """May documents come from private addresses and over plain http?"""
        return self.private_network or is_loopback(urlsplit(self.text).hostname or "")

    def owns(self, url: str) -> bool:
        """Does an address lie within the API's own origin and prefix?"""
        base, other = urlsplit(self.text), _split(url)
        if other is None:
            return False
        inside = other.path.startswith(f"{base.path}/")
        # A dot segment could lead out of the prefix again, in whichever spelling.
        climbs = any(unquote(part) in {".", ".."} for part in other.path.split("/"))
        return _origin(base) == _origin(other) and inside and not climbs


def read_base_url(text: str, *, private_network: bool = False) -> BaseUrl:
    """Check an address of the API, or say in one sentence what is wrong with it."""
    parts = _split(text.strip().rstrip("/"))
    if parts is None or parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ConfigurationError(f"base_url takes an address like {PRODUCTION}, not {_shown(text)!r}")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url must not carry a user name or password; pass the key as api_key")
    if "?" in text or "#" in text:
        raise ConfigurationError(f"base_url takes no query and no fragment; pass {_shown(text)!r}")
    if parts.path.endswith("/v1"):
        raise ConfigurationError(
            f"base_url goes without the ending /v1; pass {_shown(text).rstrip('/')[: -len('/v1')]!r}"
        )
    if parts.scheme == "http" and not private_network and not is_loopback(parts.hostname):
        raise ConfigurationError(
            f"base_url {_shown(text)!r} would send the key unencrypted; use https, or private_network=True"
            " where the network is your own",
        )
    return BaseUrl(parts.geturl(), private_network)


def is_loopback(host: str) -> bool:
    """Is this host the machine itself, by name or by number?"""
    address = _read_address(host)
    return host.lower().rstrip(".") == "localhost" or (address is not None and address.is_loopback)


def is_public(host: str) -> bool:
    """Is this number an address of the open Internet, also where it wraps another one?"""
    address = _read_address(host)
    if address is None:
        return False
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if address not in _ROUTED:
            return False
    return address.is_global and not address.is_multicast


def check_document_address(url: str, base: BaseUrl) -> None:
    """Refuse an address that a document must not be fetched from, before any name is resolved."""
    parts = _split(url)
    if parts is None or parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise DownloadError("refused a download address that is no http or https address")
    if base.is_lenient:
        return
    if parts.scheme != "https":
        raise DownloadError(
            f"refused to download from {parts.hostname} over plain http; private_network=True allows it"
        )
    if is_loopback(parts.hostname) or (_is_numeric(parts.hostname) and not is_public(parts.hostname)):
        raise DownloadError(
            f"refused to download from the private address {parts.hostname}; private_network=True allows it"
        )


def render_id_of(url: str) -> str | None:
    """Recognise an address of the API's own download route by its ending, and return the id in it."""
    parts = _split(url)
    _, start, rest = ("" if parts is None else parts.path).rpartition(_DOWNLOAD_START)
    if not start or not rest.endswith(_DOWNLOAD_END):
        return None
    part = rest.removesuffix(_DOWNLOAD_END)
    return unquote(part) if part and "/" not in part else None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _origin(parts)
    except ValueError:
        return None
    return None if _FOREIGN.search(url) else parts


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    host = (parts.hostname or "").lower().rstrip(".")
    return parts.scheme, host, parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)


def _read_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _is_numeric(host: str) -> bool:
    last = host.lower().rstrip(".").rpartition(".")[2]
    return _read_address(host) is not None or _NUMBER.fullmatch(last) is not None


def _shown(url: str) -> str:
    """An address without what may be secret in it."""
    return url.strip().partition("?")[0].partition("#")[0].rpartition("@")[2]
