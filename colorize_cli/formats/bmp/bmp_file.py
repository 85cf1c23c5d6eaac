"""The header of BMP files of version 5: the color profile that it holds, or names.

In:  the bytes of a BMP
Out: its profile; a BMP with a profile

Source: Microsoft, "Bitmap Header Types" and BITMAPV5HEADER.
"""

from __future__ import annotations

import struct
from typing import Literal

import numpy as np

from colorize_cli.formats.photo import AnyPixels
from colorize_cli.metadata.resolution import Resolution

_V5 = 124
_EMBEDDED, _LINKED = b"DEBM", b"KNIL"  # 'MBED' and 'LINK' as little-endian numbers
_IMAGES = 4  # LCS_GM_IMAGES: the perceptual intent


def profile_of(data: bytes) -> tuple[bytes | None, Literal["", "linked", "damaged"]]:
    """The embedded profile; and what is to be said where there is none: it stands in another file, or is cut off."""
    if len(data) < 14 + _V5 or struct.unpack_from("<I", data, 14)[0] < _V5:
        return None, ""
    kind = data[14 + 56 : 14 + 60]
    offset, size = struct.unpack_from("<II", data, 14 + 112)
    if kind == _LINKED:
        return None, "linked"
    if kind != _EMBEDDED:
        return None, ""
    profile = data[14 + offset : 14 + offset + size]
    return (profile, "") if size >= 128 and len(profile) == size else (None, "damaged")


def with_profile(rgb: AnyPixels, profile: bytes, resolution: Resolution | None) -> bytes:
    """A BMP of version 5, 24 bits a pixel, that holds a profile.

    Args:
        rgb: (H, W, 3), uint8.
        profile: an RGB profile.
        resolution: of the pixels.
    """
    height, width = rgb.shape[:2]
    rows = np.zeros((height, (3 * width + 3) // 4 * 4), np.uint8)
    rows[:, : 3 * width] = rgb[::-1, :, ::-1].reshape(height, 3 * width)
    x, y = resolution.per_metre() if resolution and resolution.unit != "none" else (0, 0)
    start = 14 + _V5
    header = struct.pack("<IiiHHIIiiII", _V5, width, height, 1, 24, 0, rows.size, x, y, 0, 0)
    header += bytes(16) + _EMBEDDED + bytes(36 + 12) + struct.pack("<IIII", _IMAGES, _V5 + rows.size, len(profile), 0)
    size = start + rows.size + len(profile)
    return struct.pack("<2sIHHI", b"BM", size, 0, 0, start) + header + rows.tobytes() + profile
