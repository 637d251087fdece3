"""Proxies: which one the environment names for an address.

aiohttp would read this, and the user's netrc file, in a thread for every single request; and a password
from netrc would be added to calls that must carry no credential. So it is read here.
"""

from base64 import b64encode
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from craftkit_async.errors import ConfigurationError


def proxy_of(url: URL) -> URL | None:
    """Return the proxy that the environment names for an address."""
    named = getproxies().get(url.scheme)
    if named is None or proxy_bypass(url.host or ""):
        return None
    return read_proxy(named if "://" in named else f"http://{named}")


def read_proxy(text: str) -> URL:
    """Read the address of a proxy, or refuse it without showing the password that may be in it."""
    try:
        address = URL(text)
    except ValueError:
        address = URL()
    if address.scheme not in {"http", "https"} or not address.host:
        raise ConfigurationError("proxy, or a variable such as HTTPS_PROXY, takes an address like http://proxy:3128")
    return address


def split_credentials(proxy: URL) -> tuple[URL, dict[str, str]]:
    """Move user and password of a proxy's address into the header in which they travel."""
    if proxy.user is None:
        return proxy, {}
    pair = f"{unquote(proxy.user)}:{unquote(proxy.password or '')}"
    return proxy.with_user(None), {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
