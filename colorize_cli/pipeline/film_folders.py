"""Where a film's segments lie until they are joined: beside its result, or on this machine where that is in a store.

In:  where a result goes, and the store that it is sent to
Out: a folder that a later run finds again
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colorize_cli.errors import EncodeError
from colorize_cli.files.locks import ResultLocks
from colorize_cli.models.store import default_store

_KEPT = 30 * 86400  # seconds for which nobody went on with a film before its segments go
_FILMS = "films"  # within the folder of what is kept for later runs


def beside(out: Path) -> Path:
    """The folder of the segments of a result on this machine."""
    return out.with_name(f".colorize-{_digits(out.name)}.segments")


@contextmanager
def folder_for(url: str) -> Iterator[Path]:
    """A folder for the segments of a result in a store; it stays where the film is not finished, or cannot be sent.

    While another run has it, which does the same film, it is a temporary one.

    Args:
        url: of the result.

    Raises:
        EncodeError: there is no place for it.
    """
    top = default_store().root / _FILMS
    locks, name = ResultLocks(top), f"{_digits(url)}.segments"
    try:
        top.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        text = f"its segments cannot be kept in {top}: {error.strerror or error}"
        raise EncodeError(text, hint="Set COLORIZE_CACHE to a folder that can be written.") from None
    try:
        if not locks.take(name):
            with tempfile.TemporaryDirectory(prefix="colorize-", ignore_cleanup_errors=True) as other:
                yield Path(other, name)
            return
        _sweep(top, locks)
        yield top / name
    finally:
        locks.close()


def _sweep(top: Path, locks: ResultLocks) -> None:
    """Remove the segments of films that nobody went on with."""
    with contextlib.suppress(OSError), os.scandir(top) as entries:
        for entry in entries:
            is_old = entry.name.endswith(".segments") and time.time() - entry.stat().st_mtime > _KEPT
            if is_old and locks.take(entry.name):
                shutil.rmtree(entry.path, ignore_errors=True)
                locks.release(entry.name)


def _digits(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
