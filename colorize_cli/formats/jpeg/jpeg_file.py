"""The marker structure of JPEG files: take it apart, put it together.

In:  the bytes of a JPEG
Out: its segments, its frame, where it ends; a new file from coded pixels and segments

Source: ITU-T T.81; JFIF 1.02; XMP Specification Part 3 for ExtendedXMP; ICC.1 annex B.4.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from colorize_cli.formats.decoded import MOST_PARTS
from colorize_cli.formats.photo import JpegTraits

APP0, APP1, APP2, APP13, APP14, COM = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE
EXIF = b"Exif\0\0"
TIFF_HEADERS = (b"II*\0", b"MM\0*")
XMP = b"http://ns.adobe.com/xap/1.0/\0"
XMP_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
ICC = b"ICC_PROFILE\0"
PHOTOSHOP = b"Photoshop 3.0\0"
MPF = b"MPF\0"
MAX_PAYLOAD = 65533
_PIECE, _MOST_MARKERS = 1 << 22, 1_000_000
_MOST_SCANS = 1000  # encoders write up to some dozens
_TORN = re.compile(rb"\xff[\x01-\xbf]")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # the last of the 0xFF that may fill the space before it
_SAMPLINGS = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440", (4, 1): "411"}
# fmt: off
_ZIGZAG = (
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14,
    21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60,
    61, 54, 47, 55, 62, 63,
)
# ITU-T T.81 annex K.1, natural order.
LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)
CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66,
    *(99,) * 38,
)
# fmt: on


class JpegError(ValueError):
    """The structure is damaged beyond reading."""


@dataclass(frozen=True)
class Frame:
    """What the start-of-frame segment declares; components are (id, h, v, table)."""

    marker: int
    precision: int
    height: int
    width: int
    components: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True)
class JpegFile:
    """A JPEG taken apart.

    Attributes:
        segments: (marker, payload) before the first scan, in order; no frames and tables.
        frame: what it declares.
        tables: quantization tables by number, natural order.
        end: offset after the end-of-image marker, or the file's length where there is none.
        complete: it has an end-of-image marker.
        torn: there are bytes in a scan that no encoder writes, so part of the picture is damaged.
        scan: where the first scan's data start.
    """

    segments: tuple[tuple[int, bytes], ...]
    frame: Frame
    tables: dict[int, tuple[int, ...]]
    end: int
    complete: bool
    torn: bool = False
    scan: int = 0

    def payloads(self, marker: int, prefix: bytes) -> list[bytes]:
        """What follows the prefix in all segments of that kind."""
        return [data[len(prefix) :] for kind, data in self.segments if kind == marker and data.startswith(prefix)]

    @property
    def adobe_transform(self) -> int | None:
        """The color transform that Adobe's segment names: 0 none, 1 YCbCr, 2 YCCK; None without one."""
        found = self.payloads(APP14, b"Adobe")
        return found[0][6] if found and len(found[0]) >= 7 else None

    def traits(self) -> JpegTraits | None:
        """How it was compressed; None where a table is missing."""
        order = [table for _, _, _, table in self.frame.components[:2]]
        tables = tuple(self.tables[number] for number in dict.fromkeys(order) if number in self.tables)
        if not tables:
            return None
        luma = quality_of(tables[0], LUMA)
        exact = scaled(LUMA, luma) == tables[0]
        if len(tables) > 1:
            exact = exact and scaled(CHROMA, luma) == tables[1]
        sampling = None
        if len(self.frame.components) >= 3:
            (_, h, v, _), (_, ch, cv, _) = self.frame.components[:2]
            sampling = _SAMPLINGS.get((h // max(ch, 1), v // max(cv, 1)), "444")
        return JpegTraits(tables, luma, exact, sampling, self.frame.marker in (0xC2, 0xC6, 0xCA, 0xCE))


def scaled(table: tuple[int, ...], quality: int) -> tuple[int, ...]:
    """An annex K table at a quality of the Independent JPEG Group's scale, 1 to 100."""
    factor = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(min(max((value * factor + 50) // 100, 1), 255) for value in table)


@lru_cache(maxsize=64)  # the photos of a folder, and the strips of a large one, share a few tables
def quality_of(table: tuple[int, ...], standard: tuple[int, ...]) -> int:
    """The quality whose scaled standard table is nearest, 1 to 100; the highest of equals."""
    return min(
        range(100, 0, -1), key=lambda q: sum(abs(a - b) for a, b in zip(scaled(standard, q), table, strict=True))
    )


def parse(data: bytes, headers_only: bool = False) -> JpegFile:
    """Take a JPEG apart; with `headers_only` the search stops at the first scan.

    Raises:
        JpegError: there is no start of image, or no frame before the first scan.
    """
    if data[:2] != b"\xff\xd8":
        raise JpegError("no start of image")
    at, segments, tables, frame = 2, list[tuple[int, bytes]](), dict[int, tuple[int, ...]](), None
    scan, scans, torn, before = 0, 0, False, 0
    positions: list[int] | None = None
    while (found := _next_marker(data, at, positions)) is not None:
        marker, at = found
        before += not scan
        if before > MOST_PARTS:
            raise JpegError(f"it has more than {MOST_PARTS:,} segments before its picture, more than any photo has")
        if marker < 0xC0 or marker == 0xD8:
            torn = torn or scan > 0  # no encoder writes such bytes into a scan
            continue
        if marker == 0xD9:
            if frame is None:
                raise JpegError("it ends before its picture starts")
            return JpegFile(tuple(segments), frame, tables, at, True, torn, scan)
        if at + 2 > len(data):
            break
        length = struct.unpack_from(">H", data, at)[0]
        if scan and at + length > len(data):
            torn = True
            continue  # not a segment, but bytes of a damaged scan
        payload = data[at + 2 : at + length]
        if marker == 0xDA:
            if frame is None:
                raise JpegError("it has no frame header")
            if headers_only:
                return JpegFile(tuple(segments), frame, tables, len(data), True)
            scans += len(payload) >= 6 and len(payload) == 4 + 2 * payload[0]  # bytes of a damaged scan are none
            if scans > _MOST_SCANS:
                raise JpegError(f"it has more than {_MOST_SCANS:,} scans, each of which a decoder goes through whole")
            if positions is None:
                scan, positions = at + length, _markers_from(data, at + length)
        elif marker in _FRAMES and frame is None:
            frame = _frame(marker, payload)
        elif marker == 0xDB:
            tables.update(_tables(payload))
        elif (0xE0 <= marker <= 0xEF or marker == COM) and len(payload) == length - 2:
            segments.append((marker, payload))
        at += max(length, 2)
    if frame is None:
        raise JpegError("it ends before its picture starts")
    return JpegFile(tuple(segments), frame, tables, len(data), False, torn, scan)


def _next_marker(data: bytes, at: int, positions: list[int] | None) -> tuple[int, int] | None:
    """The next marker from an offset on, and the offset after it."""
    if positions is None:
        found = _MARKER.search(data, at)
        return (found[1][0], found.end()) if found else None
    number = bisect_left(positions, at)
    return (data[positions[number] + 1], positions[number] + 2) if number < len(positions) else None


def _markers_from(data: bytes, start: int) -> list[int]:
    """Where markers stand in coded data: ten times as fast as a pattern, which stops at every stuffed byte."""
    found = list[int]()
    for begin in range(start, len(data), _PIECE):  # in pieces: of every 0xFF the place is kept
        coded = np.frombuffer(data, np.uint8, min(_PIECE + 1, len(data) - begin), begin)
        at = np.flatnonzero(coded[:-1] == 0xFF)
        following = coded[at + 1]
        is_marker = (following != 0) & (following != 0xFF) & ((following < 0xD0) | (following > 0xD7))
        found += (at[is_marker] + begin).tolist()
        if len(found) > _MOST_MARKERS:
            raise JpegError(f"it has more than {_MOST_MARKERS:,} markers")
    return found


def bare(data: bytes) -> bytes:
    """The file without its application segments and comments, save Adobe's, which says how color is coded."""
    out, at = [b"\xff\xd8"], 2
    while (found := _MARKER.search(data, at)) is not None and found.end() + 2 <= len(data):
        marker, start = found[1][0], found.end()
        if marker == 0xDA:
            break
        end = start + (0 if marker == 0xD8 else max(struct.unpack_from(">H", data, start)[0], 2))
        known = 0xE0 <= marker <= 0xEF or marker == COM or marker == 0xD8
        if not known or marker == APP14 and data[start + 2 : start + 7] == b"Adobe":
            out.append(data[found.start() : end])
        at = end
    return b"".join(out) + data[at:]


def mended(data: bytes, scan: int) -> bytes:
    """The file with bytes in its scans that no encoder writes made harmless: they stop decoders otherwise."""
    return data[:scan] + _TORN.sub(b"\xff\x00", data[scan:])


def _frame(marker: int, payload: bytes) -> Frame:
    if len(payload) < 6 or len(payload) < 6 + 3 * payload[5]:
        raise JpegError("its frame header is cut short")
    precision, height, width, count = struct.unpack_from(">BHHB", payload)
    parts = (payload[6 + 3 * i : 9 + 3 * i] for i in range(count))
    return Frame(marker, precision, height, width, tuple((p[0], p[1] >> 4, p[1] & 15, p[2]) for p in parts))


def _tables(payload: bytes) -> dict[int, tuple[int, ...]]:
    tables, at = {}, 0
    while at < len(payload):
        wide, number = payload[at] >> 4, payload[at] & 15
        size = 128 if wide else 64
        raw = payload[at + 1 : at + 1 + size]
        if len(raw) < size:
            break
        values = struct.unpack(">64H", raw) if wide else tuple(raw)
        natural = [0] * 64
        for position, value in zip(_ZIGZAG, values, strict=True):
            natural[position] = value
        tables[number] = tuple(natural)
        at += 1 + size
    return tables


def icc_of(parsed: JpegFile) -> bytes | None:
    """The profile, joined from its numbered segments; None where a part is missing."""
    parts = {part[0]: part for part in parsed.payloads(APP2, ICC) if len(part) > 2}
    if not parts or set(parts) != set(range(1, parts[min(parts)][1] + 1)):
        return None
    return b"".join(parts[number][2:] for number in sorted(parts))


def icc_segments(profile: bytes) -> list[tuple[int, bytes]]:
    """A profile as numbered segments; none at all where it is too large for 255 of them."""
    size = MAX_PAYLOAD - len(ICC) - 2
    parts = [profile[i : i + size] for i in range(0, len(profile), size)]
    if len(parts) > 255:
        return []
    return [(APP2, ICC + bytes((i + 1, len(parts))) + part) for i, part in enumerate(parts)]


def exif_blocks(parsed: JpegFile) -> list[bytes]:
    """The EXIF blocks; one that is larger than a segment goes on in the next, which has no TIFF header of its own."""
    blocks = list[list[bytes]]()
    for part in parsed.payloads(APP1, EXIF):
        if blocks and not part.startswith(TIFF_HEADERS):
            blocks[-1].append(part)
        else:
            blocks.append([part])
    return [b"".join(parts) for parts in blocks]


def exif_segments(block: bytes) -> list[tuple[int, bytes]]:
    """An EXIF block as segments, none of which but the first starts with a TIFF header."""
    parts, at, size = list[bytes](), 0, MAX_PAYLOAD - len(EXIF)
    while at < len(block):
        end = at + size
        end -= block.startswith(TIFF_HEADERS, end)
        parts.append(block[at:end])
        at = end
    return [(APP1, EXIF + part) for part in parts]


def photoshop_segments(resources: bytes) -> list[tuple[int, bytes]]:
    """Image resources as segments."""
    size = MAX_PAYLOAD - len(PHOTOSHOP)
    return [(APP13, PHOTOSHOP + resources[i : i + size]) for i in range(0, len(resources), size)]


def assemble(coded: bytes, segments: Iterable[tuple[int, bytes]]) -> bytes:
    """Put segments in front of the pixels of a coded JPEG, in place of its own JFIF header."""
    start = 2
    if coded[2:4] == b"\xff\xe0":
        start = 4 + struct.unpack_from(">H", coded, 4)[0]
    head = b"".join(b"\xff" + bytes((kind,)) + struct.pack(">H", len(data) + 2) + data for kind, data in segments)
    return b"\xff\xd8" + head + coded[start:]
