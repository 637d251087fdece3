"""Keyring: which projects a signature belongs to, when several have secrets and some share one."""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from craftkit_async._sansio.webhooks.signing import NamedSecret, SecretName

Project = TypeVar("Project")


class Owner(NamedTuple, Generic[Project]):
    """A project whose secret made a signature, and the name of that secret there."""

    project: Project
    secret: SecretName


class Keyring(Generic[Project]):
    """Distinct secrets, each with its owners; equal ones are tried once."""

    __slots__ = ("_tried",)

    def __init__(self, secrets: Iterable[tuple[Project, NamedSecret]]) -> None:
        owners: dict[bytes, list[Owner[Project]]] = {}
        matches: dict[bytes, NamedSecret] = {}
        for project, secret in secrets:
            matches.setdefault(secret.key, secret)
            owners.setdefault(secret.key, []).append(Owner(project, secret.name))
        self._tried = [(matches[key].fits, tuple(found)) for key, found in owners.items()]

    def __len__(self) -> int:
        return len(self._tried)

    def owners_of(self, body: bytes, signature: str) -> tuple[Owner[Project], ...]:
        """Return whose secret made the signature; nobody's is an empty tuple.

        All secrets are tried before any answer counts: the time taken must not tell which one it was.
        """
        if len(self._tried) == 1:
            fits, owners = self._tried[0]
            return owners if fits(body, signature) else ()
        found = [owners for fits, owners in self._tried if fits(body, signature)]
        return found[0] if found else ()
