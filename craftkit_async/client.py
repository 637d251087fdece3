"""The clients: one class per kind of key; each owns what it opens and hangs the operations on itself."""

import os
from collections.abc import Callable, Iterable
from functools import cached_property
from ssl import SSLContext
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import aiohttp

from craftkit_async._io.runtime import Runtime, Settings
from craftkit_async._io.sender import Sender
from craftkit_async._io.transport import Transport
from craftkit_async._io.wiring import Connections, make_runtime
from craftkit_async._sansio.addresses import PRODUCTION, read_base_url
from craftkit_async._sansio.arguments import need
from craftkit_async._sansio.call import OMITTED, TimeoutOption
from craftkit_async._sansio.credentials import ACCOUNT, ADMIN, PROJECT, KeyKind, check_key, missing_key
from craftkit_async.errors import ConfigurationError
from craftkit_async.models.health import Health, Liveness
from craftkit_async.models.opened import OpenObject
from craftkit_async.observe.observers import Observer, Observers
from craftkit_async.observe.statistics import Statistics
from craftkit_async.options import Limits, RetryPolicy, Timeouts
from craftkit_async.resources.renders import Renders
from craftkit_async.resources.templates import Templates

if TYPE_CHECKING:
    from craftkit_async.resources.embed import Embed
    from craftkit_async.resources.engagement import EngagementEvents
    from craftkit_async.resources.hooks import Hooks
    from craftkit_async.resources.projects import Projects
    from craftkit_async.resources.provisioning import Provisioning
    from craftkit_async.resources.shares import Shares
    from craftkit_async.resources.signatures import Signatures
    from craftkit_async.resources.system import System

ApiKey = str | Callable[[], str]

_BASE_URL_VARIABLE = "CRAFTKIT_BASE_URL"

# Frozen, so that all clients may share them.
_TIMEOUTS, _RETRIES, _LIMITS = Timeouts(), RetryPolicy(), Limits()


class _Client:
    """What the three clients have in common. Making one opens nothing and needs no running loop."""

    _kind: ClassVar[KeyKind]

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        base_url: str | None = None,
        session: aiohttp.ClientSession | None = None,
        download_session: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        ssl: SSLContext | bool | None = None,
        private_network: bool = False,
        transport: Transport | None = None,
        timeouts: Timeouts = _TIMEOUTS,
        retries: RetryPolicy = _RETRIES,
        limits: Limits = _LIMITS,
        observers: Iterable[Observer] = (),
    ) -> None:
        address = base_url if base_url is not None else _from_environment(_BASE_URL_VARIABLE) or PRODUCTION
        need(str, base_url=address)
        need(bool, private_network=private_network)
        settings = Settings(
            base_url=read_base_url(address, private_network=private_network),
            timeouts=timeouts,
            retries=retries,
            limits=limits,
            observers=Observers(observers),
        )
        connections = Connections(
            transport=transport, session=session, download_session=download_session, proxy=proxy, ssl=ssl
        )
        self._owns_runtime = True
        self._assemble(make_runtime(settings, connections), api_key)

    def _assemble(self, runtime: Runtime, api_key: ApiKey | None) -> None:
        """Hang the operations on the client, all with one credential."""
        given = api_key if api_key is not None else _from_environment(self._kind.variable)
        self._runtime = runtime
        self._sender = Sender(runtime, runtime.api, _key_source(self._kind, given))

    def statistics(self) -> Statistics:
        """Count what was done so far, and look at what is going on now."""
        return self._runtime.snapshot()

    async def aclose(self) -> None:
        """Close what was opened; a second time does nothing, and a child leaves it to its parent."""
        if self._owns_runtime:
            await self._runtime.aclose()

    async def __aenter__(self) -> Self:
        if self._owns_runtime:
            self._runtime.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._runtime.settings.base_url.text!r})"


