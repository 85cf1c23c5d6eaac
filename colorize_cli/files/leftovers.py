"""Temporary files: how they are named, and how those of a killed process are found and removed.

In:  a folder that results go to
Out: names that no other process uses; a folder without files that a dead process left half-written
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import zlib
from pathlib import Path

_PART = re.compile(r"^\.(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.part$")


def _host() -> str:
    """Eight digits for this machine: a process number means nothing on another one that shares the folder."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def part_of(path: Path) -> Path:
    """A temporary file beside `path`, short, so that a name at the file system's limit still has room for it."""
    return path.with_name(f".{own_mark()}-{secrets.token_hex(4)}.part")


def own_mark() -> str:
    """What stands for this process, of this machine, in names of files."""
    return f"{_host()}-{os.getpid()}"


def is_left(mark: str) -> bool:
    """Whether a mark is of a process of this machine that is no more."""
    host, _, pid = mark.partition("-")
    return host == _host() and pid.isdecimal() and not _alive(int(pid))


def sweep(folder: Path) -> int:
    """Remove the temporary files in a folder that processes of this machine left when they died; returns how many."""
    removed = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _PART.match(entry.name)
            if match and match["host"] == _host() and not _alive(int(match["pid"])):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
                    removed += 1
    return removed


def _alive(pid: int) -> bool:
    if pid == os.getpid() or os.name != "posix":  # elsewhere a signal 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
