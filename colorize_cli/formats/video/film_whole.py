"""Whether a film's file has the length that its outermost parts say, before anything of it is decoded.

In:  a path
Out: how many bytes are missing

Source: ISO/IEC 14496-12 (boxes), RFC 8794 and Matroska's (EBML's Segment), Microsoft's RIFF, ISO/IEC 13818-1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from colorize_cli.errors import DecodeError

_UNKNOWN_SIZES = frozenset((1 << 7 * n) - 1 for n in range(1, 9))
_PACK, _END = b"\0\0\1\xba", b"\0\0\1\xb9"
_SYNC, _PACKET = b"G", 188  # bytes of an MPEG transport stream
_TAIL = 1 << 18
_SEGMENT = b"\x18\x53\x80\x67"


@dataclass(frozen=True)
class Length:
    """A file's length, bytes; what it should be, 0 where it does not say; whether the index of an ISO file is there."""

    has: int
    wants: int
    index: bool = True

    @property
    def missing(self) -> int:
        """Bytes that are missing at the end."""
        return max(0, self.wants - self.has)


def length_of(path: Path) -> Length:
    """Read the sizes that a film's outermost parts say.

    Raises:
        DecodeError: the file is empty, or cannot be read.
    """
    try:
        size = path.stat().st_size
        if not size:
            raise DecodeError("the file is empty", path=path)
        with path.open("rb") as file:
            head = file.read(64)
            if head[:4] == b"\x1aE\xdf\xa3":
                return Length(size, _matroska(file))
            if head[:4] == b"RIFF":
                return Length(size, _riff(file, size))
            if head[4:8].isalpha() and head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
                return _boxes(file, size)
            if head[:4] == _PACK:
                return Length(size, _packs(file, size))
            if head[:1] == _SYNC and (rest := size % _PACKET):
                file.seek(_PACKET)
                return Length(size, size + _PACKET - rest if file.read(1) == _SYNC else 0)
            return Length(size, 0)
    except (struct.error, IndexError):
        return Length(0, 0)
    except OSError as error:
        raise DecodeError(f"it cannot be read: {error.strerror or error}", path=path) from None


def _boxes(file: BinaryIO, size: int) -> Length:
    at, index = 0, False
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        index = index or kind == b"moov" and at + length <= size
        if length == 0:  # to the end of the file, wherever that is
            return Length(size, 0, index)
        if length < 8:
            return Length(size, 0, index)
        at += length
    return Length(size, at if at > size else 0, index)


def _riff(file: BinaryIO, size: int) -> int:
    at = 0
    while at + 12 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name not in (b"RIFF", b"JUNK"):
            return 0
        at += 8 + length + length % 2
    return at if at > size + 1 else 0  # a last odd byte is often left out


def _packs(file: BinaryIO, size: int) -> int:
    """Where the last packet of an MPEG program stream ends, if that is beyond the file."""
    start = max(0, size - _TAIL)
    file.seek(start)
    data = file.read()
    at = data.rfind(_PACK)
    while 0 <= at < len(data):
        if data[at:] == _END:
            return 0
        if len(data) - at < 14:
            return start + at + 14
        kind = data[at + 3]
        if data[at : at + 3] != _PACK[:3] or kind <= 0xB9:  # 0xB9 says that it ends
            return 0
        if kind == 0xBA:
            at += 14 + (data[at + 13] & 7) if data[at + 4] >> 6 == 1 else 12
        else:
            at += 6 + int.from_bytes(data[at + 4 : at + 6], "big")
    return start + at if at > len(data) else 0


def _matroska(file: BinaryIO) -> int:
    file.seek(4)
    header, used = _vint(file.read(8))
    at = 4 + used + header
    file.seek(at)
    if file.read(4) != _SEGMENT:
        return 0
    length, used = _vint(file.read(8))
    return 0 if length in _UNKNOWN_SIZES else at + 4 + used + length


def _vint(data: bytes) -> tuple[int, int]:
    """A number as EBML writes it, and how many bytes it takes."""
    used = 9 - data[0].bit_length()
    return int.from_bytes(data[:used], "big") & ((1 << 7 * used) - 1), used


def check_whole(path: Path, salvage: bool) -> str:
    """Refuse a film whose end is missing; with `salvage`, say how much of it is.

    Raises:
        DecodeError: it is truncated, and nobody wants what is left; or nothing can be made of that.
    """
    found = length_of(path)
    if found.wants and not found.index:
        raise DecodeError("the file is truncated, and with its end its index: no frame of it can be found", path=path)
    if not found.missing:
        return ""
    text = f"the file is truncated ({found.missing:,} of {found.wants:,} bytes missing)"
    if not salvage:
        raise DecodeError(text, path=path, hint="Use --salvage to keep what is there.")
    return text
