"""A large file on the disk: its times, its first bytes, and whether it is still the same.

In:  a path
Out: `FileFacts`; parts of the file
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from colorize_cli.errors import DecodeError


@dataclass(frozen=True)
class FileFacts:
    """The file system's facts about the source, to be given to the output."""

    size: int = 0
    mtime_ns: int = 0
    atime_ns: int = 0
    mode: int = 0o644


def facts_of(path: Path) -> tuple[FileFacts, bytes]:
    """The times of a plain file, and its first 64 bytes.

    Raises:
        DecodeError: it is no plain file, or cannot be read.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise DecodeError("it is no plain file", path=path)
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(number, "rb") as file:
            found = os.fstat(number)
            head = file.read(64)
    except FileNotFoundError:
        raise DecodeError("the file is gone", path=path) from None
    except OSError as error:
        raise DecodeError(f"it cannot be read: {error.strerror or error}", path=path) from None
    return FileFacts(found.st_size, found.st_mtime_ns, found.st_atime_ns, stat.S_IMODE(found.st_mode)), head


def unchanged(path: Path, facts: FileFacts) -> None:
    """Refuse a file that is no longer what it was.

    Raises:
        DecodeError: it changed, or is gone.
    """
    now, _ = facts_of(path)
    if (now.size, now.mtime_ns) != (facts.size, facts.mtime_ns):
        raise DecodeError("the file changed while it was read; try again", path=path)
