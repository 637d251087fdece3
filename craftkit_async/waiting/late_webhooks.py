"""Late webhooks: one that comes soon after a poll has completed its render counts as if it had come first.

Polls at full pace often find an end a moment before its webhook. Counted as they come, such webhooks would never be
enough for polls to step back. So a completion by poll is kept for a while, undecided, until its webhook claims it.
"""

import weakref
from collections.abc import Callable, Sequence
from typing import NamedTuple

from craftkit_async.waiting.projects import Project

# Two thousand completions a second for the five seconds of `PollPolicy.net_first`, or about two megabytes. Beyond it,
# the oldest counts as a completion by poll, which never steps polls back too soon.
_MOST_KEPT = 10_000


class _Undecided(NamedTuple):
    project: weakref.ref[Project]
    since: float
    number: int | None
    """Of the completion, if it was counted already as one by poll."""


class LateWebhooks:
    """Counts for each project how its renders were completed, and lets late webhooks claim those of polls."""

    __slots__ = ("_grace", "_on_return", "by_poll")

    def __init__(self, grace: float, on_return: Callable[[], None]) -> None:
        self._grace = grace
        self._on_return = on_return
        self.by_poll: dict[str, _Undecided] = {}
        """Completed by a poll of late, by render id, the oldest first. An id of two projects is kept for the later."""

    def note(self, project: Project, id: str, now: float, *, by_webhook: bool) -> None:
        """Note a completion; one by poll is undecided for a while."""
        self._decide(now)
        share = project.webhook_share
        if by_webhook or not len(project.secrets):
            # Without a secret no webhook can come.
            self._count(project, by_webhook=by_webhook)
            return
        number = None
        if share.stepped_back:
            # At once, so that webhooks that stay away do not slow polls down for longer than they must.
            self._count(project, by_webhook=False)
            number = share.noted
        self.by_poll.pop(id, None)
        self.by_poll[id] = _Undecided(weakref.ref(project), now, number)

    def claim(self, projects: Sequence[Project | None], id: str, now: float) -> None:
        """Note that the webhook about a render has come, which a poll completed before."""
        self._decide(now)
        undecided = self.by_poll.get(id)
        project = undecided and undecided.project()
        if undecided is None or project is None or project not in projects:
            return
        del self.by_poll[id]
        if undecided.number is None:
            self._count(project, by_webhook=True)
        else:
            project.webhook_share.amend(undecided.number)

    def _decide(self, now: float) -> None:
        """Count what no webhook has claimed in time as completed by polls."""
        while self.by_poll:
            oldest, undecided = next(iter(self.by_poll.items()))
            if now - undecided.since <= self._grace and len(self.by_poll) < _MOST_KEPT:
                return
            del self.by_poll[oldest]
            project = undecided.project()
            if undecided.number is None and project is not None:
                self._count(project, by_webhook=False)

    def _count(self, project: Project, *, by_webhook: bool) -> None:
        share = project.webhook_share
        if share.note(by_webhook=by_webhook) and not share.stepped_back:
            self._on_return()
