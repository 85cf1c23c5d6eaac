"""Which row of which report counts for each photo: in a database on disk, so that memory does not grow with the photos.

In:  photos by their sources, with the report, the row and the status that tell of each
Out: whether a row counts; the photos that no row tells of
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

_CACHE = 16 << 10  # KiB of the database that stay in memory
_NOWHERE = -1  # stands for the report of photos that none tells of
_TABLE = "CREATE TABLE known (source TEXT PRIMARY KEY, report INT, line INT, status TEXT) WITHOUT ROWID"


class JoinedRows:
    """The rows that count, by the sources of their photos; a context that removes its file in the end.

    Raises:
        sqlite3.Error: the temporary disk is full.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="colorize-")
        self._known = sqlite3.connect(Path(self._folder.name) / "rows.db", isolation_level=None)
        for word in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE}", "locking_mode = EXCLUSIVE"):
            self._known.execute(f"PRAGMA {word}")
        self._known.execute(_TABLE)
        self._known.execute("BEGIN")

    def __enter__(self) -> JoinedRows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._known.close()
        self._folder.cleanup()

    def __len__(self) -> int:
        """How many photos are known, the missing ones included."""
        return int(self._known.execute("SELECT count(*) FROM known").fetchone()[0])

    def status(self, source: str) -> str | None:
        """What the row that counts says of a photo; None where none tells of it."""
        found = self._known.execute("SELECT status FROM known WHERE source = ?", (_bytes(source),)).fetchone()
        return None if found is None else str(found[0])

    def put(self, source: str, report: int, line: int, status: str) -> None:
        """Let a row count for a photo, instead of the one that did."""
        row = (_bytes(source), report, line, status)
        self._known.execute("INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?)", row)

    def counts(self, source: str, report: int, line: int) -> bool:
        """Whether this is the row that counts for a photo."""
        found = self._known.execute("SELECT report, line FROM known WHERE source = ?", (_bytes(source),)).fetchone()
        return found is not None and tuple(found) == (report, line)

    def add_missing(self, sources: Iterable[str]) -> int:
        """Note the photos of which no row tells; returns how many there are."""
        before = len(self)
        for line, source in enumerate(sources):
            row = (_bytes(source), _NOWHERE, line)
            self._known.execute("INSERT OR IGNORE INTO known VALUES (?, ?, ?, '')", row)
        return len(self) - before

    def missing(self) -> Iterator[str]:
        """The photos of which no row tells, in the order in which they came."""
        rows = self._known.execute("SELECT source FROM known WHERE report = ? ORDER BY line", (_NOWHERE,))
        return (source.decode("utf-8", "surrogatepass") for (source,) in rows)


def _bytes(source: str) -> bytes:
    return source.encode("utf-8", "surrogatepass")  # a report may hold half a character
