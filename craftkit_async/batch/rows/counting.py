"""SeenNames: how often a text came up in a run, for millions of them in flat memory."""

import sqlite3
from hashlib import blake2b

# No two texts meet by chance.
_DIGEST_BYTES = 16


class SeenNames:
    """Counts texts in a private database held in SQLite's page cache, and on disk beyond it.

    A Python set of a million keys takes about 100 MB; this takes what the cache holds.
    """

    def __init__(self) -> None:
        # No name makes a file that only this connection sees and that goes with it. One thread at a time uses it.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE seen (digest BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID; BEGIN;"
        )
        self._execute = self._database.cursor().execute

    def add(self, text: str) -> int:
        """Count a text, and return how often it has come by now."""
        digest = blake2b(text.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).digest()
        if self._execute("INSERT OR IGNORE INTO seen VALUES (?, 1)", (digest,)).rowcount:
            return 1
        self._execute("UPDATE seen SET times = times + 1 WHERE digest = ?", (digest,))
        times: int = self._execute("SELECT times FROM seen WHERE digest = ?", (digest,)).fetchone()[0]
        return times

    def close(self) -> None:
        """Forget everything."""
        self._database.close()
