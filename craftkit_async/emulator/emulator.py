"""The emulator in your own process: `async with Emulator() as emulator`."""

import asyncio
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from craftkit_async.emulator.faults.board import Faults
from craftkit_async.emulator.http.protocol import Runner
from craftkit_async.emulator.http.request_log import SeenRequest
from craftkit_async.emulator.request_pipeline import RequestPipeline
from craftkit_async.emulator.server import make_application
from craftkit_async.emulator.service import Service
from craftkit_async.emulator.settings import read_settings
from craftkit_async.emulator.storage.records import Delivery, Render

_SHUTDOWN_TIMEOUT: Final = 1.0  # seconds an open request may take when the emulator stops
_BACKLOG: Final = 4096  # pending connections; load tests open thousands at once


class Emulator:
    """A Craftkit service on this machine. `**settings` are the other fields of `Settings`."""

    def __init__(
        self,
        *,
        api_key: str = "ck_test_local",
        account_key: str = "ck_acct_local",
        admin_key: str = "local-admin",
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        latency: str | float = "0.4",
        faults: str | Iterable[str] = (),
        seed: int = 0,
        db: str | None = None,
        pdf: bool = True,
        port: int = 0,
        **settings: Any,
    ) -> None:
        self.settings = read_settings(
            api_key=api_key,
            account_key=account_key,
            admin_key=admin_key,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            latency=latency,
            faults=faults,
            seed=seed,
            db=db,
            pdf=pdf,
            port=port,
            **settings,
        )
        self._running: tuple[Service, RequestPipeline, web.AppRunner] | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        service = Service(self.settings, loop.time)
        pipeline = RequestPipeline(service)
        runner = Runner(make_application(service, pipeline), access_log=None, shutdown_timeout=_SHUTDOWN_TIMEOUT)
        self._running = (service, pipeline, runner)
        try:
            await self._listen(service, runner)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running:
            service, _, runner = self._running
            self._running = None
            await runner.cleanup()
            await service.close()

    async def _listen(self, service: Service, runner: web.AppRunner) -> None:
        await runner.setup()
        site = web.TCPSite(runner, self.settings.host, self.settings.port, backlog=_BACKLOG)
        await site.start()
        host, port = runner.addresses[0][:2]
        service.open(host, port)
        self.url = service.base_url

    @property
    def api_key(self) -> str:
        """The API key of the local project."""
        return self.settings.api_key

    @property
    def account_key(self) -> str:
        """The account key."""
        return self.settings.account_key

    @property
    def admin_key(self) -> str:
        """The admin key of the deployment."""
        return self.settings.admin_key

    @property
    def webhook_secret(self) -> str | None:
        """The secret that signs deliveries to `webhook_url`."""
        return self.settings.webhook_secret

    @property
    def requests(self) -> list[SeenRequest]:
        """The latest requests, oldest first."""
        return list(self._pipeline.requests)

    @property
    def renders(self) -> list[Render]:
        """All renders, oldest first."""
        return list(self._service.state.renders)

    @property
    def deliveries(self) -> list[Delivery]:
        """The delivery log, oldest first."""
        return list(self._service.state.deliveries)

    @property
    def faults(self) -> Faults:
        """The active faults; change them with `set(spec)` and `clear()`."""
        return self._service.faults

    @property
    def state(self) -> Mapping[str, Any]:
        """The number of records of each kind, and the projects with their hooks."""
        return {"counts": self._service.state.count(), "projects": self._service.describe_projects()}

    def subscribe(self, url: str, secret: str, **extra: Any) -> str:
        """Send events to a URL from now on, as a dashboard subscription does; return the subscription's id."""
        return self._service.subscribe(url, secret, **extra).id

    def advance(self, seconds: float) -> None:
        """Advance the emulator's clock. Call it on the emulator's event loop."""
        self._service.skip(seconds)

    @property
    def _service(self) -> Service:
        return self._require_running()[0]

    @property
    def _pipeline(self) -> RequestPipeline:
        return self._require_running()[1]

    def _require_running(self) -> tuple[Service, RequestPipeline, web.AppRunner]:
        if self._running is None:
            raise RuntimeError("the emulator is not running; enter it with `async with`")
        return self._running
