"""Read what a written file says of itself, fast: headers alone, no pixel is decoded, no file is read as a whole.

In:  a path
Out: its provenance note, its size and times, and whether it ends as its format ends
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from colorize_cli.formats.jp2.jp2_file import XMP_UUID
from colorize_cli.formats.jpeg.jpeg_file import XMP
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.sniff import sniff
from colorize_cli.formats.tiff.tiff_pictures import is_reduced
from colorize_cli.metadata.ifd import FileData, TagError, walk
from colorize_cli.metadata.provenance import NAMESPACE, Provenance, parse

_MARK = NAMESPACE.encode()
_HEAD = 16 << 10  # bytes read at once: a note stands here in nearly every result
_NEAR = 256 << 10  # from either end, where formats without places of their own keep text
_ENDLESS = frozenset({PhotoFormat.tiff, PhotoFormat.bmp, PhotoFormat.ppm})
_MOST_PARTS = 100_000
_MOST_TEXT = 64 << 20


@dataclass(frozen=True)
class ResultFile:
    """A file in a result's place.

    Attributes:
        format: what it is; None where it is no picture.
        note: what it says of how it was made, if it says anything.
        size: its bytes.
        mtime_ns: its modification time.
        ends: whether it ends as its format ends.
    """

    format: PhotoFormat | None
    note: Provenance | None
    size: int
    mtime_ns: int
    ends: bool

    @property
    def whole(self) -> bool:
        """Whether it has the size that it says it has, and its end."""
        return self.ends and self.note is not None and self.note.size in (None, self.size)

    @property
    def cut(self) -> bool:
        """Whether its end is missing; of formats without an end, whether it is shorter than it says."""
        said = self.note.size if self.note else None
        return not self.ends or said is not None and self.size < said and self.format in _ENDLESS


def read_provenance(path: Path) -> Provenance | None:
    """The note that a file carries; None where it has none, cannot be read, or is no picture."""
    found = read_result(path)
    return found.note if found else None


def read_result(path: Path) -> ResultFile | None:
    """What a file says of itself; None where it is no plain file or cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(number, "rb", buffering=0) as file:
            status = os.fstat(number)
            head = file.read(_HEAD)
            format = sniff(head[:64])
            if format is None:
                return ResultFile(None, None, status.st_size, status.st_mtime_ns, False)
            parts = _Parts(file, head, status.st_size)
            note, ends = _note(parts, format), _ends(parts, format)
            return ResultFile(format, note, status.st_size, status.st_mtime_ns, ends)
    except (OSError, MemoryError):
        return None


class _Parts:
    """Pieces of an open file; those near its start are there already."""

    def __init__(self, file: BinaryIO, head: bytes, size: int) -> None:
        self.file, self.head, self.size = file, head, size

    def at(self, start: int, count: int) -> bytes:
        """Some bytes; fewer where the file ends."""
        if start + count <= len(self.head):
            return self.head[start : start + count]
        self.file.seek(start)
        return self.file.read(min(count, _MOST_TEXT))


def _note(parts: _Parts, format: PhotoFormat) -> Provenance | None:
    try:
        if format is PhotoFormat.tiff:
            # A thumbnail may stand before the first page, which has the note.
            tag = next(ifd for ifd in walk(FileData(parts.file)) if not is_reduced(ifd)).find(700)
            return parse(tag.value) if tag else None
        if format is PhotoFormat.jpeg:
            return _in_jpeg(parts)
        if format is PhotoFormat.png:
            return _in_png(parts)
        if format is PhotoFormat.webp:
            return _in_webp(parts)
        if format is PhotoFormat.jp2:
            return _in_jp2(parts)
        return _anywhere(parts, format)
    except (ValueError, TagError, struct.error, IndexError, StopIteration):
        return None


