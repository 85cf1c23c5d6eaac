"""The boxes of JPEG XL files.

In:  the bytes of a JPEG XL, naked or in its container; or a codestream and what goes around it
Out: its codestream, its boxes; a container

Source: ISO/IEC 18181-2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.metadata.ifd import Data

SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
NAKED = b"\xff\x0a"
_FTYP = b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
# Boxes of the picture's code, of its structure and of an index of its frames; padding.
CODING = frozenset({b"JXL ", b"ftyp", b"jxll", b"jxlc", b"jxlp", b"jxli", b"jbrd", b"free", b"skip"})
HEADER = 602  # bytes that hold any header with a dozen channels


class JxlError(ValueError):
    """The structure is damaged beyond reading."""


def start_of(data: Data) -> bytes:
    """The first bytes of a file's codestream, as many as its header can take.

    Raises:
        JxlError: there is none.
    """
    if data[:2] == NAKED:
        return data[:HEADER]
    for box in jp2_file.boxes(data):
        if box.kind in (b"jxlc", b"jxlp"):
            at = box.content + (0 if box.kind == b"jxlc" else 4)
            if data[at : at + 2] == NAKED:
                return data[at : at + HEADER]
    raise JxlError("it ends before its picture starts")


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of a container: type and payload; the last may be cut short."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1 and at + 16 <= len(data):
            size, start = struct.unpack_from(">Q", data, start)[0], at + 16
        end = len(data) if size == 0 else at + size
        if end < start:
            raise JxlError("a box of it makes no sense")
        yield kind, data[start:end]
        at = end


def is_complete(data: bytes) -> bool:
    """Whether the last box of a container ends where the file does, and the codestream has all its parts."""
    if data.startswith(NAKED):
        return True  # the decoder knows
    at, last, seen = 0, False, False
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= len(data):
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        if size == 0:
            size = len(data) - at
        if size < head:
            return False
        if kind == b"jxlc":
            seen = last = True
        elif kind == b"jxlp" and at + head + 4 <= len(data):
            seen, last = True, bool(data[at + head] & 0x80)
        at += size
    return at == len(data) and seen and last


def naked(data: bytes) -> bytes:
    """The codestream of a file, without its container.

    Raises:
        JxlError: there is none.
    """
    if data.startswith(NAKED):
        return data
    parts = [(kind, part) for kind, part in boxes(data) if kind in (b"jxlc", b"jxlp")]
    if not parts:
        raise JxlError("it ends before its picture starts")
    return b"".join(part if kind == b"jxlc" else part[4:] for kind, part in parts)


def container(coded: bytes, exif: bytes | None, xmp: bytes | None, deep: bool) -> bytes:
    """A file from a naked codestream; EXIF and XMP stand before it, where readers find them at once.

    Args:
        coded: the codestream.
        exif: from its TIFF header on.
        xmp: the packet.
        deep: samples have more than 12 bits, which only level 10 of the format holds.
    """
    parts = [SIGNATURE, _FTYP, *([box_of(b"jxll", b"\x0a")] if deep else [])]
    if exif:
        parts.append(box_of(b"Exif", bytes(4) + exif))
    if xmp:
        parts.append(box_of(b"xml ", xmp))
    return b"".join((*parts, box_of(b"jxlc", coded)))


def box_of(kind: bytes, payload: bytes) -> bytes:
    """A whole box."""
    if len(payload) + 8 < 1 << 32:
        return struct.pack(">I4s", len(payload) + 8, kind) + payload
    return struct.pack(">I4sQ", 1, kind, len(payload) + 16) + payload
