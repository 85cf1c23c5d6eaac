"""One large file at a time: how far it is, and how it is stopped.

In:  rows that are done
Out: `FileProgress`; `Stopped` where the user interrupted the batch
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from colorize_cli.formats.blocks import BlockReader


@dataclass(frozen=True)
class FileProgress:
    """How far one large file is: `done` of `total` rows, or frames, in a stage ("reading", "coloring", "verifying")."""

    source: Path
    stage: str
    done: int
    total: int
    unit: str = "rows"


class Stopped(Exception):
    """The user interrupted the batch; the file that was being written is dropped."""


class LargeFileLock:
    """Lets one large file at a time through, says how far it is, and stops it when told.

    Args:
        on_part: told how far the file is, from any thread.
    """

    def __init__(self, on_part: Callable[[FileProgress], None] = lambda _: None) -> None:
        self.on_part, self._lock, self._stop = on_part, threading.Lock(), threading.Event()

    def stop(self) -> None:
        """End the file that is under way at its next strip."""
        self._stop.set()

    @contextmanager
    def hold(self, source: Path, stage: str, total: int, unit: str = "rows") -> Iterator[Callable[[int], None]]:
        """Take the lock for one stage of a file; what it gives is told how many more rows are done.

        Raises:
            Stopped: `stop` was called.
        """
        done = 0

        def more(rows: int) -> None:
            nonlocal done
            if self._stop.is_set():
                raise Stopped
            done += rows
            self.on_part(FileProgress(source, stage, done, total, unit))

        with self._lock:
            _trim_memory()
            more(0)
            yield more
            _trim_memory()

    @contextmanager
    def hold_for(self, reader: BlockReader, stage: str) -> Iterator[Callable[[int], None]]:
        """`hold` for a photo that is colored in strips; nothing for others, of which many are under way at once."""
        if not reader.in_strips:
            yield lambda _: None
            return
        with self.hold(reader.photo.path, stage, reader.total_rows) as on_rows:
            yield on_rows


def _trim_memory() -> None:
    """Return memory that was freed to the system: glibc keeps it, a network's loading leaves a good deal."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
