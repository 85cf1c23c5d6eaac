"""What the header of a Photoshop document declares.

In:  its first bytes
Out: `PsdHeader`; or `Damaged`, `Unsupported`

Source: Adobe, "Photoshop File Formats Specification".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from colorize_cli.formats.decoded import Damaged, Unsupported

BITMAP, GREY, INDEXED, RGB, CMYK, MULTI, DUOTONE, LAB = 0, 1, 2, 3, 4, 7, 8, 9
COLORS = {BITMAP: 1, GREY: 1, INDEXED: 1, RGB: 3, CMYK: 4, DUOTONE: 1, LAB: 3}
MOST_CHANNELS = 100  # Photoshop writes 53 spot colors or masks beside four inks
_OF_LAYERS = (b"Layr", b"Lr16", b"Lr32")
# Blocks whose lengths take 8 bytes in a PSB.
_WIDE = frozenset(b"LMsk Lr16 Lr32 Layr Mt16 Mt32 Mtrn Alph FMsk lnk2 FEid FXid PxSD".split())
_MOST_BLOCKS = 10_000
CUT = "truncated PSD: its end is missing"


@dataclass(frozen=True)
class PsdHeader:
    """What a document declares.

    Attributes:
        channels: of the flattened picture, alpha and spot colors included.
        height: pixels.
        width: pixels.
        depth: bits of a sample.
        mode: Photoshop's number of the kind of color.
        large: it is a PSB.
    """

    channels: int
    height: int
    width: int
    depth: int
    mode: int
    large: bool


def header_of(data: bytes) -> PsdHeader:
    """Read the header.

    Raises:
        Damaged: it is cut short or makes no sense.
        Unsupported: its color is of a kind that is not read.
    """
    if len(data) < 26:
        raise Damaged(CUT)
    version, channels, height, width, depth, mode = struct.unpack_from(">H6xHIIHH", data, 4)
    sides = 0 < width <= 300_000 and 0 < height <= 300_000
    if not sides or not 0 < channels <= MOST_CHANNELS or depth not in (1, 8, 16, 32):
        raise Damaged(f"damaged PSD: its header declares {width:,} x {height:,} pixels, {channels} x {depth} bits")
    if mode not in COLORS:
        name = "multichannel" if mode == MULTI else f"kind {mode}"
        raise Unsupported(f"unsupported PSD: its color is {name}; save it as TIFF in RGB first")
    return PsdHeader(channels, height, width, depth, mode, version == 2)


def layer_count(section: bytes, large: bool) -> int:
    """How many layers the section of layers and masks holds; those of 16 and 32 bits stand in a block of their own.

    Negative where the first channel beyond color is the transparency of the whole.

    Args:
        section: without its length.
        large: the document is a PSB.
    """
    size = 8 if large else 4
    length = int.from_bytes(section[:size], "big")
    count = int.from_bytes(section[size : size + 2], "big", signed=True) if length >= 2 else 0
    if count:
        return count
    at = size + length
    at += 4 + int.from_bytes(section[at : at + 4], "big")
    for _ in range(_MOST_BLOCKS):
        if section[at : at + 4] not in (b"8BIM", b"8B64"):
            break
        key, size = section[at + 4 : at + 8], 8 if large and section[at + 4 : at + 8] in _WIDE else 4
        start = at + 8 + size
        if key in _OF_LAYERS:
            return int.from_bytes(section[start : start + 2], "big", signed=True)
        length = int.from_bytes(section[at + 8 : start], "big")
        at = start + (length + 3) // 4 * 4
    return 0
