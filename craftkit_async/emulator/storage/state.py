"""The emulator's state: tables in memory, with every change written through to the store."""

from collections.abc import Callable, Hashable, Iterator
from typing import Any, Final, Generic, Protocol, TypeVar

from craftkit_async.emulator.storage import records
from craftkit_async.emulator.storage.sqlite import Store


class _Record(Protocol):
    id: str


R = TypeVar("R", bound=_Record)


class Table(Generic[R]):
    """Records of one kind by id, with secondary lookups."""

    def __init__(self, store: Store, record_type: type[R]) -> None:
        self._store = store
        self._type = record_type
        self._kind: Final = record_type.__name__.lower()
        self._rows: dict[str, R] = {}
        self._lookups: list[_Lookup[R]] = []

    def lookup(self, key: Callable[[R], Hashable | None]) -> "_Lookup[R]":
        """Add a lookup by a key; the key of a record must never change."""
        found = _Lookup(key)
        self._lookups.append(found)
        return found

    def load(self) -> None:
        """Load the records from the store."""
        for body in self._store.read_all(self._kind):
            self._keep(self._type(**body))

    def put(self, row: R) -> R:
        """Insert or update a record."""
        self._keep(row)
        self._store.put(self._kind, row.id, row)
        return row

    def remove(self, row: R) -> None:
        """Remove a record; only for tables without lookups."""
        del self._rows[row.id]
        self._store.remove(self._kind, row.id)

    def get(self, id: str) -> R | None:
        """Return a record by id, or None."""
        return self._rows.get(id)

    def __getitem__(self, id: str) -> R:
        return self._rows[id]

    def clear(self) -> None:
        """Remove all records from memory; `State.clear` clears the store."""
        self._rows.clear()
        for lookup in self._lookups:
            lookup.clear()

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._rows.values()))

    def __len__(self) -> int:
        return len(self._rows)

    def _keep(self, row: R) -> None:
        if row.id not in self._rows:
            for lookup in self._lookups:
                lookup.add(row)
        self._rows[row.id] = row


class _Lookup(Generic[R]):
    def __init__(self, key: Callable[[R], Hashable | None]) -> None:
        self._key = key
        self._rows: dict[Hashable, list[R]] = {}

    def add(self, row: R) -> None:
        key = self._key(row)
        if key is not None:
            self._rows.setdefault(key, []).append(row)

    def clear(self) -> None:
        self._rows.clear()

    def newest(self, key: Hashable) -> R | None:
        """Return the newest record with this key, or None."""
        rows = self._rows.get(key)
        return rows[-1] if rows else None

    def all(self, key: Hashable) -> list[R]:
        """Return all records with this key, oldest first."""
        return self._rows.get(key, [])


class State:
    """The tables and lookups of the whole service."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._tables: list[Table[Any]] = []
        self.projects = self._table(records.Project)
        self.keys = self._table(records.ApiKey)
        self.templates = self._table(records.Template)
        self.versions = self._table(records.Version)
        self.renders = self._table(records.Render)
        self.shares = self._table(records.Share)
        self.engagements = self._table(records.Engagement)
        self.mails = self._table(records.Mail)
        self.signatures = self._table(records.Signature)
        self.sessions = self._table(records.Session)
        self.catalogs = self._table(records.Catalog)
        self.uploads = self._table(records.Upload)
        self.organisations = self._table(records.Organisation)
        self.subscriptions = self._table(records.Subscription)
        self.deliveries = self._table(records.Delivery)
        self.project_by_slug = self.projects.lookup(lambda row: row.slug)
        self.key_by_digest = self.keys.lookup(lambda row: row.digest)
        self.templates_of = self.templates.lookup(lambda row: row.project_id)
        self.template_by_slug = self.templates.lookup(lambda row: (row.project_id, row.slug))
        self.template_by_hook = self.templates.lookup(lambda row: row.hook_token)
        self.renders_of = self.renders.lookup(lambda row: row.project_id)
        self.render_by_key = self.renders.lookup(_idempotency)
        self.shares_of = self.shares.lookup(lambda row: row.render_id)
        self.share_by_token = self.shares.lookup(lambda row: row.token)
        self.engagements_of = self.engagements.lookup(lambda row: row.render_id)
        self.signatures_of = self.signatures.lookup(lambda row: row.project_id)
        self.signature_by_key = self.signatures.lookup(_idempotency)
        self.sessions_of = self.sessions.lookup(lambda row: row.project_id)
        self.catalogs_of = self.catalogs.lookup(lambda row: (row.project_id, row.name))
        for table in self._tables:
            table.load()

    def clear(self) -> None:
        """Remove all records, from memory and from the store."""
        for table in self._tables:
            table.clear()
        self.store.clear()

    def count(self) -> dict[str, int]:
        """Count the records of every kind."""
        return {table._kind: len(table) for table in self._tables}  # noqa: SLF001 - the same module

    def _table(self, record_type: type[R]) -> Table[R]:
        table = Table(self.store, record_type)
        self._tables.append(table)
        return table


def _idempotency(row: records.Render | records.Signature) -> Hashable | None:
    return None if row.idempotency_key is None else (row.project_id, row.idempotency_key)
