"""What JPEG's chroma a color has at each grey, and by how much its luma then differs from that grey.

In:  a* and b* in whole Lab units, a grey level
Out: Cb and Cr as stored, and the straight line luma - grey = intercept + slope * grey near that grey

A pixel of an 8-bit sRGB picture that is coded as Y, Cb and Cr has the lightness of the grey g where Y is the one
value that gives, with this Cb and Cr, the luminance of g. Over the few greys that share one chroma sample that value
follows a straight line closely, so two numbers for each sample correct the luma of every pixel.

The table is filled a square of colors at a time, where photos have some; it is shared by all threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color import gamut, tables
from colorize_cli.color.lab import f_from_lightness, lightness_from_y
from colorize_cli.color.spaces import SRGB

Floats = NDArray[np.float32]

CELLS = 256  # whole Lab units on each axis, from -128
TABLE_AB_MAX = 127  # largest |a*| and |b*|
GREYS = 64  # steps of grey
INTERCEPT, SLOPE = 8, 2048  # the fixed point of the stored lines
HALF = 4  # added to each intercept: what `luma` cuts off is rounded then
STEEPEST = 0.49  # slope; together with an intercept below 128 it keeps every sum of `luma` within 16 bits

_AT_ONCE = 256  # cells that are computed at once
_SQUARE = 8  # cells on each axis of what is filled as a whole
_STEP = 256 // GREYS
_ASIDE = 6  # grey levels to both sides over which the line is laid
_FINE = 16  # steps a level of the table of linear light
_BELOW = 256  # levels below black that the table reaches; as many lie above white
_ROUNDS = 4  # of Newton's method
_HALVINGS = 7  # the gamut's boundary is found to 2**-10 of the chroma: a level has no finer steps


@lru_cache(maxsize=1)
def _linear() -> tuple[Floats, Floats]:
    """Linear light of encoded levels from -_BELOW to 255 + _BELOW, as a decoder clips them, and its slope a level."""
    levels = np.arange((256 + 2 * _BELOW) * _FINE) / _FINE - _BELOW
    light = SRGB.curves[0].decode(levels / 255)
    return light.astype(np.float32), np.gradient(light, 1 / _FINE).astype(np.float32)


class LumaTable:
    """Cb, Cr and the line of the luma for every color and grey, filled where photos have them."""

    def __init__(self) -> None:
        # Four 16-bit numbers in one: chroma (Cb and 256 Cr), intercept, slope, 1. Untouched pages take no memory.
        self.entries = np.zeros(CELLS * CELLS * GREYS, "<u8")
        self._filled = np.zeros((CELLS // _SQUARE, CELLS // _SQUARE), np.bool_)
        self._filling = Lock()

    def take(self, places: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The entries at places, of any shape: (256 a* + b*, each from -128) * GREYS + step of grey.

        May be called in several threads at once.
        """
        found = np.take(self.entries, places, mode="clip")
        missing = found == 0
        if not missing.any():
            return np.asarray(found)
        with self._filling:
            self._fill(places[missing] // GREYS)
        return np.asarray(np.take(self.entries, places, mode="clip"))

    def _fill(self, cells: NDArray[np.int64]) -> None:
        """Fill the squares in which cells lie, with all greys, which the next strips have: each call costs a little."""
        a, b = np.divmod(cells, CELLS)
        wanted = np.zeros_like(self._filled)
        wanted[a // _SQUARE, b // _SQUARE] = True
        wanted &= ~self._filled  # another thread may have been here
        cells = np.flatnonzero(wanted.repeat(_SQUARE, 0).repeat(_SQUARE, 1))
        steps = np.arange(GREYS, dtype=np.float32)
        by_cell = self.entries.reshape(CELLS * CELLS, GREYS)
        for start in range(0, len(cells), _AT_ONCE):
            part = cells[start : start + _AT_ONCE]
            a_star, b_star = (axis.astype(np.float32)[:, None] - CELLS // 2 for axis in np.divmod(part, CELLS))
            by_cell[part] = _entries(a_star, b_star, steps)
        self._filled |= wanted


@lru_cache(maxsize=1)
def luma_table() -> LumaTable:
    """The one table of the process."""
    return LumaTable()


def _entries(a: Floats, b: Floats, steps: Floats) -> NDArray[np.uint64]:
    """Table entries of colors at steps of grey; shapes as they broadcast."""
    center = steps * np.float32(_STEP) + np.float32((_STEP - 1) / 2)
    red, green, blue = _encoded(a, b, center)
    chroma_blue = np.rint(128 - 0.168736 * red - 0.331264 * green + 0.5 * blue).astype(np.int32)
    chroma_red = np.rint(128 + 0.5 * red - 0.418688 * green - 0.081312 * blue).astype(np.int32)
    cb, cr = chroma_blue - 128, chroma_red - 128
    # A decoder rounds what chroma adds to the luma before it adds it.
    offsets = (np.rint(1.402 * cr), np.rint(-0.344136 * cb - 0.714136 * cr), np.rint(1.772 * cb))
    low, high = np.maximum(center - _ASIDE, 0), np.minimum(center + _ASIDE, 255)
    rough = center - sum(weight * offset for weight, offset in zip(SRGB.xyz_from_rgb[1], offsets, strict=True))
    luma = _luma(center, offsets, np.asarray(rough, np.float32), _ROUNDS)
    above, below = (_luma(grey, offsets, luma + (grey - center), _ROUNDS // 2) for grey in (high, low))
    slope = np.rint(np.clip((above - below) / (high - low) - 1, -STEEPEST, STEEPEST) * SLOPE) / SLOPE
    intercept = luma - center * (1 + slope)
    stored = np.stack(
        (
            chroma_blue | chroma_red << 8,
            np.rint(np.clip(intercept, -127, 127) * INTERCEPT) + HALF,
            np.rint(slope * SLOPE),
            np.ones_like(chroma_blue),
        ),
        -1,
    )
    return np.ascontiguousarray(stored.astype(np.int32).astype("<u2")).view("<u8")[..., 0]


def _encoded(a: Floats, b: Floats, grey: Floats) -> tuple[Floats, Floats, Floats]:
    """Levels of sRGB, not rounded, of colors at a grey's lightness, inside the gamut; shapes as they broadcast."""
    light = SRGB.curves[0].decode(grey / 255)
    lightness = lightness_from_y(light).astype(np.float32)
    shape = np.broadcast_shapes(a.shape, grey.shape)
    f = np.ascontiguousarray(np.broadcast_to(f_from_lightness(lightness), shape))
    a, b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
    linear = gamut.linear_inside(f, a, b, SRGB.rgb_from_xyz.astype(np.float32), _HALVINGS)
    encode = tables.encoding_tables(SRGB, 65535)[0]
    root = tuple(np.sqrt(np.clip(channel, 0, 1)) * np.float32(tables.ROOTS) for channel in linear)
    red, green, blue = (np.take(encode, np.rint(channel).astype(np.intp)) * np.float32(1 / 257) for channel in root)
    return red, green, blue


def _luma(grey: Floats, offsets: Sequence[Floats], start: Floats, rounds: int) -> Floats:
    """The Y, a fraction of levels, whose color has the luminance of `grey`, when a decoder adds `offsets` to it.

    Newton's method: `rounds` steps from `start`.
    """
    light, slope = _linear()
    weights = [np.float32(weight) for weight in SRGB.xyz_from_rgb[1]]
    wanted = SRGB.curves[0].decode(grey / 255).astype(np.float32)
    shift = [((offset + _BELOW) * _FINE + 0.5).astype(np.float32) for offset in offsets]
    y = start
    for _ in range(rounds):
        places = [(y * np.float32(_FINE) + channel).astype(np.int32) for channel in shift]
        value = sum(weight * np.take(light, at, mode="clip") for weight, at in zip(weights, places, strict=True))
        rise = sum(weight * np.take(slope, at, mode="clip") for weight, at in zip(weights, places, strict=True))
        y = np.clip(y + np.clip((wanted - value) / np.maximum(rise, np.float32(1e-5)), -24, 24), 0, 255)
    return np.asarray(y, np.float32)
