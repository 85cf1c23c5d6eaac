"""The chunk structure of PNG files: take it apart, put it together.

In:  the bytes of a PNG
Out: its header, its chunks, its coded pixels in one piece; a new file from coded pixels and chunks

Source: PNG Specification, third edition (W3C).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from colorize_cli.formats.decoded import MOST_PARTS

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


class PngError(ValueError):
    """The structure is damaged beyond reading."""


@dataclass(frozen=True)
class PngFile:
    """A PNG taken apart.

    Attributes:
        width, height, depth, color: as IHDR declares them.
        interlaced: by Adam7.
        chunks: (type, payload) other than IHDR, IDAT and IEND, in order; animation is left out.
        coded: the IDAT payloads, joined.
        end: offset after the last chunk.
        faults: what was wrong: "" for nothing, "truncated", "damaged".
        animated: it holds more pictures than the first.
        lost: kinds of chunks whose checksum is wrong, and which the picture does not need.
    """

    width: int
    height: int
    depth: int
    color: int
    interlaced: bool
    chunks: tuple[tuple[bytes, bytes], ...]
    coded: bytes
    end: int
    faults: str = ""
    animated: bool = False
    lost: tuple[bytes, ...] = ()

    @property
    def channels(self) -> int:
        """Samples per pixel as stored."""
        return _CHANNELS[self.color]

    def find(self, kind: bytes) -> bytes | None:
        """The payload of the first chunk of that type."""
        return next((payload for name, payload in self.chunks if name == kind), None)

    def raw_size(self) -> int:
        """Bytes of the filtered rows."""
        bits = self.depth * self.channels
        if not self.interlaced:
            return self.height * (1 + (self.width * bits + 7) // 8)
        total = 0
        for x0, y0, dx, dy in _ADAM7:
            w, h = -(-(self.width - x0) // dx), -(-(self.height - y0) // dy)
            total += h * (1 + (w * bits + 7) // 8) if w > 0 and h > 0 else 0
        return total

    def header(self) -> bytes:
        """The IHDR payload."""
        return struct.pack(">IIBBBBB", self.width, self.height, self.depth, self.color, 0, 0, self.interlaced)


_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def parse(data: bytes, headers_only: bool = False) -> PngFile:
    """Take a PNG apart; with `headers_only` the search stops at the pixels.

    Raises:
        PngError: no signature, or an impossible header.
    """
    if not data.startswith(SIGNATURE) or data[12:16] != b"IHDR" or len(data) < 33:
        raise PngError("it ends before its picture starts" if data.startswith(SIGNATURE) else "no PNG signature")
    width, height, depth, color, method, filtering, lace = struct.unpack_from(">IIBBBBB", data, 16)
    if depth not in _DEPTHS.get(color, ()) or method or filtering or lace > 1:
        raise PngError("its header declares a kind of picture that PNG has not")
    if not width or not height or width > 2**31 or height > 2**31:
        raise PngError(f"its header declares {width:,} x {height:,} pixels")
    at, chunks, coded, faults, animated = 33, list[tuple[bytes, bytes]](), list[bytes](), "truncated", False
    lost = list[bytes]()
    if zlib.crc32(data[12:29]) != struct.unpack_from(">I", data, 29)[0]:
        raise PngError("the checksum of its header is wrong")
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        payload = data[at + 8 : at + 8 + length]
        whole = at + 12 + length <= len(data)
        sound = whole and zlib.crc32(kind + payload) == struct.unpack_from(">I", data, at + 8 + length)[0]
        if len(chunks) + len(lost) > MOST_PARTS:
            raise PngError(f"it has more than {MOST_PARTS:,} chunks beside its picture, more than any photo has")
        if kind == b"IDAT":
            if headers_only:
                faults = ""
                break
            coded.append(payload)
            if whole and not sound:
                faults = "damaged"
        elif kind == b"IEND" and whole:
            at += 12 + length
            faults = "" if faults == "truncated" else faults
            break
        elif kind in (b"acTL", b"fcTL", b"fdAT"):
            animated = True
        elif sound:
            chunks.append((kind, payload))
        elif whole and kind == b"PLTE":
            raise PngError("the checksum of its palette is wrong")
        elif whole and kind == b"tRNS":
            faults = "damaged"
        elif whole:
            lost.append(kind)
        if not whole:
            break
        at += 12 + length
    joined, kept = b"".join(coded), tuple(chunks)
    return PngFile(width, height, depth, color, bool(lace), kept, joined, at, faults, animated, tuple(lost))


def chunk(kind: bytes, payload: bytes) -> bytes:
    """One chunk with its length and checksum."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(payload, zlib.crc32(kind)))


