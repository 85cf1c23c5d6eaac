"""What the file system says of a file, whether it is still the same, and the hash of its bytes.

In:  a path
Out: `FileFacts`; the first bytes; a SHA-256
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from colorize_cli.errors import DecodeError, EncodeError, printable
from colorize_cli.files.small_files import kind_of, open_at_once

_COARSE = (100, 1_000, 1_000_000, 1_000_000_000, 2_000_000_000)  # nanoseconds that file systems count in
_CHANGED = "the file changed while it was read; try again"


@dataclass(frozen=True)
class FileFacts:
    """The file system's facts about the source, to be given to the output.

    Attributes:
        size: bytes.
        mtime_ns, atime_ns: times, nanoseconds.
        mode: permissions.
        inode: which file it is; 0 where nobody asked.
    """

    size: int = 0
    mtime_ns: int = 0
    atime_ns: int = 0
    mode: int = 0o644
    inode: int = 0

    @classmethod
    def of(cls, status: os.stat_result) -> FileFacts:
        """What `os.stat` says."""
        return cls(status.st_size, status.st_mtime_ns, status.st_atime_ns, stat.S_IMODE(status.st_mode), status.st_ino)


def gone(path: Path) -> DecodeError:
    """What is said of a file that is not there."""
    said = "it is a link to a file that is not there" if os.path.islink(path) else "the file is gone"
    return DecodeError(said, path=path)


def open_plain(path: Path) -> int:
    """A descriptor of a plain file, for reading; a pipe or a device is refused, and never waited for.

    Raises:
        DecodeError: it is no plain file, or gone.
    """
    try:
        mode = os.stat(path).st_mode  # before it is opened: a device may do something then
        if stat.S_ISREG(mode):
            number = open_at_once(path)
            mode = os.fstat(number).st_mode
            if stat.S_ISREG(mode):
                return number
            os.close(number)
    except FileNotFoundError:
        raise gone(path) from None
    except OSError as error:
        raise DecodeError(f"it cannot be read: {error.strerror or error}", path=path) from None
    except ValueError as error:  # a null byte in its name
        raise DecodeError(str(error), path=path) from None
    raise DecodeError(f"it is {kind_of(mode)}, not a file", path=path)


def facts_of(path: Path) -> tuple[FileFacts, bytes]:
    """The facts of a plain file, and its first 64 bytes.

    Raises:
        DecodeError: it is no plain file, or cannot be read.
    """
    number = open_plain(path)
    try:
        with open(number, "rb") as file:
            return FileFacts.of(os.fstat(number)), file.read(64)
    except OSError as error:
        raise DecodeError(f"it cannot be read: {error.strerror or error}", path=path) from None


def unchanged(path: Path, facts: FileFacts) -> None:
    """Refuse a file that is no longer what it was.

    Raises:
        DecodeError: it changed, or another took its place, or it is gone.
    """
    now, _ = facts_of(path)
    if not same(now, facts):
        raise DecodeError(_CHANGED, path=path)


def same(now: FileFacts, facts: FileFacts) -> bool:
    """Whether facts are of one file that nobody wrote to between them."""
    return (now.size, now.mtime_ns) == (facts.size, facts.mtime_ns) and facts.inode in (0, now.inode)


def sha256_of(path: Path, facts: FileFacts | None = None) -> str:
    """The SHA-256 of a file's bytes.

    Args:
        path: the file.
        facts: what it was when it was read; None where it was not.

    Raises:
        DecodeError: it is not what it was, changes meanwhile, or cannot be read.
    """
    number, digest = open_plain(path), hashlib.sha256()
    try:
        with open(number, "rb", buffering=0) as file:
            before = FileFacts.of(os.fstat(number))
            while block := file.read(1 << 20):
                digest.update(block)
            after = FileFacts.of(os.fstat(number))
    except OSError as error:
        raise DecodeError(f"it cannot be read: {error.strerror or error}", path=path) from None
    if not same(after, before) or facts is not None and not same(after, facts):
        raise DecodeError(_CHANGED, path=path)
    return digest.hexdigest()


def same_time(one: int, other: int) -> bool:
    """Whether two modification times, in nanoseconds, are one: some file systems keep them coarsely."""
    low, high = min(one, other), max(one, other)
    return low == high or any(high // step * step == low for step in _COARSE)


def stands(result: Path, source: Path) -> bool:
    """Whether something is in the place of a photo's result.

    Raises:
        EncodeError: nobody can tell, since the folder of the result cannot be read.
    """
    try:
        return result.exists()
    except OSError as error:
        said = f"the folder of its result, {printable(result.parent)}, cannot be read: {error.strerror or error}"
        raise EncodeError(said, path=source) from None
