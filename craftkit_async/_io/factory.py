"""Wiring: a runtime is put together out of what a client was given."""

from ssl import SSLContext

import aiohttp
import attrs

from craftkit_async._io.governor import Governor
from craftkit_async._io.proxies import read_proxy
from craftkit_async._io.runtime import Lane, Runtime, Settings
from craftkit_async._io.sessions import AiohttpTransport, SessionSettings
from craftkit_async._io.transport import GuardedTransport, Transport
from craftkit_async._sansio.calls.arguments import need
from craftkit_async.errors import ConfigurationError
from craftkit_async.options import Limits, RetryPolicy, Timeouts


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Connections:
    """How a client reaches the network, as its caller wants it."""

    transport: Transport | None = None
    session: aiohttp.ClientSession | None = None
    download_session: aiohttp.ClientSession | None = None
    proxy: str | None = attrs.field(default=None, repr=False)
    ssl: SSLContext | bool | None = None

    def __attrs_post_init__(self) -> None:
        for name in ("session", "download_session"):
            if not isinstance(getattr(self, name), aiohttp.ClientSession | None):
                raise ConfigurationError(f"{name} takes an aiohttp.ClientSession")
        if self.transport is not None and not callable(getattr(self.transport, "send", None)):
            raise ConfigurationError("transport takes an object with an async method send(request)")
        if self.proxy is not None:
            need(str, proxy=self.proxy)
            read_proxy(self.proxy)
        if not isinstance(self.ssl, SSLContext | bool | None):
            raise ConfigurationError("ssl takes an ssl.SSLContext, or False to accept any certificate")


def make_runtime(settings: Settings, connections: Connections) -> Runtime:
    """Make two lanes, the API's and the one for other hosts, over the given transport or over sessions."""
    _check_options(settings)
    api, elsewhere = _transports(settings, connections)
    limits = settings.limits
    most = min((limits.requests, *_limits_of(connections.session)))
    return Runtime(
        settings,
        Lane(api, Governor(limits.first_requests, most), settings.base_url.text),
        Lane(elsewhere, Governor(limits.downloads, limits.downloads), ""),
    )


def _check_options(settings: Settings) -> None:
    for name, kind in (("timeouts", Timeouts), ("retries", RetryPolicy), ("limits", Limits)):
        if not isinstance(value := getattr(settings, name), kind):
            raise ConfigurationError(f"{name} takes {kind.__name__}(…), not a {type(value).__name__}")


def _transports(settings: Settings, connections: Connections) -> tuple[Transport, Transport]:
    if connections.transport is not None:
        guarded = GuardedTransport(connections.transport)
        return guarded, guarded
    to_api = SessionSettings(
        connect=settings.timeouts.connect,
        reply_bytes=settings.limits.reply_bytes,
        proxy=connections.proxy,
        ssl=True if connections.ssl is None else connections.ssl,
    )
    to_others = attrs.evolve(to_api, only_public=not settings.base_url.is_lenient)
    return AiohttpTransport(to_api, connections.session), AiohttpTransport(to_others, connections.download_session)


def _limits_of(session: aiohttp.ClientSession | None) -> list[int]:
    """Find how few connections a session has: none must be waited for after a request's own clock has started."""
    connector = session.connector if session is not None else None
    return [] if connector is None else [limit for limit in (connector.limit, connector.limit_per_host) if limit]
