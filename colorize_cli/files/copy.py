"""Copy a file whole or not at all, byte for byte, with its times.

In:  a source and a destination
Out: the destination, equal to the source
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from colorize_cli.errors import DecodeError, EncodeError
from colorize_cli.files.atomic import write_whole
from colorize_cli.files.facts import FileFacts


def copy_whole(source: Path, destination: Path) -> None:
    """Copy bytes and times into a file beside the destination, then rename it.

    Raises:
        DecodeError: the source cannot be read.
        EncodeError: the copy cannot be written, or would land on its source.
    """
    try:
        if destination.exists() and destination.samefile(source):
            raise EncodeError("the copy would overwrite its source", path=source, hint="Give another --out")
        status = source.stat()
        facts = FileFacts(status.st_size, status.st_mtime_ns, status.st_atime_ns, status.st_mode)
    except OSError as error:
        raise DecodeError(f"cannot be read: {error.strerror}", path=source) from error
    write_whole(destination, _blocks(source), facts)


def _blocks(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def is_copy(source: Path, destination: Path) -> bool:
    """Whether the destination looks like a copy that `copy_whole` made: same size, same modification time."""
    try:
        a, b = source.stat(), destination.stat()
    except OSError:
        return False
    return a.st_size == b.st_size and abs(a.st_mtime - b.st_mtime) < 2  # FAT keeps times to two seconds
