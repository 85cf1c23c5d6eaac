"""What the fast roads look up instead of computing: curves, and how much chroma sRGB holds at each grey and hue.

In:  an RgbSpace, or nothing (sRGB)
Out: numpy tables, made once and kept; and the gamut search that they are made with

Encoding is tabled over the square root of linear light, where every usual curve is nearly straight.
"""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.spaces import SRGB, RgbSpace, lightness_from_y

Floats = NDArray[np.float32]

ROOTS = 65535  # tables over sqrt(linear) have ROOTS + 1 entries
HUES = 4096  # steps of direction around the grey axis, see `direction`
TOLERANCE = np.float32(2e-6)  # linear light, of Y below and of white above: the rounding of float32
_SAMPLES, _HALVINGS = 8, 13  # the gamut's boundary is found to 2**-16 of the chroma asked for
_ROWS = 4  # greys searched together: large enough for numpy, small enough for the cache
_CORNER = np.float32(0.04)  # Lab units by which the gamut's edge may turn aside between directions, or it is no line
_KNEE = np.float32(6 / 29)
_MAKING = Lock()


@lru_cache(maxsize=16)
def linear_tables(space: RgbSpace, maximum: int) -> Floats:
    """Linear light of every level of every channel, (3, maximum + 1)."""
    levels = np.arange(maximum + 1) / maximum
    return np.stack([curve.decode(levels) for curve in space.curves]).astype(np.float32)


@lru_cache(maxsize=16)
def grey_lightness(space: RgbSpace, maximum: int) -> Floats:
    """L* of every grey level (R = G = B), (maximum + 1,)."""
    levels = np.arange(maximum + 1) / maximum
    linear = np.stack([curve.decode(levels) for curve in space.curves])
    return lightness_from_y(np.array(space.xyz_from_rgb[1]) @ linear).astype(np.float32)


@lru_cache(maxsize=1)
def root_lightness() -> Floats:
    """L* over sqrt(Y), (ROOTS + 1,)."""
    return lightness_from_y((np.arange(ROOTS + 1) / ROOTS) ** 2).astype(np.float32)


@lru_cache(maxsize=16)
def encoding_tables(space: RgbSpace, maximum: int) -> tuple[NDArray[Any], ...]:
    """Level over sqrt(linear), for red, green and blue: rounded, (ROOTS + 1,) uint8, for 8 bits; float32 for more."""
    linear = (np.arange(ROOTS + 1) / ROOTS) ** 2
    levels = [curve.encode(linear) * maximum for curve in space.curves]
    if maximum == 255:
        return tuple(np.rint(level).astype(np.uint8) for level in levels)
    return tuple(np.append(level, maximum).astype(np.float32) for level in levels)


def xyz_from_f(f: Floats) -> Floats:
    """CIE Lab's f back to X, Y or Z relative to the white: a cube, and its tangent below 6/29. Any shape."""
    above = np.maximum(f - _KNEE, np.float32(0))
    line = f * np.float32(108 / 841) - np.float32(432 / 24389)
    # f^3 = tangent at the knee + above^2 (3 knee + above): one formula for both pieces, without a branch
    above_squared = above * above
    above += np.float32(18 / 29)
    above_squared *= above
    line += above_squared
    return line


def inside(linear: tuple[Floats, Floats, Floats], y: Floats) -> NDArray[np.bool_]:
    """Whether linear red, green and blue are what the space can show, for Y `y`; any shape."""
    red, green, blue = linear
    lowest = np.minimum(np.minimum(red, green), blue)
    highest = np.maximum(np.maximum(red, green), blue)
    good: NDArray[np.bool_] = (lowest >= -TOLERANCE * y) & (highest <= 1 + TOLERANCE)
    return good


def linear_rgb(f: Floats, y: Floats, a: Floats, b: Floats, matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """Lab to linear RGB; `f` and `y` are CIE's f(Y) and Y, `matrix` (3, 3) goes from XYZ to RGB. Any one shape."""
    x = xyz_from_f(f + a * np.float32(1 / 500))
    z = xyz_from_f(f - b * np.float32(1 / 200))
    red, green, blue = (x * row[0] + y * row[1] + z * row[2] for row in matrix)
    return red, green, blue


def chroma_scale(f: Floats, y: Floats, a: Floats, b: Floats, matrix: Floats, halvings: int = _HALVINGS) -> Floats:
    """`gamut.chroma_scale` in numpy and float32: `f` and `y` are CIE's f(Y) and Y; all of one shape."""

    def shown(scale: Floats | np.float32) -> NDArray[np.bool_]:
        return inside(linear_rgb(f, y, a * scale, b * scale, matrix), y)

    low = np.zeros_like(f)
    for sample in range(1, _SAMPLES):
        low = np.where(shown(np.float32(sample / _SAMPLES)), np.float32(sample / _SAMPLES), low)
    step = np.float32(1 / _SAMPLES)
    for _ in range(halvings):
        step = np.float32(step / 2)
        low = np.where(shown(low + step), low + step, low)
    return np.where(shown(np.float32(1)), np.float32(1), low)


def direction(position: Floats) -> tuple[Floats, Floats]:
    """The (a, b) with |a| + |b| = 1 at a position in [-2, 2] around the grey axis: 0 is red, 1 yellow, -1 blue."""
    a = 1 - np.abs(position)
    return a, np.copysign(1 - np.abs(a), position)


def srgb_inverse_limits() -> Floats:
    """1 over the largest |a| + |b| that sRGB shows, for each 8-bit grey and direction: (256 * (HUES + 1),) float32.

    The inverse, since between two neighbours it is a straight line wherever the gamut's edge is one; not a number
    beside the few corners of that edge, where the pixels have to be searched one by one.
    """
    with _MAKING:  # threads that come at once wait for the first
        return _srgb_inverse_limits()


@lru_cache(maxsize=1)
def _srgb_inverse_limits() -> Floats:
    matrix = SRGB.rgb_from_xyz.astype(np.float32)
    a, b = direction(np.linspace(-2, 2, HUES + 1, dtype=np.float32)[None])
    f_of_grey = (grey_lightness(SRGB, 255) + 16) / 116
    limits = np.empty((256, HUES + 1), np.float32)
    for top in range(0, 256, _ROWS):
        f = np.empty((_ROWS, HUES + 1), np.float32)
        f[:] = f_of_grey[top : top + _ROWS, None]
        y, low, step = xyz_from_f(f), np.zeros_like(f), np.float32(256)  # 256 is beyond every colour of sRGB
        for _ in range(16):
            step = np.float32(step / 2)
            wider = low + step
            low = np.where(inside(linear_rgb(f, y, a * wider, b * wider, matrix), y), wider, low)
        limits[top : top + _ROWS] = 1 / (low + step / 2)
    # Where two faces of the gamut meet between two directions, a straight line would cut the corner off.
    bend = limits[:, 2:] + limits[:, :-2] - 2 * limits[:, 1:-1]
    limits[:, 1:-1][np.abs(bend) > _CORNER * limits[:, 1:-1] ** 2] = np.nan
    return limits.ravel()
