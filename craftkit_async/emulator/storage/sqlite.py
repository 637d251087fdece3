"""The SQLite store: changes are written in groups, and committed before an answer that depends on them is sent."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from typing import Any, Final

import attrs
import orjson

_LAZY_DELAY: Final = 0.05  # seconds for which changes that no request waits for are collected
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS files (id TEXT PRIMARY KEY, body BLOB NOT NULL);
"""
# One statement for a whole group: every SQLite step releases the GIL, and reacquiring it from a busy thread can take
# milliseconds.
_WRITE: Final = """
INSERT INTO records (kind, id, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?)
WHERE true ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body
"""


@cache
def _names(record_type: Any) -> tuple[str, ...]:
    return tuple(member.name for member in attrs.fields(record_type))


def _members(record: Any) -> dict[str, Any]:
    names = _names(type(record))  # type: ignore[arg-type]  # types are hashable; the stubs disagree
    return {name: getattr(record, name) for name in names}


class Store:
    """Stores records by kind and id, and files; `put` is visible to `read` at once and durable after `committed`."""

    def __init__(self, path: str | None) -> None:
        # Data must survive a crash of the process, not of the machine: no fsync.
        self._database = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=1.0)
        self._database.executescript("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;")
        self._database.executescript(_SCHEMA)
        self._changed: dict[tuple[str, str], Any] = {}
        self._removed: set[tuple[str, str]] = set()
        self._files: dict[str, bytes] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._timer: asyncio.Handle | None = None
        self._is_urgent = False
        self.healthy = True

    def put(self, kind: str, id: str, record: Any) -> None:
        """Store a record, or bytes of JSON; a record is encoded when its group is written, with later changes."""
        self._changed[kind, id] = record
        self._removed.discard((kind, id))
        self._schedule()

    def remove(self, kind: str, id: str) -> None:
        """Remove a record."""
        self._changed.pop((kind, id), None)
        self._removed.add((kind, id))
        self._schedule()

    def put_file(self, id: str, body: bytes) -> None:
        """Store a file."""
        self._files[id] = body
        self._schedule()

    def read_file(self, id: str) -> bytes | None:
        """Return a file's bytes, or None."""
        if id in self._files:
            return self._files[id]
        row = self._database.execute("SELECT body FROM files WHERE id = ?", (id,)).fetchone()
        return None if row is None else bytes(row[0])

    def read(self, kind: str, id: str) -> Any:
        """Return one record as plain JSON, or None."""
        if (kind, id) in self._changed:
            return orjson.loads(self._encode(self._changed[kind, id]))
        row = self._database.execute("SELECT body FROM records WHERE kind = ? AND id = ?", (kind, id)).fetchone()
        return None if row is None else orjson.loads(row[0])

    def read_all(self, kind: str) -> Iterator[Any]:
        """Yield all records of a kind as plain JSON, oldest first."""
        with closing(self._database.execute("SELECT body FROM records WHERE kind = ? ORDER BY rowid", (kind,))) as rows:
            yield from (orjson.loads(row[0]) for row in rows)

    async def committed(self) -> None:
        """Wait until everything stored so far is committed; return immediately if it is."""
        if not (self._changed or self._removed or self._files):
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.append(waiter)
        if not self._is_urgent:
            if self._timer:
                self._timer.cancel()
            self._is_urgent = True
            self._timer = loop.call_soon(self._flush)
        await waiter

    def clear(self) -> None:
        """Remove all records and files."""
        self._changed.clear()
        self._removed.clear()
        self._files.clear()
        self._database.executescript("DELETE FROM records; DELETE FROM files;")

    def close(self) -> None:
        """Write pending changes and close the database."""
        if self._timer:
            self._timer.cancel()
        self._flush()
        self._database.close()

    def _schedule(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LAZY_DELAY, self._flush)

    def _flush(self) -> None:
        self._timer, self._is_urgent = None, False
        waiters, self._waiters = self._waiters, []
        error: sqlite3.Error | None = None
        try:
            self._write_group()
        except sqlite3.Error as raised:
            error = raised
        self.healthy = error is None
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error) if error else waiter.set_result(None)

    def _write_group(self) -> None:
        execute = self._database.execute
        execute("BEGIN")
        try:
            if self._changed:
                rows = [(*key, self._encode(record).decode()) for key, record in self._changed.items()]
                execute(_WRITE, (orjson.dumps(rows).decode(),))
            if self._removed:
                self._database.executemany("DELETE FROM records WHERE kind = ? AND id = ?", list(self._removed))
            if self._files:
                self._database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?)", list(self._files.items()))
            execute("COMMIT")
        except sqlite3.Error:
            execute("ROLLBACK")
            raise
        self._changed.clear()
        self._removed.clear()
        self._files.clear()

    @staticmethod
    def _encode(record: Any) -> bytes:
        return record if isinstance(record, bytes) else orjson.dumps(record, default=_members)
