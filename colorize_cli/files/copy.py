"""Copy a file whole or not at all, byte for byte, with its times.

In:  a source and a destination
Out: the destination, equal to the source
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from colorize_cli.errors import DecodeError, EncodeError, PhotoError
from colorize_cli.files.atomic import write_whole
from colorize_cli.files.facts import FileFacts, facts_of, open_plain, same, same_time, sha256_of


def copy_whole(source: Path, destination: Path, facts: FileFacts | None = None) -> None:
    """Copy bytes and times into a file beside the destination, then rename it.

    Args:
        source: the file.
        destination: where to; its folder exists.
        facts: what the source was when it was looked at; None: what it is now.

    Raises:
        DecodeError: the source cannot be read, or changed.
        EncodeError: the copy cannot be written, or would land on its source.
    """
    facts = facts or facts_of(source)[0]
    try:
        if destination.exists() and destination.samefile(source):
            raise EncodeError("the copy would overwrite its source", path=source, hint="Give another --out")
    except OSError as error:
        raise DecodeError(f"it cannot be read: {error.strerror or error}", path=source) from None
    write_whole(destination, blocks_of(source, facts), facts)


def blocks_of(source: Path, facts: FileFacts) -> Iterator[bytes]:
    """A file's bytes, a megabyte at a time.

    Args:
        source: the file.
        facts: what it was when it was looked at.

    Raises:
        DecodeError: it cannot be read, or changed meanwhile.
    """
    number = open_plain(source)
    with open(number, "rb", buffering=0) as file:
        while True:
            try:
                block = file.read(1 << 20)
            except OSError as error:
                raise DecodeError(f"it cannot be read: {error.strerror or error}", path=source) from None
            if not block:
                break
            yield block
        if not same(FileFacts.of(os.fstat(number)), facts):
            raise DecodeError("the file changed while it was read; try again", path=source)


def is_copy(source: Path, destination: Path) -> bool:
    """Whether the destination is a copy of the source: of its size and time; or, of another time, of its bytes."""
    try:
        a, b = source.stat(), destination.stat()
        if a.st_size != b.st_size or os.path.samestat(a, b):
            return False
        return same_time(a.st_mtime_ns, b.st_mtime_ns) or sha256_of(source) == sha256_of(destination)
    except (OSError, PhotoError):
        return False
