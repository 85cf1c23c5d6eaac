"""The header of a JPEG XL codestream, bit by bit: read, and written anew with another name for its colors.

In:  the bytes of a JPEG XL, naked or in its container
Out: `JxlHeader`; a codestream with another header

Source: ISO/IEC 18181-1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from colorize_cli.formats.jxl.jxl_file import HEADER, JxlError, start_of

_RATIOS = ((1, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_ALPHA, _SPOT, _CFA = 0, 2, 5
_PRIMARIES = {1: "sRGB", 9: "Rec. 2020", 11: "P3", 2: "custom"}
HDR = (16, 18)  # numbers of curves
_TRANSFERS = {1: "Rec. 709", 8: "linear", 13: "sRGB", 16: "PQ (HDR)", 17: "DCI", 18: "HLG (HDR)"}


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
    """Bits of a codestream: where the depth and the color stand (start, end), and where the header ends; 0: unclear."""

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


class HeaderBits:
    """Bits of a codestream from bit `at` on, the lowest of a byte first."""

    def __init__(self, data: bytes, at: int = 16) -> None:
        self._data, self.at = data, at

    def u(self, count: int) -> int:
        """The next bits as a number.

        Raises:
            JxlError: there are no more.
        """
        start, self.at = self.at, self.at + count
        if self.at > 8 * len(self._data):
            raise JxlError("its header is cut short")
        piece = int.from_bytes(self._data[start // 8 : (self.at + 7) // 8], "little")
        return piece >> start % 8 & ((1 << count) - 1)

    def pick(self, *ways: tuple[int, int]) -> int:
        """One of four: a base, and bits that are added to it."""
        base, count = ways[self.u(2)]
        return base + self.u(count)

    def enum(self) -> int:
        """The number of a name."""
        return self.pick((0, 0), (1, 0), (2, 4), (18, 6))


def header_of(data: bytes) -> JxlHeader:
    """Read the header of a file.

    Raises:
        JxlError: it is damaged or cut short.
    """
    bits = HeaderBits(start_of(data))
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


def _size(bits: HeaderBits) -> tuple[int, int]:
    small = bits.u(1)

    def side() -> int:
        return 8 * (1 + bits.u(5)) if small else bits.pick((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = bits.u(3)
    above, below = _RATIOS[ratio]
    return height, height * above // below if ratio else side()


def _preview_size(bits: HeaderBits) -> None:
    ways = ((16, 0), (32, 0), (1, 5), (33, 9)) if bits.u(1) else ((1, 6), (65, 8), (321, 10), (1345, 12))
    bits.pick(*ways)
    if not bits.u(3):
        bits.pick(*ways)


def _animation(bits: HeaderBits) -> None:
    bits.pick((100, 0), (1000, 0), (1, 10), (1, 30))
    bits.pick((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.pick((0, 0), (0, 3), (0, 16), (0, 32))
    bits.u(1)


def _depth(bits: HeaderBits) -> tuple[int, bool]:
    if not bits.u(1):
        return bits.pick((8, 0), (10, 0), (12, 0), (1, 6)), False
    depth = bits.pick((32, 0), (16, 0), (24, 0), (1, 6))
    bits.u(4)
    return depth, True


def _extra_channel(bits: HeaderBits) -> bool:
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


def _color(bits: HeaderBits) -> tuple[bool, JxlColor]:
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


def _points(bits: HeaderBits, count: int) -> None:
    for _ in range(2 * count):
        bits.pick((0, 19), (524288, 19), (1048576, 20), (2097152, 21))


def relabeled(coded: bytes, bits: int, color: JxlColor | Sequence[tuple[int, int]]) -> bytes:
    """A naked codestream whose header names this color space and so many bits, whatever it named before.

    Args:
        coded: as libjxl made it, RGB.
        bits: of a sample, 8 or 16.
        color: with the white of D65; or the bits of a profile.

    Raises:
        JxlError: its header is of a kind that is not written anew.
    """
    header = header_of(coded)
    if header.color == color and (header.bits, header.is_float) == (bits, False):
        return coded
    places = header.places
    if not places.end or header.grey:
        raise JxlError("its header cannot be written anew")
    depth = (0b000, 3) if bits == 8 else (0b110 | (bits - 1) << 3, 9)  # whole numbers; how many bits
    part = _Parts(coded)
    pieces = [part(0, places.depth[0]), depth, part(places.depth[1], places.color[0])]
    pieces += _named(color) if isinstance(color, JxlColor) else [(0, 1), (1, 1), *_enum(0)]  # a profile, RGB
    pieces += [part(places.color[1], places.end), *(() if isinstance(color, JxlColor) else color)]
    return _joined(pieces) + coded[(places.end + 7) // 8 :]


def in_srgb(coded: bytes, frames: int) -> bytes:
    """A naked codestream of lossy coding whose header names sRGB, or the grey of it, in place of another space.

    Args:
        coded: a naked codestream.
        frames: the byte behind its header, and behind the profile where it has one.
    """
    header, part = header_of(coded), _Parts(coded)
    places = header.places
    grey = [(0, 1), (0, 1), *_enum(1), *_enum(1), (0, 1), *_enum(13), *_enum(1)]
    color = grey if header.grey else _named(JxlColor())
    return _joined([part(0, places.color[0]), *color, part(places.color[1], places.end)]) + coded[frames:]


class _Parts:
    """Bits of a header: value and count."""

    def __init__(self, coded: bytes) -> None:
        self._head = int.from_bytes(coded[:HEADER], "little")

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        return self._head >> start & ((1 << (end - start)) - 1), end - start


def _joined(pieces: Sequence[tuple[int, int]]) -> bytes:
    value = length = 0
    for piece, count in pieces:
        value |= piece << length
        length += count
    return value.to_bytes((length + 7) // 8, "little")


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
