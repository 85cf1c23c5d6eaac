"""Write the tag structure of TIFF files and EXIF blocks.

In:  tags with raw values in one byte order
Out: bytes of a directory with its values and its sub-directories; offsets count from the file's start
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from colorize_cli.metadata.ifd import Tag


def directory(order: str, tags: Sequence[Tag], offset: int, big: bool = False) -> tuple[bytearray, int]:
    """Lay out a directory that starts at `offset`.

    Args:
        order: "<" or ">".
        tags: the entries; one with a child is written with its sub-directory, in any sequence.
        offset: where in the file it will stand.
        big: BigTIFF.

    Returns:
        Its bytes, of even length, and where in them the offset of the next directory stands (written as 0).
    """
    tags = sorted(tags, key=lambda tag: tag.code)
    entry, head, room = (20, 8, 8) if big else (12, 2, 4)
    count, pointer = ("Q", "Q") if big else ("H", "I")
    next_at = head + entry * len(tags)
    out = bytearray(struct.pack(f"{order}{count}", len(tags)) + bytes(entry * len(tags) + room))
    for i, tag in enumerate(tags):
        at = head + entry * i
        value, kind, number = tag.value, tag.type, tag.count
        if tag.child is not None:
            out += bytes(len(out) & 1)
            kind, number = (13, 1) if kind == 13 else (16 if big else 4, 1)
            where = offset + len(out)
            child, _ = directory(order, tag.child.tags, where, big)
            out += child
            value = struct.pack(f"{order}{'I' if kind == 13 else pointer}", where)
        struct.pack_into(f"{order}HH{pointer}", out, at, tag.code, kind, number)
        if len(value) <= room:
            out[at + entry - room : at + entry - room + len(value)] = value
        else:
            out += bytes(len(out) & 1)
            struct.pack_into(f"{order}{pointer}", out, at + entry - room, offset + len(out))
            out += value
    out += bytes(len(out) & 1)
    return out, next_at


def header(order: str, first: int, big: bool = False) -> bytes:
    """A TIFF header that points to the first directory."""
    mark = b"II" if order == "<" else b"MM"
    return mark + (struct.pack(f"{order}HHHQ", 43, 8, 0, first) if big else struct.pack(f"{order}HI", 42, first))


def exif_block(order: str, tags: Sequence[Tag]) -> bytes:
    """An EXIF block from its TIFF header on."""
    return header(order, 8) + bytes(directory(order, tags, 8)[0])
