"""Completions: the one place where a render becomes complete, for a client and its children.

A render id becomes a result through whichever comes first: a poll, a webhook, an idempotent replay, or another process
through the relay. They race, and `complete` settles the race:

- The first answer wins. It sets the entry's snapshot and source once; later ones are counted and dropped, so that a
  success can never turn into a failure.
- A delivery completes only entries of the projects whose secret made its signature. What a relay brings is verified
  again, with the secrets of the project that waits.
- A delivery about an id that nobody knows yet goes to the mailbox, while a submit is unanswered that may bring that id.
- What brought the completions decides the pace: while webhooks bring them, polls are only a safety net.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from craftkit_async._io.runtime import Runtime
from craftkit_async._sansio.polling.pace import LearnedDurations, Pace
from craftkit_async._sansio.webhooks.delivery import SIGNATURE_FIELD
from craftkit_async._sansio.webhooks.fast_path import published_render
from craftkit_async.errors import ClientStateError
from craftkit_async.models.renders import Render
from craftkit_async.observe.reports import report_completion
from craftkit_async.waiting.late_webhooks import LateWebhooks
from craftkit_async.waiting.options import WaitingOptions
from craftkit_async.waiting.pending import Pending, PendingRenders
from craftkit_async.waiting.projects import Project, Projects
from craftkit_async.waiting.scheduler import PollScheduler
from craftkit_async.webhooks import VerifiedDelivery, verify

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from craftkit_async.waiting.relay import SignedRender
    from craftkit_async.waiting.relay_link import RelayLink

_logger = logging.getLogger(__name__)


class Completions:
    """One registry, one scheduler and one relay for a client and its children."""

    def __init__(self, runtime: Runtime, options: WaitingOptions, projects: Projects) -> None:
        self.runtime = runtime
        self.options = options
        self.projects = projects
        self.pace = Pace(options.polling, LearnedDurations(runtime.settings.limits.templates_learned))
        self.is_closing = False
        self._has_warned_of_pace = False
        self._sources = LateWebhooks(options.polling.net_first, self._return_to_full_pace)
        self._has_warned_of_projects = False
        self._begin()

    def reopen(self) -> None:
        """Begin with nothing pending, on whatever loop comes; who still waits did so on a loop that was closed."""
        self.scheduler.forget()
        for entry in self.pending:
            self.pending.empty(entry)
        self._begin()

    def _begin(self) -> None:
        self.pending = PendingRenders(self.runtime.settings.limits)
        self.scheduler = PollScheduler(self.runtime, self.pending, self.complete, self.ask_relay)
        self.link: RelayLink | None = None
        if self.options.relay is not None:
            from craftkit_async.waiting import relay_link  # noqa: PLC0415 - most clients have no relay

            self.link = relay_link.RelayLink(
                self.runtime, self.options.relay, self._hear, self._take_found, self._look_up_all
            )

    # ---- what completes a render

    def take(self, delivery: VerifiedDelivery) -> bool:
        """Complete the waits of those projects that a delivery belongs to; does anybody here know its render?"""
        published, pending = delivery.published, self.pending
        # Each call that is spared here is a hundredth of all that a delivery costs.
        render_id = delivery.render_id if published is None else published[0]["renderId"]
        if render_id is None:
            return False
        if render_id in self._sources.by_poll:
            self._claim([owner.project() for owner in delivery.owners], render_id)
        if not (pending.knows(render_id) or pending.mailbox.boxes):
            return False
        render = cast("Render", delivery.render) if published is None else published_render(published)
        is_known = False
        found = pending.find_all(render_id)
        for entry in found:
            project = entry.poller.project
            for owner in delivery.owners:
                if owner.project() is project:
                    self.complete(entry, render, "webhook")
                    is_known = True
        if not is_known:
            self._keep(delivery, render, is_foreign=bool(found))
        return is_known

    def _keep(self, delivery: VerifiedDelivery, render: Render, *, is_foreign: bool) -> None:
        """Put a delivery that no entry is there for into the mailbox; is there one of another project?"""
        if is_foreign:
            self._warn_of_projects(render.id)
        now = self.runtime.check().time()
        for project in filter(None, [owner.project() for owner in delivery.owners]):
            self.pending.mailbox.put(project.key, render, "webhook", now)

    def complete(self, entry: Pending, render: Render, source: str, *, is_pushed: bool = True) -> None:
        """Complete a render, once; whatever comes later is counted and dropped.

        `is_pushed` tells what came by itself, as a webhook or through the relay, from what was asked for.
        """
        if entry.source is not None:
            self.runtime.statistics.duplicates += 1
            return
        entry.snapshot, entry.source = render, source
        statistics = self.runtime.statistics
        if source == "webhook":
            statistics.completed_by_webhook += 1
        elif source == "poll":
            statistics.completed_by_poll += 1
        elif source == "relay":
            statistics.completed_by_relay += 1
        if not render.is_succeeded:
            statistics.failed += 1
        if entry.template is not None and render.created_at is not None and render.completed_at is not None:
            duration = (render.completed_at - render.created_at).total_seconds()
            template = entry.poller.project.key, entry.template
            entry.poller.pace.learn(template, duration, self.scheduler.seen_between(entry))
        # No waiters, so not scheduled: nothing to remove.
        if entry.waiters is not None:
            self._tell_waiters(entry, render, source, is_pushed=is_pushed and source != "poll")

    def _tell_waiters(self, entry: Pending, render: Render, source: str, *, is_pushed: bool) -> None:
        self.scheduler.drop(entry)
        for waiter in self.pending.empty(entry):
            waiter.finish(render)
        now = self.runtime.check().time()
        self._sources.note(entry.poller.project, render.id, now, by_webhook=is_pushed)
        if observers := self.runtime.settings.observers:
            report_completion(observers, render, source, self.scheduler.age(entry))

    def _claim(self, projects: "Sequence[Project | None]", id: str) -> None:
        """Count a completion by poll for its webhook, which came only now."""
        self._sources.claim(projects, id, self.runtime.check().time())

    def _return_to_full_pace(self) -> None:
        if not self._has_warned_of_pace:
            self._has_warned_of_pace = True
            _logger.warning("webhooks bring less than half of the latest renders; polls are back to full pace")
        self.scheduler.repace()

    def _warn_of_projects(self, id: str) -> None:
        if not self._has_warned_of_projects:
            self._has_warned_of_projects = True
            _logger.warning(
                "a genuine delivery about render %s fitted the secret of another project than the one that waits for"
                " it; give each project its own secret: with_api_key(key, webhook_secret=...)",
                id,
            )

    # ---- the relay

    def ask_relay(self, entry: Pending) -> None:
        """Ask the other processes about an id, beside the service."""
        self._look_up([entry.id])

    def _look_up_all(self) -> None:
        """Something may have been missed: ask for everything that is waited for."""
        self._look_up(entry.id for entry in self.pending if entry.waiters is not None)

    def _look_up(self, ids: "Iterable[str]") -> None:
        if self.link is not None:
            self.link.look_up(ids)

    def _hear(self, id: str, delivery: "SignedRender") -> None:
        self._take_signed(id, delivery, is_pushed=True)

    def _take_found(self, id: str, delivery: "SignedRender") -> None:
        self._take_signed(id, delivery, is_pushed=False)

    def _take_signed(self, id: str, delivery: "SignedRender", *, is_pushed: bool) -> None:
        """Verify what the relay brought, for each project that waits for the id; nothing is hashed for nobody."""
        waiting = [entry for entry in self.pending.find_all(id) if entry.source is None]
        undecided = self._sources.by_poll.get(id) if is_pushed else None
        if undecided is not None and (project := undecided.project()) and self._verified(project, id, delivery):
            self._claim([project], id)
        if not waiting:
            return
        completed = False
        for entry in waiting:
            render = self._verified(entry.poller.project, id, delivery)
            if render is not None:
                completed = True
                self.complete(entry, render, "relay", is_pushed=is_pushed)
        if not completed:
            self.runtime.statistics.relay_refused += 1

    def _verified(self, project: Project, id: str, delivery: "SignedRender") -> Render | None:
        try:
            body, signature = delivery
            ring = self.projects.ring_of(project)
            render = verify(body, {SIGNATURE_FIELD: signature}, ring, len(body)).render
        except Exception:  # noqa: BLE001 - a relay may bring anything, and a function given as secret may raise
            return None
        return render if render is not None and render.id == id else None

    # ---- closing

    async def end_waits(self) -> None:
        """Stop polling, and fail all waits."""
        polls = self._fail_all()
        if polls:
            await asyncio.wait(polls)

    async def aclose(self) -> None:
        """Close the relay, and begin anew should the client be opened again."""
        try:
            if self.link is not None:
                await self.link.aclose()
        finally:
            # No turn of the loop from here until the client is closed: nobody can begin to wait in between. Waits on a
            # loop that is closed can hear nothing any more.
            if self.runtime.is_open:
                self._fail_all()
            self.reopen()

    def _fail_all(self) -> "list[asyncio.Task[Render]]":
        polls = self.scheduler.close()
        for entry in self.pending:
            for waiter in self.pending.empty(entry):
                waiter.fail(ClientStateError("the client was closed during this wait"))
        return polls
