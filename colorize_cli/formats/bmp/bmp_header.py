"""What the header of a BMP declares: Windows' kinds of all versions, OS/2's of both, and bare DIBs.

In:  the bytes of a BMP, or their start
Out: `BmpHeader`; or `Damaged`, `Unsupported`

Source: Microsoft, "Bitmap Header Types"; OS/2 2.0 Toolkit, BITMAPINFOHEADER2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from colorize_cli.formats.decoded import Damaged, Unsupported

_CORE, _INFO, _OS2, _OS2_SHORT = 12, 40, 64, 16
SIZES = frozenset({_CORE, _OS2_SHORT, _INFO, 52, 56, _OS2, 108, 124})
_DEPTHS = frozenset({1, 2, 4, 8, 16, 24, 32})
_MOST_SIDE = 1 << 24
Coding = Literal["plain", "rle8", "rle4", "rle24", "jpeg", "png"]


@dataclass(frozen=True)
class BmpHeader:
    """A BMP's header.

    Attributes:
        width: pixels.
        height: pixels, positive.
        from_above: rows stand from the top to the bottom.
        bits: of a pixel.
        coding: of the pixels.
        masks: which bits of a pixel are red, green, blue and alpha; of 16 and 32 bits.
        palette: (red, green, blue) of each index; of 8 bits and fewer.
        offset: where the pixels start.
        per_metre: pixels across and down; 0 where the file does not say.
    """

    width: int
    height: int
    from_above: bool
    bits: int
    coding: Coding
    masks: tuple[int, int, int, int]
    palette: tuple[tuple[int, int, int], ...]
    offset: int
    per_metre: tuple[int, int] = (0, 0)

    @property
    def depth(self) -> int:
        """Bits of the deepest sample."""
        return max((mask.bit_count() for mask in self.masks), default=8) if self.bits in (16, 32) else min(self.bits, 8)

    @property
    def has_alpha(self) -> bool:
        """Whether some bits of a pixel are for alpha."""
        return self.bits in (16, 32) and self.masks[3] != 0

    @property
    def line(self) -> int:
        """Bytes of a row that is not coded."""
        return (self.width * self.bits + 31) // 32 * 4


def starts_as_dib(head: bytes) -> bool:
    """Whether the first bytes are those of a bitmap without its file header."""
    if len(head) < 40 or (size := struct.unpack_from("<I", head)[0]) not in SIZES:
        return False
    if size == _CORE:
        width, height, planes, bits = struct.unpack_from("<HHHH", head, 4)
        coding = 0
    else:
        width, height, planes, bits = struct.unpack_from("<iiHH", head, 4)
        coding = struct.unpack_from("<I", head, 16)[0] if size > _OS2_SHORT else 0
    return 0 < width < _MOST_SIDE and 0 < abs(height) < _MOST_SIDE and planes == 1 and bits in _DEPTHS and coding <= 6


def with_file_header(data: bytes) -> bytes:
    """A bare DIB as a file; of an OS/2 array of bitmaps its first; others as they are."""
    if data[:2] == b"BA" and data[14:16] == b"BM":
        at = struct.unpack_from("<I", data, 24)[0]  # counts from the start of the array
        return data[14:24] + struct.pack("<I", max(at - 14, 0)) + data[28:]
    return data if data[:2] == b"BM" else struct.pack("<2sIHHI", b"BM", 14 + len(data), 0, 0, 0) + data


def read_header(data: bytes) -> BmpHeader:
    """Take the header apart.

    Args:
        data: as `with_file_header` gives it; its pixels need not be there.

    Raises:
        Damaged: it is cut short or makes no sense.
        Unsupported: it is of a kind that is not read.
    """
    size = struct.unpack_from("<I", data, 14)[0] if len(data) >= 26 else 0
    if size not in SIZES or len(data) < 14 + size:
        raise Damaged("damaged BMP: its header is cut short")
    offset = struct.unpack_from("<I", data, 10)[0]
    coding, used, per_metre = 0, 0, (0, 0)
    if size == _CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    if size >= _INFO:
        coding, _, x, y, used = struct.unpack_from("<IIiiI", data, 30)
        per_metre = (x, y) if x > 0 and y > 0 else (0, 0)
    if not 0 < width < _MOST_SIDE or not 0 < abs(height) < _MOST_SIDE:
        raise Damaged(f"damaged BMP: its header declares {width:,} x {height:,} pixels")
    name = _coding(coding, bits, size)
    if bits not in _DEPTHS and name not in ("jpeg", "png"):
        raise Damaged(f"damaged BMP: its header declares {bits} bits per pixel")
    masks, at = _masks(data, size, bits, coding)
    palette = tuple[tuple[int, int, int], ...]()
    if bits <= 8 and name not in ("jpeg", "png"):
        palette = _palette(data, at, 3 if size == _CORE else 4, _entries(used, bits, offset, at, size))
        at += len(palette) * (3 if size == _CORE else 4)
    elif not offset:
        at += 4 * min(used, 256)  # colors that are there for the screen
    return BmpHeader(width, abs(height), height < 0, bits, name, masks, palette, offset or at, per_metre)


def _coding(number: int, bits: int, size: int) -> Coding:
    if number == 0 or number in (3, 6) and bits in (16, 32):
        return "plain"
    if (number, bits) in ((1, 8), (2, 4)):
        return "rle8" if bits == 8 else "rle4"
    if size == _OS2:
        if (number, bits) == (4, 24):
            return "rle24"
        raise Unsupported("unsupported BMP: OS/2's Huffman coding")
    if number in (4, 5):
        return "jpeg" if number == 4 else "png"
    if number in (11, 12, 13):
        raise Unsupported("unsupported BMP: its pixels are inks (CMYK)")
    raise Damaged(f"damaged BMP: its header declares coding {number} for {bits} bits per pixel")


def _masks(data: bytes, size: int, bits: int, coding: int) -> tuple[tuple[int, int, int, int], int]:
    """The masks, and where the palette starts."""
    usual = {16: (0x7C00, 0x3E0, 0x1F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}.get(bits, (0, 0, 0, 0))
    at = 14 + size
    if coding not in (3, 6) or bits not in (16, 32):
        return usual, at
    count = 4 if size >= 56 and size != _OS2 or coding == 6 else 3
    start, at = (14 + _INFO, at) if size >= 52 and size != _OS2 else (at, at + 4 * count)
    if len(data) < start + 4 * count:
        raise Damaged("damaged BMP: its header is cut short")
    found = (*struct.unpack_from(f"<{count}I", data, start), 0)[:4]
    for mask in found:
        low = mask & -mask
        if mask and (mask + low) & mask or mask >> bits:
            raise Damaged("damaged BMP: its masks make no sense")
    if not any(found[:3]):
        raise Damaged("damaged BMP: its masks are empty")
    return (found[0], found[1], found[2], found[3]), at


def _entries(used: int, bits: int, offset: int, at: int, size: int) -> int:
    """Entries of the palette; no more than stand before the pixels."""
    width = 3 if size == _CORE else 4
    count = min(used or 2**bits, 256)
    return min(count, max((offset - at) // width, 0)) if offset > at else count


def _palette(data: bytes, at: int, width: int, count: int) -> tuple[tuple[int, int, int], ...]:
    found = [data[at + width * i : at + width * i + 3] for i in range(count)]
    if any(len(entry) < 3 for entry in found):
        raise Damaged("damaged BMP: its palette is cut short")
    return tuple((entry[2], entry[1], entry[0]) for entry in found)
