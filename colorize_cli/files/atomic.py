"""Write a file whole or not at all.

In:  a path, the bytes in pieces, the source's times and permissions
Out: the file under its name, or nothing; an older file of that name stays until the new one is on the disk
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from colorize_cli.errors import EncodeError, printable
from colorize_cli.files.facts import FileFacts
from colorize_cli.files.leftovers import part_of
from colorize_cli.files.permits import current

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "no permission to write there",
    errno.EPERM: "no permission to write there",
    errno.ENAMETOOLONG: "the name is too long for the file system",
    errno.EISDIR: "a folder of that name is in the way",
    errno.ENOTDIR: "a file is in the way of the folder",
    errno.ENOENT: "the folder is gone",
    errno.EFBIG: "the file is too large for the file system",
}


def reason_of(error: OSError) -> str:
    """Why a file could not be written, in words."""
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


@dataclass(frozen=True)
class Patch:
    """Bytes that go over earlier ones: what a file's start says of its end.

    Attributes:
        at: offset from the file's start; what is there was written before.
        data: the bytes.
    """

    at: int
    data: bytes


def joined(pieces: Iterable[bytes | memoryview | Patch]) -> bytes:
    """The bytes of the file that the pieces make."""
    out = bytearray()
    for piece in pieces:
        if isinstance(piece, Patch):
            out[piece.at : piece.at + len(piece.data)] = piece.data
        else:
            out += piece
    return bytes(out)


def write_whole(
    path: Path,
    pieces: Iterable[bytes | memoryview | Patch],
    facts: FileFacts,
    finish: Callable[[BinaryIO], None] | None = None,
) -> int:
    """Write a file beside its place, force it to the disk, then rename it.

    Args:
        path: the name it gets.
        pieces: its bytes, from the first to the last, and patches of what was written before.
        facts: the source's; the file gets its times, and its permissions with the owner's right to write.
        finish: changes bytes of the file once it has all of them; it can be read, too.

    Returns:
        How many bytes were written.

    Raises:
        EncodeError: it could not be written; nothing is left behind, and an older file of that name is as it was.
    """

    def fill(file: BinaryIO) -> None:
        put(file, pieces)
        if finish is not None:
            finish(file)

    return write_whole_by(path, fill, facts)


def put(file: BinaryIO, pieces: Iterable[bytes | memoryview | Patch]) -> None:
    """Append pieces to a file, and lay patches over what it has; the file's place is its end then."""
    for piece in pieces:
        if isinstance(piece, Patch):
            file.seek(piece.at)
            file.write(piece.data)
            file.seek(0, os.SEEK_END)
        else:
            file.write(piece)


def write_whole_by(path: Path, fill: Callable[[BinaryIO], None], facts: FileFacts) -> int:
    """`write_whole` for a file that is not written from start to end: `fill` is given it, open for both."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        with replacing(path, synced=True) as part:
            number = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            with open(number, "w+b") as file:
                with current().held():  # it may have been taken away before there was a file to remove
                    pass
                fill(file)
                size = file.seek(0, os.SEEK_END)
            if os.name == "posix":
                os.chmod(part, facts.mode & 0o666 | 0o600)
            os.utime(part, ns=(facts.atime_ns, facts.mtime_ns))
    except OSError as error:
        raise not_written(path, error) from None
    return size


def not_written(path: Path, error: OSError) -> EncodeError:
    """What is said of a file that could not be written."""
    reason = reason_of(error)
    return EncodeError(f"cannot write {printable(path)}: {reason}", path=path)


def write_text(path: Path, text: str) -> None:
    """Write a text, UTF-8, whole or not at all.

    Raises:
        OSError: it could not be written; an older file of that name is as it was.
    """
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextlib.contextmanager
def replacing(path: Path, synced: bool = False) -> Iterator[Path]:
    """A file beside `path` that takes its name when the block ends well, and is gone when it does not.

    Args:
        path: the name it is to get; an older file of that name stays until then.
        synced: the file and its name are forced to the disk.

    Yields:
        Where to write; nothing is there yet.

    Raises:
        OSError: it cannot get its name. Whatever is raised, an interrupt included, nothing is left behind.
    """
    part, permit = part_of(path), current()
    with permit.writing(part):
        try:
            yield part
            if synced:
                _sync(part, os.O_RDWR | getattr(os, "O_BINARY", 0))
            with permit.held():
                os.replace(part, path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    if synced:
        with contextlib.suppress(OSError):  # the name must survive a power cut; some systems give no folders to open
            _sync(path.parent, os.O_RDONLY)


@contextlib.contextmanager
def on_trial(path: Path, wanted: bool) -> Iterator[Path]:
    """`replacing` for what is written there by `write_whole`, and proved before it gets its name.

    Args:
        path: the name it is to get.
        wanted: else the place is `path` itself.

    Raises:
        EncodeError: it cannot get its name.
    """
    if not wanted:
        yield path
        return
    try:
        with replacing(path) as place:
            yield place
    except OSError as error:
        raise not_written(path, error) from None


def _sync(path: Path, flags: int) -> None:
    number = os.open(path, flags)
    try:
        os.fsync(number)
    finally:
        os.close(number)
