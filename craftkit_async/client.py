"""The clients: one class per kind of key; each owns what it opens and hangs the operations on itself."""

import os
from collections.abc import Callable, Coroutine, Iterable
from functools import cached_property
from ssl import SSLContext
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

import aiohttp

from craftkit_async._io.factory import Connections, make_runtime
from craftkit_async._io.runtime import Runtime, Settings
from craftkit_async._io.sender import Sender
from craftkit_async._io.transport import Transport
from craftkit_async._sansio.calls.arguments import need
from craftkit_async._sansio.calls.call import OMITTED, TimeoutOption
from craftkit_async._sansio.calls.credentials import ACCOUNT, ADMIN, PROJECT, KeyKind, check_key, missing_key
from craftkit_async._sansio.calls.project_labels import check_label, label_of_key
from craftkit_async._sansio.calls.render_request import RenderRequest, to_request
from craftkit_async._sansio.documents.addresses import PRODUCTION, read_base_url
from craftkit_async._sansio.polling.webhook_share import Mode
from craftkit_async.errors import ConfigurationError
from craftkit_async.models.health import Health, Liveness
from craftkit_async.models.open_object import OpenObject
from craftkit_async.models.renders import Render
from craftkit_async.observe.observers import Observer, Observers
from craftkit_async.observe.statistics import Statistics
from craftkit_async.options import Limits, PollPolicy, RetryPolicy, Timeouts
from craftkit_async.resources.renders import Renders
from craftkit_async.resources.templates import Templates
from craftkit_async.waiting.lazy import LazyWaiting
from craftkit_async.waiting.options import read_options, secrets_of_environment

if TYPE_CHECKING:
    from craftkit_async._sansio.webhooks.signing import Secrets
    from craftkit_async.batch.batch import Batch
    from craftkit_async.batch.options import OnChanged
    from craftkit_async.batch.run import Requests
    from craftkit_async.resources.embed import Embed
    from craftkit_async.resources.engagement import EngagementEvents
    from craftkit_async.resources.hooks import Hooks
    from craftkit_async.resources.projects import Projects
    from craftkit_async.resources.provisioning import Provisioning
    from craftkit_async.resources.shares import Shares
    from craftkit_async.resources.signatures import Signatures
    from craftkit_async.resources.system import System
    from craftkit_async.waiting.handle import RenderHandle
    from craftkit_async.waiting.inbox import WebhookInbox
    from craftkit_async.waiting.projects import SecretsProvider
    from craftkit_async.waiting.relay import Relay
    from craftkit_async.waiting.session import RenderSession

ApiKey = str | Callable[[], str]

_BASE_URL_VARIABLE = "CRAFTKIT_BASE_URL"

