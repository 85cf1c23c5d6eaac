"""The chunks of a WebP.

In:  the bytes of a WebP
Out: its canvas, its end, and whether it is lossless

Source: RFC 9649.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from colorize_cli.formats.decoded import MOST_PARTS
from colorize_cli.metadata.ifd import Data

_NAMES = {b"XMP\0": b"XMP "}  # ImageMagick 6 calls it so, and reads it again


def chunks(data: Data) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of the container, those of the first frame of an animation among them.

    Raises:
        ValueError: there are more than any photo has.
    """
    at, seen = 12, 0
    while at + 8 <= len(data):
        kind, size = kind_and_size(data, at)
        seen += kind not in (b"ANMF", b"ALPH", b"VP8 ", b"VP8L")
        if seen > MOST_PARTS:
            raise ValueError(f"it has more than {MOST_PARTS:,} chunks beside its picture, more than any photo has")
        if kind == b"ANMF":
            at += 24  # into the frame
            continue
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)


def kind_and_size(data: Data, at: int) -> tuple[bytes, int]:
    """What the chunk at a place is, by the standard's name, and the bytes that it holds."""
    kind, size = struct.unpack("<4sI", data[at : at + 8])
    return _NAMES.get(kind, kind), size


def declared_end(data: bytes) -> int:
    """Where the container says that it ends."""
    return 8 + int(struct.unpack_from("<I", data, 4)[0])


def declared_size(data: bytes) -> tuple[int, int, bool]:
    """Width and height of the canvas, and whether it has alpha; of a simple file those of its only picture.

    Raises:
        struct.error: the header is cut short.
    """
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        if len(data) < 30:
            raise struct.error("its header is cut short")
        return width, height, bool(data[20] & 0x10)
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF, False


def is_lossless(data: bytes) -> bool:
    """Whether the picture is coded without loss."""
    return any(kind == b"VP8L" for kind, _ in chunks(data))
