"""The emulated service: builds and connects its components; every handler receives it."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from craftkit_async.emulator.background.clock import Clock
from craftkit_async.emulator.background.schedule import Schedule
from craftkit_async.emulator.background.tasks import BackgroundTasks
from craftkit_async.emulator.credentials import Authenticator, digest_key
from craftkit_async.emulator.documents import ready_templates
from craftkit_async.emulator.environment import Environment
from craftkit_async.emulator.faults.board import Faults
from craftkit_async.emulator.http.addresses import Address
from craftkit_async.emulator.http.contract import load_contract
from craftkit_async.emulator.http.rates import TokenBucket
from craftkit_async.emulator.pdf_workers import PdfWorkers
from craftkit_async.emulator.rendering import Rendering
from craftkit_async.emulator.settings import Settings
from craftkit_async.emulator.signing_provider import SigningProvider
from craftkit_async.emulator.storage.identifiers import new_id
from craftkit_async.emulator.storage.records import ApiKey, Project, Subscription
from craftkit_async.emulator.storage.sqlite import Store
from craftkit_async.emulator.storage.state import State
from craftkit_async.emulator.template_store import TemplateStore
from craftkit_async.emulator.tokens import TokenSigner
from craftkit_async.emulator.webhooks.outbox import Outbox

EVENTS: Final = (
    "render.succeeded", "render.failed", "signature.sent", "signature.viewed", "signature.signed",
    "signature.completed", "signature.declined", "signature.expired", "signature.cancelled", "form.submitted",
)  # fmt: skip  # ten short words
_LOCAL: Final = "local"
_META: Final = "meta"


class Service:
    """The components of one running emulator; create it on the event loop that it runs on."""

    def __init__(self, settings: Settings, monotonic: Callable[[], float]) -> None:
        self.settings = settings
        self.store = Store(settings.db)
        self.clock = Clock(monotonic, settings.clock_skew)
        self.schedule = Schedule(self.clock)
        self.tasks = BackgroundTasks()
        self.state = State(self.store)
        self.faults = Faults(settings.faults, settings.seed, load_contract().operations)
        environment = Environment(self.state, self.clock, self.schedule, self.tasks)
        self.outbox = Outbox(environment, self.faults, settings.webhook_delays)
        self.rendering = Rendering(environment, self.outbox, settings.latency, settings.seed)
        self.provider = SigningProvider(environment, self.outbox)
        self.templates = TemplateStore(self.state, self.clock)
        self.signer = TokenSigner(self._load_or_create("token_seed", lambda: os.urandom(32).hex()))
        self.authenticator = Authenticator(settings, self.state, self.clock, self.signer)
        self.bucket = TokenBucket(settings.rate) if settings.rate else None
        self.address = Address()
        self._pdf_workers: PdfWorkers | None = None

    @property
    def base_url(self) -> str:
        """The URL at which clients reach this service."""
        return self.address.url

    @property
    def renders_url(self) -> str:
        """The URL under which the API serves renders."""
        return f"{self.base_url}/v1/renders"

    def open(self, host: str, port: int) -> None:
        """Create the initial records that are missing, and resume unfinished work."""
        self.address.open(host, port)
        self.rendering.base_url = self.address.own
        skipped = self.store.read(_META, "skipped")
        self.clock.skip((skipped or {"seconds": 0.0})["seconds"])
        self._create_initial_records()
        self.outbox.open()
        self._pdf_workers = PdfWorkers(self.settings.font_path) if self.settings.pdf else None
        self.rendering.open(self._pdf_workers)
        self.provider.open()

    async def close(self) -> None:
        """Stop everything, the store last, so that no completed work is lost."""
        self.schedule.clear()
        await self.tasks.close()
        await self.outbox.close()
        if self._pdf_workers:
            await self._pdf_workers.close()
        self.store.close()

    def skip(self, seconds: float) -> None:
        """Advance the clock; the store keeps the total for a restart."""
        self.schedule.skip(seconds)
        self.store.put(_META, "skipped", orjson.dumps({"seconds": self.clock.skipped}))

    def reset(self) -> None:
        """Return to the state after a first start with the same settings."""
        self.schedule.clear()
        self.rendering.forget()
        self.outbox.clear()
        self.state.clear()
        self.faults.restore()
        self._create_initial_records()

    def add_project(self, name: str, slug: str, **extra: Any) -> Project:
        """Create a project."""
        now = self.clock.now()
        return self.state.projects.put(Project(id=new_id(now), slug=slug, name=name, created=now, updated=now, **extra))

    def add_key(self, project: Project, key: str, name: str) -> ApiKey:
        """Add an API key to a project; only the hash of the key is stored."""
        now = self.clock.now()
        return self.state.keys.put(
            ApiKey(
                id=new_id(now), project_id=project.id, digest=digest_key(key), name=name, prefix=key[:13], created=now
            )
        )

    def _create_initial_records(self) -> None:
        local = self.state.key_by_digest.newest(digest_key(self.settings.api_key)) or self._add_local_project()
        for template in self.settings.templates:
            if not self.templates.is_there(local.project_id, template["slug"]):
                self.templates.add(local.project_id, template)
        self._create_webhook()

    def _add_local_project(self) -> ApiKey:
        key = self.settings.api_key
        project = self.add_project("Local", self.find_free_slug(_LOCAL), embed=True, watermark=_is_test(key))
        for template in ready_templates():
            self.templates.add(project.id, template)
        return self.add_key(project, key, "Local")

    def _create_webhook(self) -> None:
        url, secret = self.settings.webhook_url, self.settings.webhook_secret
        if url and secret and not any((each.url, each.secret) == (url, secret) for each in self.state.subscriptions):
            self.subscribe(url, secret)

    def subscribe(self, url: str, secret: str, **extra: Any) -> Subscription:
        """Create a webhook subscription, as the dashboard does."""
        extra.setdefault("events", list(EVENTS))
        return self.state.subscriptions.put(Subscription(id=new_id(self.clock.now()), url=url, secret=secret, **extra))

    def find_free_slug(self, slug: str) -> str:
        """Append a number to a project slug until it is unique; deleted projects keep their slugs."""
        number, free = 0, slug
        while self.state.project_by_slug.newest(free):
            number += 1
            free = f"{slug}-{number}"
        return free

    def describe_projects(self) -> list[Mapping[str, Any]]:
        """Return the projects with their hooks, for tests."""
        return [
            {
                "id": project.id,
                "slug": project.slug,
                "name": project.name,
                "embed": project.embed,
                "deleted": project.deleted is not None,
                "hooks": [
                    {"slug": each.slug, "token": each.hook_token, "secret": each.hook_secret}
                    for each in self.state.templates_of.all(project.id)
                    if each.deleted is None
                ],
            }
            for project in self.state.projects
        ]

    def _load_or_create(self, name: str, make: Callable[[], str]) -> bytes:
        kept = self.store.read(_META, name)
        if kept is None:
            kept = {"hex": make()}
            self.store.put(_META, name, orjson.dumps(kept))
        return bytes.fromhex(kept["hex"])


def _is_test(key: str) -> bool:
    return key.startswith("ck_test_")