class Craftkit(_Client):
    """The client for one project: templates, renders and all that follows from them.

    The rarer nouns are imported when they are first asked for: most programs never pay for them.
    """

    _kind = PROJECT

    def _assemble(self, runtime: Runtime, api_key: ApiKey | None) -> None:
        super()._assemble(runtime, api_key)
        self.templates = Templates(self._sender)
        self.renders = Renders(self._sender)

    @cached_property
    def shares(self) -> "Shares":
        """Guest links."""
        from craftkit_async.resources.shares import Shares  # noqa: PLC0415 - see the class

        return Shares(self._sender)

    @cached_property
    def engagement(self) -> "EngagementEvents":
        """Who looked at a document."""
        from craftkit_async.resources.engagement import EngagementEvents  # noqa: PLC0415 - see the class

        return EngagementEvents(self._sender)

    @cached_property
    def signatures(self) -> "Signatures":
        """Requests to sign."""
        from craftkit_async.resources.signatures import Signatures  # noqa: PLC0415 - see the class

        return Signatures(self._sender)

    @cached_property
    def embed(self) -> "Embed":
        """Sessions, catalogs and builder templates."""
        from craftkit_async.resources.embed import Embed  # noqa: PLC0415 - see the class

        return Embed(self._sender)

    @cached_property
    def hooks(self) -> "Hooks":
        """Inbound hooks."""
        from craftkit_async.resources.hooks import Hooks  # noqa: PLC0415 - see the class

        return Hooks(self._sender)

    def with_api_key(self, key: ApiKey) -> "Craftkit":
        """Make a client for another project that shares everything but the key and closes with this one."""
        child = object.__new__(Craftkit)
        child._owns_runtime = False
        child._assemble(self._runtime, key)
        return child

    @cached_property
    def _system(self) -> "System":
        """Health probes."""
        from craftkit_async.resources.system import System  # noqa: PLC0415 - see the class

        return System(self._sender)

    async def health(self, *, timeout: TimeoutOption = OMITTED) -> Health:
        """Ask once how the service is; a degraded one is an answer and no error."""
        return await self._system.health(timeout=timeout)

    async def liveness(self, *, timeout: TimeoutOption = OMITTED) -> Liveness:
        """Ask for a sign of life."""
        return await self._system.liveness(timeout=timeout)


class CraftkitAccount(_Client):
    """The client for an account: its projects, imported when they are first asked for."""

    _kind = ACCOUNT

    @cached_property
    def projects(self) -> "Projects":
        """The projects of the account."""
        from craftkit_async.resources.projects import Projects  # noqa: PLC0415 - see the class

        return Projects(self._sender)


class CraftkitAdmin(_Client):
    """The client for a deployment: its organisations, imported when they are first asked for."""

    _kind = ADMIN

    @cached_property
    def _provisioning(self) -> "Provisioning":
        """The organisations of the deployment."""
        from craftkit_async.resources.provisioning import Provisioning  # noqa: PLC0415 - see the class

        return Provisioning(self._sender)

    async def provision(self, external_org_id: str, *, timeout: TimeoutOption = OMITTED, **fields: Any) -> OpenObject:
        """Set up a project, its key and an embed partner; asking again returns the same key."""
        return await self._provisioning.provision(external_org_id, timeout=timeout, **fields)

    async def update(self, external_org_id: str, *, timeout: TimeoutOption = OMITTED, **fields: Any) -> OpenObject:
        """Change the settings of an organisation, for now only `email_from`."""
        return await self._provisioning.update(external_org_id, timeout=timeout, **fields)


def _from_environment(variable: str) -> str | None:
    """Read a variable; an empty one counts as unset."""
    return os.environ.get(variable, "").strip() or None


def _key_source(kind: KeyKind, given: ApiKey | None) -> Callable[[], str]:
    """Return what is asked for the key at each attempt."""
    if given is None:
        return lambda: _raise(missing_key(kind))
    if not callable(given):
        key = check_key(kind, given)
        return lambda: key
    return lambda: check_key(kind, given())


def _raise(error: ConfigurationError) -> str:
    raise error
