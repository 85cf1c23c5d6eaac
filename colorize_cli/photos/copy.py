"""Copy a file whole or not at all, byte for byte, with its times.

In:  a source and a destination
Out: the destination, equal to the source
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from colorize_cli.errors import EncodeError


def copy_whole(source: Path, destination: Path) -> None:
    """Copy bytes and times into a file beside the destination, then rename it.

    Raises:
        EncodeError: it cannot be written, or would land on its source.
    """
    part: str | None = None
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        if destination.exists() and destination.samefile(source):
            raise EncodeError("the copy would overwrite its source", path=source, hint="Give another --out")
        handle, part = tempfile.mkstemp(prefix=".colorize-", suffix=".part", dir=destination.parent)
        with os.fdopen(handle, "wb") as target, source.open("rb") as file:
            shutil.copyfileobj(file, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        shutil.copystat(source, part)
        os.replace(part, destination)
        part = None
    except OSError as error:
        reason = error.strerror or str(error)
        raise EncodeError(f"cannot copy it to {destination.parent}: {reason}", path=source) from error
    finally:
        if part is not None:
            with contextlib.suppress(OSError):
                os.unlink(part)


def is_copy(source: Path, destination: Path) -> bool:
    """Whether the destination looks like a copy that `copy_whole` made: same size, same modification time."""
    try:
        a, b = source.stat(), destination.stat()
    except OSError:
        return False
    return a.st_size == b.st_size and abs(a.st_mtime - b.st_mtime) < 2  # FAT keeps times to two seconds
