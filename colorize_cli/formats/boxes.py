"""The boxes of an ISO file (JPEG 2000, HEIF), found without reading what is in them.

In:  pieces of an open file
Out: kind, start and length of what is in each box
"""

from __future__ import annotations

import struct

from colorize_cli.formats.declared import FileParts

_MOST_PARTS = 100_000


def boxes(parts: FileParts) -> list[tuple[bytes, int, int]]:
    """The top boxes: kind, start and length of what is in them; of a cut file the last one is short."""
    at, found = 0, list[tuple[bytes, int, int]]()
    while at < parts.size and len(found) < _MOST_PARTS:
        lead = parts.at(at, 16)
        if len(lead) < 8:
            break
        length, kind = struct.unpack(">I4s", lead[:8])
        start = at + 8
        if length == 1 and len(lead) == 16:
            length, start = struct.unpack(">Q", lead[8:])[0], at + 16
        if length == 0:
            length = parts.size - at
        if length < start - at:
            break
        found.append((kind, start, at + length - start))
        at += length
    return found


def end_of(parts: FileParts) -> int:
    """Where the last box ends; 0 where there is none."""
    found = boxes(parts)
    return found[-1][1] + found[-1][2] if found else 0
