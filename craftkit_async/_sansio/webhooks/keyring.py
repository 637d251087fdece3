"""Keyring: which projects a signature belongs to, when several have secrets and some share one."""

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from craftkit_async._sansio.webhooks.signing import NamedSecret, SecretName, matcher_of

Project = TypeVar("Project")


class Owner(NamedTuple, Generic[Project]):
    """A project whose secret made a signature, and the name of that secret there."""

    project: Project
    secret: SecretName


class Keyring(Generic[Project]):
    """Distinct secrets, each with its owners; equal ones are tried once."""

    __slots__ = ("_matches", "owners_of")

    def __init__(self, secrets: Iterable[tuple[Project, NamedSecret]]) -> None:
        owners: dict[bytes, list[Owner[Project]]] = {}
        distinct: dict[bytes, NamedSecret] = {}
        for project, secret in secrets:
            distinct.setdefault(secret.key, secret)
            owners.setdefault(secret.key, []).append(Owner(project, secret.name))
        self._matches = [matcher_of(secret, tuple(owners[key]), ()) for key, secret in distinct.items()]
        # Of one secret without a call in between, which would be a sixth of what verifying a small body costs.
        self.owners_of: Callable[[bytes, str], tuple[Owner[Project], ...]]
        """Return the owners of the secret that made a signature of a body; without one, an empty tuple."""
        self.owners_of = self._matches[0] if len(self._matches) == 1 else self._try_all

    def __len__(self) -> int:
        return len(self._matches)

    def _try_all(self, body: bytes, signature: str) -> tuple[Owner[Project], ...]:
        # All are tried before any answer counts: the time taken must not reveal which one it was.
        found = [match(body, signature) for match in self._matches]
        return next(filter(None, found), ())
