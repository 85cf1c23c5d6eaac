"""Profiles for the color spaces that JPEG XL only names, and back.

In:  primaries and a curve; or such a profile
Out: an ICC profile, None where they are none that a profile of version 2 holds; or primaries and a curve

Source: ICC.1:2001; ITU-R BT.709, BT.2020 and SMPTE EG 432-1 for the primaries, which are adapted to D50 by Bradford.
"""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np

from colorize_cli.color.spaces import SRGB
from colorize_cli.formats.jxl.jxl_header import JxlColor

_XY = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_D65, _D50 = (0.3127, 0.3290), np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@lru_cache(maxsize=64)
def color_of(profile: bytes) -> JxlColor | None:
    """The color space that one of these profiles stands for; None for others."""
    named = [JxlColor(primaries=primaries, transfer=curve) for primaries in _XY for curve in (13, 8, 1)]
    found = next((color for color in named if profile_of(color) == profile), None)
    if found is None and (gamma := _gamma_of(profile)):
        powers = (JxlColor(primaries=primaries, transfer=0, gamma=gamma) for primaries in _XY)
        found = next((color for color in powers if profile_of(color) == profile), None)
    return found


def _gamma_of(profile: bytes) -> float:
    """The exponent of a profile whose curve is one; 0 for others."""
    at = profile.find(b"curv\0\0\0\0\0\0\0\1")
    power = int.from_bytes(profile[at + 12 : at + 14], "big") if at >= 0 else 0
    return round(256 / power, 7) if power else 0.0


@lru_cache(maxsize=64)
def profile_of(color: JxlColor) -> bytes | None:
    """A matrix profile of a color space with the white of D65."""
    if color.white != 1 or color.primaries not in _XY:
        return None
    curve = _curve(color)
    if curve is None:
        return None

    def xyz(point: tuple[float, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        x, y = point
        return np.array([x / y, 1.0, (1 - x - y) / y])

    columns = np.stack([xyz(point) for point in _XY[color.primaries]], 1)
    white = xyz(_D65)
    columns = columns * np.linalg.solve(columns, white)
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    columns = np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD @ columns
    name = color.name.encode("ascii") + b"\0"
    text = b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(12 + 67)
    tags = [
        (b"desc", text),
        (b"cprt", b"text" + bytes(4) + b"none\0"),
        (b"wtpt", _xyz(_D50)),
        *((kind, _xyz(columns[:, i])) for i, kind in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))),
        *((kind, curve) for kind in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for kind, payload in tags:
        table += struct.pack(">4sII", kind, at + len(body), len(payload))
        body += payload + bytes(-len(payload) % 4)
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += b"".join(struct.pack(">i", round(v * 65536)) for v in _D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(float(v) * 65536)) for v in values)


def _curve(color: JxlColor) -> bytes | None:
    """From encoded values to light, as a table; or as an exponent."""
    if color.gamma:
        return b"curv" + bytes(4) + struct.pack(">IH", 1, min(round(256 / color.gamma), 65535)) + bytes(2)
    if color.transfer == 8:
        return b"curv" + bytes(4) + struct.pack(">I", 0)
    x = np.linspace(0.0, 1.0, 1024)
    if color.transfer == 13:
        light = SRGB.curves[0].decode(x)
    elif color.transfer == 1:
        light = np.where(x < 0.081, x / 4.5, ((x + 0.099) / 1.099) ** (1 / 0.45))
    else:
        return None
    return b"curv" + bytes(4) + struct.pack(">I", 1024) + bytes(np.rint(light * 65535).astype(">u2").tobytes())