# Frozen, so that all clients may share them.
_TIMEOUTS, _RETRIES, _POLLING, _LIMITS = Timeouts(), RetryPolicy(), PollPolicy(), Limits()


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
        source = _key_source(self._kind, given)
        self._sender = Sender(runtime, runtime.api, source, has_rotating_key=callable(given))
        # Clients with the same key share what they wait for.
        self._credential: object = given if given is None or callable(given) else source()

    @property
    def is_open(self) -> bool:
        """Is the client in use on a loop that can still run?"""
        return self._runtime.is_open

    def statistics(self) -> Statistics:
        """Return the counts so far and the gauges of this moment."""
        return self._runtime.snapshot()

    async def aclose(self) -> None:
        """Close what was opened. Idempotent; a client made by `with_api_key` never closes its parent."""
        if self._owns_runtime:
            await self._close()

    async def _close(self) -> None:
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
    _inbox: "WebhookInbox | None" = None

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        base_url: str | None = None,
        webhook_secret: "Secrets | SecretsProvider | None" = None,
        webhooks: Mode = "auto",
        session: aiohttp.ClientSession | None = None,
        download_session: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        ssl: SSLContext | bool | None = None,
        private_network: bool = False,
        transport: Transport | None = None,
        timeouts: Timeouts = _TIMEOUTS,
        retries: RetryPolicy = _RETRIES,
        polling: PollPolicy = _POLLING,
        limits: Limits = _LIMITS,
        relay: "Relay | None" = None,
        observers: Iterable[Observer] = (),
        project: str | None = None,
    ) -> None:
        super().__init__(
            api_key,
            base_url=base_url,
            session=session,
            download_session=download_session,
            proxy=proxy,
            ssl=ssl,
            private_network=private_network,
            transport=transport,
            timeouts=timeouts,
            retries=retries,
            limits=limits,
            observers=observers,
        )
        self._waiting = LazyWaiting(self._runtime, read_options(polling, webhooks, relay))
        self._join(project, secrets_of_environment() if webhook_secret is None else webhook_secret)

    def _assemble(self, runtime: Runtime, api_key: ApiKey | None) -> None:
        super()._assemble(runtime, api_key)
        self.templates = Templates(self._sender)
        self.renders = Renders(self._sender)

    @overload
    async def submit(self, template: RenderRequest, *, timeout: TimeoutOption = OMITTED) -> "RenderHandle": ...

    @overload
    async def submit(
        self,
        template: str,
        data: Any,
        *,
        idempotency_key: str | None = None,
        version: int | None = None,
        filename: str | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> "RenderHandle": ...

    async def submit(
        self,
        template: str | RenderRequest,
        data: Any = OMITTED,
        *,
        idempotency_key: str | None = None,
        version: int | None = None,
        filename: str | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> "RenderHandle":
        """Submit a render and return as soon as it has an id; `timeout` bounds all attempts together."""
        request = to_request(template, data, idempotency_key, version, filename)
        return await self._session.submit(request, timeout)

    @overload
    async def render(self, template: RenderRequest, *, timeout: TimeoutOption = OMITTED) -> Render: ...

    @overload
    async def render(
        self,
        template: str,
        data: Any,
        *,
        idempotency_key: str | None = None,
        version: int | None = None,
        filename: str | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> Render: ...

    async def render(
        self,
        template: str | RenderRequest,
        data: Any = OMITTED,
        *,
        idempotency_key: str | None = None,
        version: int | None = None,
        filename: str | None = None,
        timeout: TimeoutOption = OMITTED,
    ) -> Render:
        """Submit a render and wait until it has finished; `timeout` bounds all of that together."""
        request = to_request(template, data, idempotency_key, version, filename)
        return await self._session.render(request, timeout)

    def wait(self, render_id: str, *, timeout: TimeoutOption = OMITTED) -> Coroutine[Any, Any, Render]:
        """Wait for a render to finish, wherever it was submitted; None is no limit, and 0 polls once."""
        # No coroutine of its own around the session's: there may be a hundred thousand of them.
        return self._session.wait(render_id, timeout=timeout)

    def attach(self, render_id: str) -> "RenderHandle":
        """Make a handle for a render that was submitted elsewhere; no request is sent until somebody waits."""
        return self._session.attach(render_id)

    def render_many(
        self,
        requests: "Requests",
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        journal: "str | os.PathLike[str] | None" = None,
        namespace: str | None = None,
        retry_failed: bool = False,
        on_changed: "OnChanged" = "error",
        timeout: float | None = 600.0,
        download_to: "str | os.PathLike[str] | None" = None,
    ) -> "Batch":
        """Render as many documents as there are rows, and iterate over their outcomes as they come, or in order.

        Rows are read as they are needed. With a journal, running the same rows again goes on where it stopped.
        """
        from craftkit_async.batch.batch import Batch  # noqa: PLC0415 - see the class
        from craftkit_async.batch.options import read_options as read_batch_options  # noqa: PLC0415 - see the class
        from craftkit_async.batch.row_task import Service  # noqa: PLC0415 - see the class
        from craftkit_async.batch.run import Run  # noqa: PLC0415 - see the class

        settings = self._runtime.settings
        options = read_batch_options(
            concurrency=concurrency,
            ordered=ordered,
            journal=journal,
            namespace=namespace,
            retry_failed=retry_failed,
            on_changed=on_changed,
            timeout=timeout,
            download_to=download_to,
            open_renders=settings.limits.open_renders,
        )
        service = Service(self._session, self.renders, self.statistics, settings.retries.attempts)
        return Batch(Run(requests, service, options))

    @property
    def inbox(self) -> "WebhookInbox":
        """Where webhooks come in: for all projects on the client, for its own project on a child."""
        if self._inbox is None:
            self._inbox = self._waiting.inbox(None if self._owns_runtime else self._membership)
        return self._inbox

    @cached_property
    def _session(self) -> "RenderSession":
        """What submits and waits, imported at first use."""
        from craftkit_async.waiting.session import RenderSession  # noqa: PLC0415 - see the class

        return RenderSession(self._waiting.completions, self._sender, self._membership)

    def statistics(self) -> Statistics:
        """Return the counts so far and the gauges of this moment."""
        return self._waiting.fill_in(super().statistics())

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self._owns_runtime:
            await self._waiting.open()
        return self

    async def _close(self) -> None:
        try:
            await self._waiting.aclose()
        finally:
            await self._runtime.aclose()

    @cached_property
    def shares(self) -> "Shares":
        """Guest links."""
        from craftkit_async.resources.shares import Shares  # noqa: PLC0415 - see the class

        return Shares(self._sender)

    @cached_property
    def engagement(self) -> "EngagementEvents":
        """Who viewed a document."""
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

    def with_api_key(
        self, key: ApiKey, *, project: str | None = None, webhook_secret: "Secrets | SecretsProvider | None" = None
    ) -> "Craftkit":
        """Make a client for another project; it shares connections and limits, and closes with this one.

        `project` names the project, for a key that is rotated or that a function returns; omitted, it follows from the
        key. A project without a `webhook_secret` of its own hears no webhooks: polls find its renders.
        """
        if key is None:
            raise ConfigurationError("with_api_key takes the key of the other project, not None")
        child = object.__new__(Craftkit)
        child._owns_runtime = False
        child._waiting = self._waiting
        child._assemble(self._runtime, key)
        child._join(project, webhook_secret)
        return child

    def _join(self, project: str | None, secret: "Secrets | SecretsProvider | None") -> None:
        """Become a member of the project that is named, or that the key belongs to."""
        key = self._credential
        label = check_label(project) if project is not None else label_of_key(key) if isinstance(key, str) else None
        self._membership = self._waiting.join(label, secret)

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
