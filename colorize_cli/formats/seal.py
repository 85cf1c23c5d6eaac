"""Write a result's own size into its provenance note, once the size is known.

In:  a whole file, open for reading and writing, whose note has a stand-in of twelve digits
Out: the same file, of the same length, with its size there; a PNG's checksum of that chunk is right again
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import BinaryIO

from colorize_cli.formats.png.png_file import SIGNATURE
from colorize_cli.metadata.provenance import NO_SIZE, SIZE_FIELD

_MARK = SIZE_FIELD + NO_SIZE
_WINDOW = 1 << 20


def seal(file: BinaryIO) -> None:
    """Fill in the size; a file without a stand-in stays as it is."""
    size = file.seek(0, os.SEEK_END)
    at = _find(file, size)
    if at is None:
        return
    file.seek(at + len(SIZE_FIELD))
    file.write(b"%012d" % size)
    file.seek(0)
    if file.read(len(SIGNATURE)) == SIGNATURE:
        _mend_checksum(file, at)
    file.seek(0, os.SEEK_END)


def _find(file: BinaryIO, size: int) -> int | None:
    """Where the stand-in is: near the start or the end in all that is written here, but anywhere will do."""
    overlap = len(_MARK) - 1
    starts = [0, max(size - _WINDOW, 0), *range(_WINDOW - overlap, size, _WINDOW - overlap)]
    for start in starts:
        file.seek(start)
        window = file.read(_WINDOW)
        at = window.find(_MARK)
        if at >= 0:
            return int(start + at)
    return None


def _mend_checksum(file: BinaryIO, inside: int) -> None:
    """Count the checksum of the chunk anew that has a place in its payload."""
    at = len(SIGNATURE)
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        (length,) = struct.unpack_from(">I", head)
        if at + 8 <= inside < at + 8 + length:
            checksum = zlib.crc32(file.read(length), zlib.crc32(head[4:]))
            file.write(struct.pack(">I", checksum))
            return
        at += 12 + length