def assemble(
    header: bytes, before: Iterable[tuple[bytes, bytes]], coded: bytes, after: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """A PNG from an IHDR payload, chunks that stand before the pixels, coded pixels, and chunks that may follow."""
    limit = 2**31 - 1
    return b"".join(
        (
            SIGNATURE,
            chunk(b"IHDR", header),
            *(chunk(*item) for item in before),
            *(chunk(b"IDAT", coded[i : i + limit]) for i in range(0, len(coded), limit)),
            *(chunk(*item) for item in after),
            chunk(b"IEND", b""),
        )
    )


def inflate(coded: bytes, size: int) -> tuple[bytes, bool]:
    """Inflate as far as it goes.

    Returns:
        At most `size` bytes, and whether all of them came out.
    """
    machine, out = zlib.decompressobj(), bytearray()
    for start in range(0, len(coded), 4096):
        piece, before = coded[start : start + 4096], machine.copy()
        try:
            out += machine.decompress(piece)
        except zlib.error:  # it takes with it what came before the damage: that is had in smaller pieces
            with suppress(zlib.error):
                for at in range(0, len(piece), 16):
                    out += before.decompress(piece[at : at + 16])
            break
        if len(out) >= size or machine.eof:
            break
    return bytes(out[:size]), len(out) >= size


def xmp_of(chunks: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The XMP packet from its iTXt chunk."""
    for kind, payload in chunks:
        if kind == b"iTXt" and payload.startswith(XMP_KEYWORD + b"\0") and len(payload) > 22:
            compressed = payload[len(XMP_KEYWORD) + 1]
            rest = payload[len(XMP_KEYWORD) + 3 :].split(b"\0", 2)
            if len(rest) == 3:
                if not compressed:
                    return rest[2]
                text, whole = inflate_all(rest[2])
                if whole:
                    return text
    return None


def inflate_all(coded: bytes, limit: int = 1 << 24) -> tuple[bytes, bool]:
    """Inflate a text or a profile of unknown size, up to 16 MiB.

    Its chunk has a checksum of its own, so a stream whose checksum is missing or wrong is whole all the same: some
    writers leave it out.
    """
    if len(coded) < 2 or coded[0] & 15 != 8 or int.from_bytes(coded[:2], "big") % 31:
        return b"", False
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        text = machine.decompress(coded[2:], limit)
    except zlib.error:
        return b"", False
    return text, machine.eof


def xmp_chunk(packet: bytes) -> tuple[bytes, bytes]:
    """An XMP packet as an uncompressed iTXt chunk."""
    return b"iTXt", XMP_KEYWORD + b"\0\0\0\0\0" + packet


def icc_of(chunks: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The profile of the iCCP chunk."""
    for kind, payload in chunks:
        if kind == b"iCCP":
            _, _, rest = payload.partition(b"\0")
            profile, whole = inflate_all(rest[1:])
            return profile if whole else None
    return None


def icc_chunk(profile: bytes) -> tuple[bytes, bytes]:
    """A profile as an iCCP chunk."""
    return b"iCCP", b"ICC profile\0\0" + zlib.compress(profile, 9)
