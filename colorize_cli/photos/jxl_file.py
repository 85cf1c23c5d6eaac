"""The structure of JPEG XL files: their header's bits, and the boxes around the picture.

In:  the bytes of a JPEG XL, naked or in its container
Out: `JxlHeader`; EXIF and XMP; a container from a coded picture and what goes around it

Source: ISO/IEC 18181-1 (headers) and 18181-2 (container).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from colorize_cli.photos import jp2_file
from colorize_cli.photos.ifd import Data

SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
NAKED = b"\xff\x0a"
_FTYP = b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
_HEADER = 602  # bytes that hold any header with a dozen channels
_RATIOS = ((1, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_ALPHA, _SPOT, _CFA = 0, 2, 5
_PRIMARIES = {1: "sRGB", 9: "Rec. 2020", 11: "P3", 2: "custom"}
_TRANSFERS = {1: "Rec. 709", 8: "linear", 13: "sRGB", 16: "PQ (HDR)", 17: "DCI", 18: "HLG (HDR)"}


class JxlError(ValueError):
    """The structure is damaged beyond reading."""


@dataclass(frozen=True)
class JxlColor:
    """A color space as a header names it.

    Attributes:
        icc: it is told by an embedded profile alone.
        white: 1 for D65.
        primaries: 1 for sRGB's, 9 for Rec. 2020's, 11 for P3's.
        transfer: 13 for sRGB's curve, 8 for linear light, 1 for Rec. 709's; 0 where `gamma` tells.
        gamma: the exponent that encodes light, or 0.
    """

    icc: bool = False
    white: int = 1
    primaries: int = 1
    transfer: int = 13
    gamma: float = 0.0

    @property
    def is_srgb(self) -> bool:
        """Whether it is sRGB, or the grey of it."""
        return self == JxlColor()

    @property
    def name(self) -> str:
        """For a note."""
        if self.icc:
            return "an embedded profile"
        curve = f"gamma {1 / self.gamma:.2f}" if self.gamma else _TRANSFERS.get(self.transfer, "an unknown curve")
        return f"{_PRIMARIES.get(self.primaries, 'unknown primaries')} with {curve}"


@dataclass(frozen=True)
class Places:
    """Bits of a codestream: where the depth and the color stand (start, end), and where the header ends."""

    depth: tuple[int, int] = (0, 0)
    color: tuple[int, int] = (0, 0)
    end: int = 0


@dataclass(frozen=True)
class JxlHeader:
    """What the header declares.

    Attributes:
        width, height: as stored, not yet upright.
        bits: of a sample.
        is_float: samples are floating-point numbers.
        orientation: 1 to 8; decoders undo it.
        grey: one channel of lightness.
        alpha: there is an alpha channel.
        channels: beyond color, alpha included.
        animated: it holds frames.
        lossy: color is stored in the space of the lossy coding.
        color: the space of its colors.
        places: where in the codestream's bits fields lie that are written anew.
    """

    width: int
    height: int
    bits: int = 8
    is_float: bool = False
    orientation: int = 1
    grey: bool = False
    alpha: bool = False
    channels: int = 0
    animated: bool = False
    lossy: bool = True
    color: JxlColor = JxlColor()
    places: Places = Places()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


class _Bits:
    """Bits of a codestream, the lowest of a byte first."""

    def __init__(self, data: bytes) -> None:
        self.value, self.left, self.at = int.from_bytes(data, "little"), 8 * len(data), 0

    def u(self, count: int) -> int:
        if count > self.left:
            raise JxlError("its header is cut short")
        found = self.value & ((1 << count) - 1)
        self.value >>= count
        self.left -= count
        self.at += count
        return found

    def pick(self, *ways: tuple[int, int]) -> int:
        """One of four: a base, and bits that are added to it."""
        base, count = ways[self.u(2)]
        return base + self.u(count)

    def enum(self) -> int:
        return self.pick((0, 0), (1, 0), (2, 4), (18, 6))


def header_of(data: bytes) -> JxlHeader:
    """Read the header of a file.

    Raises:
        JxlError: it is damaged or cut short.
    """
    bits = _Bits(start_of(data)[2:])
    height, width = _size(bits)
    if bits.u(1):  # all defaults
        return JxlHeader(width, height)
    further = False
    orientation, animated = 1, False
    if further := bool(bits.u(1)):
        orientation = 1 + bits.u(3)
        if bits.u(1):
            _size(bits)
        if bits.u(1):
            _preview_size(bits)
        animated = bool(bits.u(1))
        if animated:
            _animation(bits)
    at = [bits.at]
    depth, is_float = _depth(bits)
    at.append(bits.at)
    bits.u(1)
    count, alpha = bits.pick((0, 0), (1, 0), (2, 4), (1, 12)), False
    for _ in range(count):
        alpha |= _extra_channel(bits)
    lossy = bool(bits.u(1))
    at.append(bits.at)
    grey, color = _color(bits)
    at.append(bits.at)
    if further and not bits.u(1):  # tone mapping
        bits.u(16 + 16 + 1 + 16)
    extensions = bits.u(2)
    end = bits.at if not extensions and bits.u(1) else 0  # else the header has more, which is never written anew
    places = Places((at[0], at[1]), (at[2], at[3]), end)
    return JxlHeader(width, height, depth, is_float, orientation, grey, alpha, count, animated, lossy, color, places)


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.u(1)

    def side() -> int:
        return 8 * (1 + bits.u(5)) if small else bits.pick((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = bits.u(3)
    above, below = _RATIOS[ratio]
    return height, height * above // below if ratio else side()


def _preview_size(bits: _Bits) -> None:
    ways = ((16, 0), (32, 0), (1, 5), (33, 9)) if bits.u(1) else ((1, 6), (65, 8), (321, 10), (1345, 12))
    bits.pick(*ways)
    if not bits.u(3):
        bits.pick(*ways)


def _animation(bits: _Bits) -> None:
    bits.pick((100, 0), (1000, 0), (1, 10), (1, 30))
    bits.pick((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.pick((0, 0), (0, 3), (0, 16), (0, 32))
    bits.u(1)


def _depth(bits: _Bits) -> tuple[int, bool]:
    if not bits.u(1):
        return bits.pick((8, 0), (10, 0), (12, 0), (1, 6)), False
    depth = bits.pick((32, 0), (16, 0), (24, 0), (1, 6))
    bits.u(4)
    return depth, True


def _extra_channel(bits: _Bits) -> bool:
    """Read past a channel; whether it is alpha."""
    if bits.u(1):
        return True
    kind = bits.enum()
    _depth(bits)
    bits.pick((0, 0), (3, 0), (4, 0), (1, 3))
    for _ in range(bits.pick((0, 0), (0, 4), (16, 5), (48, 10))):
        bits.u(8)
    if kind == _ALPHA:
        bits.u(1)
    elif kind == _SPOT:
        bits.u(64)
    elif kind == _CFA:
        bits.pick((1, 0), (0, 2), (3, 4), (19, 8))
    return kind == _ALPHA


def _color(bits: _Bits) -> tuple[bool, JxlColor]:
    """Whether it is grey, and its color space."""
    if bits.u(1):
        return False, JxlColor()
    icc, space = bits.u(1), bits.enum()
    if icc:
        return space == 1, JxlColor(icc=True)
    if space == 2:
        return False, JxlColor()
    white, primaries = bits.enum(), 1
    _points(bits, 1 if white == 2 else 0)
    if space != 1:
        primaries = bits.enum()
        _points(bits, 3 if primaries == 2 else 0)
    gamma = bits.u(24) / 1e7 if bits.u(1) else 0.0
    transfer = 0 if gamma else bits.enum()
    bits.enum()  # the rendering intent
    return space == 1, JxlColor(False, white, primaries, transfer, gamma)


def _points(bits: _Bits, count: int) -> None:
    for _ in range(2 * count):
        bits.pick((0, 19), (524288, 19), (1048576, 20), (2097152, 21))


def start_of(data: Data) -> bytes:
    """The first bytes of a file's codestream, as many as its header can take.

    Raises:
        JxlError: there is none.
    """
    if data[:2] == NAKED:
        return data[:_HEADER]
    for box in jp2_file.boxes(data):
        if box.kind in (b"jxlc", b"jxlp"):
            at = box.content + (0 if box.kind == b"jxlc" else 4)
            if data[at : at + 2] == NAKED:
                return data[at : at + _HEADER]
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


def relabeled(coded: bytes, bits: int, color: JxlColor) -> bytes:
    """A naked codestream whose header names this color space and so many bits, whatever it named before.

    Args:
        coded: as libjxl made it, RGB.
        bits: of a sample, 8 or 16.
        color: with the white of D65.

    Raises:
        JxlError: its header is of a kind that is not written anew.
    """
    header = header_of(coded)
    if header.color == color and (header.bits, header.is_float) == (bits, False):
        return coded
    places = header.places
    if not places.end or header.grey:
        raise JxlError("its header cannot be written anew")
    head = int.from_bytes(coded[2:_HEADER], "little")

    def part(start: int, end: int) -> tuple[int, int]:
        return head >> start & ((1 << (end - start)) - 1), end - start

    depth = (0b000, 3) if bits == 8 else (0b110 | (bits - 1) << 3, 9)  # whole numbers; how many bits
    pieces = [part(0, places.depth[0]), depth, part(places.depth[1], places.color[0])]
    pieces += [*_named(color), part(places.color[1], places.end)]
    value = length = 0
    for piece, count in pieces:
        value |= piece << length
        length += count
    after = 2 + (places.end + 7) // 8
    return coded[:2] + value.to_bytes((length + 7) // 8, "little") + coded[after:]


def _named(color: JxlColor) -> list[tuple[int, int]]:
    """The bits of a color space, (value, count) each."""
    if color.is_srgb:
        return [(1, 1)]
    curve = [(1, 1), (round(color.gamma * 1e7), 24)] if color.gamma else [(0, 1), *_enum(color.transfer)]
    # not the default, no profile, RGB; white, primaries, curve; relative colorimetry
    return [(0, 1), (0, 1), *_enum(0), *_enum(color.white), *_enum(color.primaries), *curve, *_enum(1)]


def _enum(value: int) -> list[tuple[int, int]]:
    if value < 2:
        return [(value, 2)]
    return [(2, 2), (value - 2, 4)] if value < 18 else [(3, 2), (value - 18, 6)]


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
    parts = [SIGNATURE, _FTYP, *([_box(b"jxll", b"\x0a")] if deep else [])]
    if exif:
        parts.append(_box(b"Exif", bytes(4) + exif))
    if xmp:
        parts.append(_box(b"xml ", xmp))
    return b"".join((*parts, _box(b"jxlc", coded)))


def _box(kind: bytes, payload: bytes) -> bytes:
    if len(payload) + 8 < 1 << 32:
        return struct.pack(">I4s", len(payload) + 8, kind) + payload
    return struct.pack(">I4sQ", 1, kind, len(payload) + 16) + payload
