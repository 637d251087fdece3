"""Journal file: the format on disk, and which files are refused untouched.

The states of a row:

    submitted   it is about to be sent, or was; with the render's id once the service has sent it
    succeeded   the render has ended with a document
    saved       and the document is in `download_to`
    failed      nothing that is sent under the same key can change the answer
"""

import json
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from craftkit_async.batch.rows.keys import random_namespace
from craftkit_async.errors import JournalError

SUBMITTED, SUCCEEDED, SAVED, FAILED = "submitted", "succeeded", "saved", "failed"

# "CKbj" in ASCII, in the header of the file: distinguishes a journal from another SQLite file.
_APPLICATION = 0x434B626A
_APPLICATION_AT = slice(68, 72)
_VERSION = 1
_SQLITE = b"SQLite format 3\0"
_HEADER_BYTES = 100

_PRIVATE = stat.S_IRUSR | stat.S_IWUSR

_TABLES = (
    "CREATE TABLE about (namespace TEXT NOT NULL)",
    """CREATE TABLE rows (
        key TEXT PRIMARY KEY, hash TEXT NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL,
        idempotency_key TEXT NOT NULL, render_id TEXT, path TEXT, error TEXT
    )""",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)

_FIELDS = ("key", "hash", "attempt", "state", "idempotency_key", "render_id", "path", "error")
_NAMES = ", ".join(_FIELDS)

# One statement for many rows: each statement that runs lets go of the interpreter, and getting it back from a busy
# loop can take the 5 ms of a switch.
_FIND = f"SELECT {_NAMES} FROM rows WHERE key IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own names
_PUT = (
    f"INSERT INTO rows ({_NAMES})"  # noqa: S608 - our own names
    f" SELECT {', '.join(f'json_extract(value, {place!r})' for place in map('$[{}]'.format, range(len(_FIELDS))))}"
    " FROM json_each(?) WHERE true"
    f" ON CONFLICT (key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _FIELDS[1:])}"
)


class Record(NamedTuple):
    """What a journal says about a row; `hash` is that of the data under the journal's namespace."""

    key: str
    hash: str
    attempt: int
    state: str
    idempotency_key: str
    render_id: str | None = None
    path: str | None = None
    error: str | None = None


class JournalFile:
    """An open journal; used by one thread at a time."""

    def __init__(self, path: Path, namespace: str | None) -> None:
        """Open a journal, or begin one; anything else is refused before a byte of it is changed."""
        self._shown = str(path)
        try:
            self._refuse_foreign(path)
            self._database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                self._lock()
                self.namespace = self._read_namespace() if self._has_tables() else self._begin(namespace)
                self._settle_down()
                # A new batch has nothing to find: no row of a run is read twice.
                (self._has_rows,) = self._database.execute("SELECT EXISTS (SELECT 1 FROM rows)").fetchone()
            except BaseException:
                self._database.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        if namespace not in {None, self.namespace}:
            self.close()
            raise JournalError(
                f"{self._shown} was begun under the namespace {self.namespace!r}; leave namespace= out, or give that"
            )

    def exchange(self, wanted: Iterable[Record], records: Mapping[str, Record]) -> dict[str, Record]:
        """Write records, and those of `wanted` whose row is not known; return what is known of the others."""
        asked = {record.key: record for record in wanted}
        try:
            known = self._find(list(asked)) if self._has_rows else {}
            fresh = [record for key, record in asked.items() if key not in known]
            self._database.execute(_PUT, (json.dumps([*records.values(), *fresh]),))
        except sqlite3.Error as error:
            raise JournalError(f"{self._shown} cannot be written: {error}") from error
        return known

    def _find(self, keys: list[str]) -> dict[str, Record]:
        found = self._database.execute(_FIND, (json.dumps(keys),))
        return {row[0]: Record(*row) for row in found}

    def paths(self) -> Iterator[str]:
        """Go over the documents that were saved."""
        return (path for (path,) in self._database.execute("SELECT path FROM rows WHERE path IS NOT NULL"))

    def close(self) -> None:
        """Close the file; its write-ahead log goes into it."""
        self._database.close()

    def _refuse_foreign(self, path: Path) -> None:
        """Make a missing file; refuse what is no journal of ours, or a damaged one, without changing it."""
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE))
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        if not header:
            path.chmod(_PRIVATE)
        elif not header.startswith(_SQLITE):
            raise JournalError(f"{self._shown} is no journal of a batch; it was left as it is")
        # A journal's first transaction goes straight into the file, and not into a log, so the header can be trusted.
        elif int.from_bytes(header[_APPLICATION_AT], "big") != _APPLICATION:
            self._refuse_tables(path)
        elif not _beside(path, "-journal"):
            self._check(path)

    def _refuse_tables(self, path: Path) -> None:
        """Refuse a file with content; reading it without a lock leaves no traces in it."""
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as database:
            is_empty = database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        if not is_empty or _beside(path, "-wal") or _beside(path, "-journal"):
            raise JournalError(f"{self._shown} is an SQLite file of another program; it was not changed")

    def _check(self, path: Path) -> None:
        """Read all of a journal by a connection that cannot change it."""
        # Without a log beside it the file is whole, and can be read without leaving an index for one behind.
        how = "mode=ro" if _beside(path, "-wal") else "immutable=1"
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=0)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version != _VERSION:
                raise JournalError(f"{self._shown} has version {version}, and this package knows {_VERSION}")
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise JournalError(f"{self._shown} is damaged; it was left as it is")

    def _lock(self) -> None:
        """Take the lock, and keep it until the file is closed."""
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._database.execute("BEGIN EXCLUSIVE")
        self._database.execute("COMMIT")

    def _has_tables(self) -> bool:
        count: int = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        return count > 0

    def _read_namespace(self) -> str:
        kept: str = self._database.execute("SELECT namespace FROM about").fetchone()[0]
        return kept

    def _begin(self, namespace: str | None) -> str:
        chosen = random_namespace() if namespace is None else namespace
        execute = self._database.execute
        # Whatever it was before: see `_refuse_foreign`.
        execute("PRAGMA journal_mode = DELETE")
        execute("BEGIN EXCLUSIVE")
        for step in _TABLES:
            execute(step)
        execute("INSERT INTO about VALUES (?)", (chosen,))
        execute("COMMIT")
        return chosen

    def _settle_down(self) -> None:
        """From here on a commit is a write without a flush: it outlives the process, though not a power cut."""
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")

    def _unusable(self, error: Exception) -> JournalError:
        if isinstance(error, OSError):
            return JournalError(f"{self._shown} cannot be opened: {error.strerror or type(error).__name__}")
        if "locked" in str(error):
            return JournalError(f"{self._shown} is in use by another batch; stop that one, or pass another journal")
        return JournalError(f"{self._shown} cannot be used: {error}; it was left as it is")


def _beside(path: Path, ending: str) -> bool:
    return path.with_name(path.name + ending).exists()
