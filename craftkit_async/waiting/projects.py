"""Projects: who waits with which key, and whose webhook secrets count for whom.

A project is a label. Everything that is kept by id or slug is kept by project and id or slug, so that two tenants of
one process never see each other's renders. A project lives as long as one of its clients, handles, waits or registered
handlers refers to it; nothing in here keeps it alive, except for those that `add_project` made.
"""

import threading
import weakref
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from craftkit_async._sansio.polling.webhook_share import Mode, WebhookShare
from craftkit_async._sansio.webhooks.keyring import Keyring
from craftkit_async._sansio.webhooks.signing import NamedSecret, Secrets, read_secrets
from craftkit_async.errors import ConfigurationError

# A plain function that returns the secrets of the moment.
SecretsProvider = Callable[[], Secrets]

# A rotation has two values at a time. Each one that is compiled keeps two hash contexts.
_VALUES_COMPILED = 4


class ProjectSecrets:
    """What one client gave as `webhook_secret`: fixed secrets, or a function that is asked for each delivery."""

    __slots__ = ("__weakref__", "_compiled", "_fixed", "_provider")

    def __init__(self, given: Secrets | SecretsProvider) -> None:
        self._provider = given if callable(given) else None
        # Refuses what is no secret now, and not when the first webhook comes in.
        self._fixed = () if callable(given) else read_secrets(given)
        self._compiled: dict[Any, tuple[NamedSecret, ...]] = {}

    @property
    def is_fixed(self) -> bool:
        """Can the secrets never change?"""
        return self._provider is None

    def read(self) -> tuple[NamedSecret, ...]:
        """Return the secrets of the moment; raises what the function raises."""
        if self._provider is None:
            return self._fixed
        given = _frozen(self._provider())
        found = self._compiled.get(given)
        if found is None:
            found = read_secrets(dict(given[1]) if isinstance(given, tuple) and given[0] is dict else given)
            while len(self._compiled) >= _VALUES_COMPILED:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[given] = found
        return found

    @property
    def identity(self) -> object:
        """What makes two of them the same: the function, or the names and keys."""
        return self._provider or [(secret.name, secret.key) for secret in self._fixed]


def _frozen(given: Any) -> Any:
    """Make something hashable of what a function returned, so that equal values are compiled once."""
    if isinstance(given, str | bytes):
        return given
    if hasattr(given, "items"):
        return dict, tuple(given.items())
    if hasattr(given, "__iter__"):
        return tuple(given)
    raise ConfigurationError(
        "the function given as webhook_secret returned neither text, bytes, several of them nor a mapping"
    )


class Project:
    """One Craftkit project, as this process knows it."""

    __slots__ = ("__weakref__", "key", "label", "secrets", "webhook_share")

    def __init__(self, label: str | None, mode: Mode) -> None:
        self.label = label
        """None for a project without a name, which is never the same as another one without a name."""
        self.key: Hashable = object() if label is None else label
        """What is kept for the project is kept by this, which does not keep the project alive."""
        self.webhook_share = WebhookShare(mode)
        self.secrets: weakref.WeakSet[ProjectSecrets] = weakref.WeakSet()

    @property
    def stepped_back(self) -> bool:
        """Are polls only a safety net? A project without a secret hears no webhooks, so it polls at full pace."""
        return self.webhook_share.stepped_back and len(self.secrets) > 0


class ProjectRef(weakref.ref[Project]):
    """How a ring refers to a project, so that a ring that is kept keeps no project alive."""

    __slots__ = ("label",)

    label: str | None


Ring = Keyring[ProjectRef]


class Membership:
    """What a client holds of its project: the project itself, and the secrets that the client brought along."""

    __slots__ = ("project", "secrets")

    def __init__(self, project: Project, secrets: ProjectSecrets | None) -> None:
        self.project = project
        self.secrets = secrets


class Projects:
    """The projects of a client and its children.

    Verifying may run on any thread, so what is read there is built under a lock and replaced as a whole.
    """

    def __init__(self, mode: Mode, most_tried: int) -> None:
        self._mode = mode
        self._most_tried = most_tried
        self._lock = threading.RLock()
        self._all: weakref.WeakSet[Project] = weakref.WeakSet()
        self._labelled: weakref.WeakValueDictionary[str, Project] = weakref.WeakValueDictionary()
        self._root: Membership | None = None
        """The first client's, whose inbox may outlive it."""
        # Those that `add_project` made, until `remove_project`.
        self._added: dict[str, list[Membership]] = {}
        self.rings: dict[Hashable, Ring] = {}
        """Those that may be tried as they are: by the key of a project, None for all of them.

        Dropped whenever a project or its secrets change.
        """

    def join(self, label: str | None, given: Secrets | SecretsProvider | None) -> Membership:
        """Return the membership of a new client in the project of this label."""
        secrets = None if given is None else ProjectSecrets(given)
        with self._lock:
            project = None if label is None else self._labelled.get(label)
            if project is None:
                project = Project(label, self._mode)
                self._all.add(project)
                if label is not None:
                    self._labelled[label] = project
            if secrets is not None:
                secrets = next((known for known in project.secrets if known.identity == secrets.identity), secrets)
                if secrets not in project.secrets:
                    project.secrets.add(secrets)
                    weakref.finalize(secrets, self.rings.clear).atexit = False
                    self.rings.clear()
            membership = Membership(project, secrets)
            self._root = self._root or membership
        return membership

    def add(self, label: str, given: Secrets | SecretsProvider) -> None:
        """Make a project that lives until it is removed."""
        with self._lock:
            self._added.setdefault(label, []).append(self.join(label, given))

    def remove(self, label: str) -> None:
        """Let go of what `add` made; clients of the project keep it."""
        with self._lock:
            if self._added.pop(label, None) is None:
                raise ConfigurationError(f"there is no project {label!r} that add_project made")

    def find(self, label: str) -> Project | None:
        """Return the project of a label."""
        return self._labelled.get(label)

    def has_secrets(self, project: Project | None) -> bool:
        """Could a delivery for this project, or for any of them, be verified?"""
        with self._lock:
            return any(each.secrets for each in self._concerned(project))

    def ring_of(self, project: Project | None) -> "Ring":
        """Return the secrets of a project, or of all of them; raises what a function given as secret raises."""
        ring = self.rings.get(None if project is None else project.key)
        return self._make_ring(project) if ring is None else ring

    def _make_ring(self, project: Project | None) -> "Ring":
        with self._lock:
            concerned = sorted(self._concerned(project), key=_by_label)
            sources = [(_refer_to(each), secrets) for each in concerned for secrets in each.secrets]
        # Outside of the lock: a function may do anything.
        ring = Keyring((owner, secret) for owner, secrets in sources for secret in secrets.read())
        is_tried = len(ring) > 0 and (project is not None or len(ring) <= self._most_tried)
        if is_tried and all(secrets.is_fixed for _, secrets in sources):
            self.rings[None if project is None else project.key] = ring
        return ring

    def _concerned(self, project: Project | None) -> "Iterator[Project]":
        return iter(list(self._all)) if project is None else iter((project,))


def _refer_to(project: Project) -> ProjectRef:
    reference = ProjectRef(project)
    reference.label = project.label
    return reference


def _by_label(project: Project) -> tuple[bool, str]:
    return project.label is None, project.label or ""
