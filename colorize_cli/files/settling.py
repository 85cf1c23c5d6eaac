"""Which files of a folder are new and complete: their size and time have not changed for a while.

In:  the photos that lie in a folder, as they are now; the time
Out: those that are complete and were not given before as they are now
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from colorize_cli.files.compact_index import CompactIndex
from colorize_cli.files.source_list import Source

_Mark = tuple[int, int, int]  # size, modification time and inode


class Settling:
    """What is known of the files of a folder.

    A file that is written with pauses longer than `seconds` is given too early; it is given again once it has changed.

    Args:
        seconds: how long a file's size and time must not have changed.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._done = CompactIndex()  # of paths with their marks: a few bytes each
        self._waiting: dict[Path, tuple[_Mark, float]] = {}

    def __len__(self) -> int:
        """How many files wait to be complete."""
        return len(self._waiting)

    def see(self, sources: Iterable[Source], now: float) -> int:
        """Look at all photos of the folder; those that are gone are forgotten. Returns how many there are."""
        waiting, count = dict[Path, tuple[_Mark, float]](), 0
        for source in sources:
            count += 1
            mark = _mark(source.path, source.fault)
            if mark is not None and not self._is_done(source.path, mark):
                waiting[source.path] = self._since(source.path, mark, now)
        self._waiting = waiting
        return count

    def ready(self, now: float) -> list[Path]:
        """The files that are complete; each is given once, and again when it has changed."""
        found = list[Path]()
        for path, (mark, since) in list(self._waiting.items()):
            current = _mark(path, "" if mark[2] >= 0 else "a fault")
            if current is None:  # deleted or renamed
                del self._waiting[path]
            elif current != mark:
                self._waiting[path] = current, now
            elif now - since >= self.seconds:
                found.append(path)
                del self._waiting[path]
                self._done.add(hash((str(path), mark)), 0)
        return found

    def _since(self, path: Path, mark: _Mark, now: float) -> tuple[_Mark, float]:
        known = self._waiting.get(path)
        return known if known is not None and known[0] == mark else (mark, now)

    def _is_done(self, path: Path, mark: _Mark) -> bool:
        return any(True for _ in self._done.find(hash((str(path), mark))))


def _mark(path: Path, fault: str) -> _Mark | None:
    """What a file is now; None where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0, -1) if fault else None
    return (0, 0, -1) if fault else (status.st_size, status.st_mtime_ns, status.st_ino)