def _in_jpeg(parts: _Parts) -> Provenance | None:
    at = 2
    for _ in range(_MOST_PARTS):
        lead = parts.at(at, 4)
        if len(lead) < 4 or lead[0] != 0xFF or lead[1] == 0xDA:
            return None
        if lead[1] == 0xFF:  # a fill byte
            at += 1
            continue
        length = struct.unpack(">H", lead[2:])[0]
        if lead[1] == 0xFE or lead[1] == 0xE1 and parts.at(at + 4, len(XMP)) == XMP:
            payload = parts.at(at + 4, length - 2)
            if (note := parse(payload.removeprefix(XMP))) is not None:
                return note
        at += 2 + length
    return None


def _in_png(parts: _Parts) -> Provenance | None:
    at = 8
    for _ in range(_MOST_PARTS):
        lead = parts.at(at, 8)
        if len(lead) < 8:
            return None
        length, kind = struct.unpack(">I4s", lead)
        if kind == b"iTXt" and (note := parse(parts.at(at + 8, length))) is not None:
            return note
        at += 12 + length
    return None


def _in_webp(parts: _Parts) -> Provenance | None:
    at = 12
    for _ in range(_MOST_PARTS):
        lead = parts.at(at, 8)
        if len(lead) < 8:
            return None
        kind, length = struct.unpack("<4sI", lead)
        if kind == b"XMP " and (note := parse(parts.at(at + 8, length))) is not None:
            return note
        at += 8 + length + length % 2
    return None


def _in_jp2(parts: _Parts) -> Provenance | None:
    for kind, start, length in _boxes(parts):
        if kind == b"uuid" and parts.at(start, 16) == XMP_UUID and (note := parse(parts.at(start + 16, length - 16))):
            return note
    return None


def _boxes(parts: _Parts) -> list[tuple[bytes, int, int]]:
    """The top boxes of an ISO file: kind, start and length of what is in them; of a cut file the last one is short."""
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


def _anywhere(parts: _Parts, format: PhotoFormat) -> Provenance | None:
    """A note in a format whose text has no place of its own: near the start, near the end, or between."""
    for start, count in ((0, _NEAR), (max(parts.size - _NEAR, 0), _NEAR), (0, min(parts.size, _MOST_TEXT))):
        data = parts.at(start, count)
        if (at := data.find(_MARK)) < 0:
            if format in (PhotoFormat.ppm, PhotoFormat.bmp) and start or parts.size <= _NEAR:
                return None
            continue
        begin = max(data.rfind(b"<?xpacket begin", 0, at), data.rfind(b"<x:xmpmeta", 0, at), at - 65536, 0)
        end = data.find(b"</rdf:RDF>", at)
        packet = data[begin : end if end >= 0 else at + 65536]
        note = parse(packet.replace(b"\n# ", b"\n") if format is PhotoFormat.ppm else packet)
        if note is not None:
            return note
    return None


def _ends(parts: _Parts, format: PhotoFormat) -> bool:
    """Whether a file ends as its format ends; of formats without an end, whether all is there that it speaks of."""
    try:
        if format is PhotoFormat.jpeg:
            return parts.at(parts.size - 2, 2) == b"\xff\xd9"
        if format is PhotoFormat.png:
            return parts.at(parts.size - 12, 12)[:8] == b"\0\0\0\0IEND"
        if format is PhotoFormat.gif:
            return parts.at(parts.size - 1, 1) == b";"
        if format is PhotoFormat.webp:
            length = struct.unpack("<I", parts.at(4, 4))[0]
            return parts.size >= 8 + int(length)
        if format is PhotoFormat.bmp:
            return parts.size >= int(struct.unpack("<I", parts.at(2, 4))[0])
        if format in (PhotoFormat.avif, PhotoFormat.heic) or format is PhotoFormat.jp2 and parts.at(4, 4) == b"jP  ":
            boxes = _boxes(parts)
            return bool(boxes) and boxes[-1][1] + boxes[-1][2] == parts.size
        if format is PhotoFormat.jp2:
            return parts.at(parts.size - 2, 2) == b"\xff\xd9"
    except (struct.error, ValueError, OSError):
        return False
    return parts.size > 64
