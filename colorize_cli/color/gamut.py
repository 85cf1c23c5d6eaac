"""Keep colors inside what an RGB space can show: less chroma, same lightness, same hue. `gpu` has the same for tensors.

In:  CIE's f(Y) and Y, a* and b*, float32 of one shape; a matrix from XYZ to RGB
Out: the share of the chroma that stays; linear RGB inside the gamut; how much chroma sRGB has at each grey and hue
"""

from __future__ import annotations

from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.lab import Floats, linear_from_lab, xyz_from_f
from colorize_cli.color.spaces import SRGB
from colorize_cli.color.tables import grey_lightness

HUES = 4096  # steps of direction around the grey axis, see `direction`
TOLERANCE = 2e-6  # linear light, of Y below and of white above: the rounding of float32
SAMPLES, HALVINGS = 8, 13  # the gamut's boundary is found to 2**-16 of the chroma asked for
_ROWS = 4  # greys searched together: large enough for numpy, small enough for the cache
_CORNER = np.float32(0.04)  # Lab units by which the gamut's edge may turn aside between directions, or it is no line
_MAKING = Lock()


def inside(linear: tuple[Floats, Floats, Floats], y: Floats) -> NDArray[np.bool_]:
    """Whether linear red, green and blue are what the space can show, for Y `y`; any shape."""
    red, green, blue = linear
    lowest = np.minimum(np.minimum(red, green), blue)
    highest = np.maximum(np.maximum(red, green), blue)
    good: NDArray[np.bool_] = (lowest >= -np.float32(TOLERANCE) * y) & (highest <= 1 + np.float32(TOLERANCE))
    return good


def chroma_scale(f: Floats, y: Floats, a: Floats, b: Floats, matrix: Floats, halvings: int = HALVINGS) -> Floats:
    """The largest factor, at most 1, by which colors' a* and b* may be multiplied to lie inside the gamut.

    Args:
        f: CIE's f(Y), of any shape.
        y: Y itself, of the same.
        a: CIE a*, of the same.
        b: CIE b*, of the same.
        matrix: (3, 3), from XYZ relative to the white to RGB.
        halvings: of the eighth in which the boundary lies.

    Returns:
        [0, 1], of the same shape; the scaled color is inside the gamut, or within `TOLERANCE` of it.
    """

    def shown(scale: Floats | np.float32) -> NDArray[np.bool_]:
        return inside(linear_from_lab(f, y, a * scale, b * scale, matrix), y)

    # Along a ray of bright yellow (hue 98 to 107 degrees) red leaves sRGB and comes back, so first look in steps.
    low = np.zeros_like(f)
    for sample in range(1, SAMPLES):
        low = np.where(shown(np.float32(sample / SAMPLES)), np.float32(sample / SAMPLES), low)
    step = np.float32(1 / SAMPLES)
    for _ in range(halvings):
        step = np.float32(step / 2)
        low = np.where(shown(low + step), low + step, low)
    return np.where(shown(np.float32(1)), np.float32(1), low)


def linear_inside(
    f: Floats, a: Floats, b: Floats, matrix: Floats, halvings: int = HALVINGS
) -> tuple[Floats, Floats, Floats]:
    """Linear red, green and blue of colors; those outside the gamut lose chroma. See `chroma_scale`."""
    y = xyz_from_f(f)
    linear = linear_from_lab(f, y, a, b, matrix)
    outside = ~inside(linear, y)
    if outside.any():
        f, y, a, b = f[outside], y[outside], a[outside], b[outside]
        scale = chroma_scale(f, y, a, b, matrix, halvings)
        for channel, value in zip(linear, linear_from_lab(f, y, a * scale, b * scale, matrix), strict=True):
            channel[outside] = value
    return linear


def direction(position: Floats) -> tuple[Floats, Floats]:
    """The (a, b) with |a| + |b| = 1 at a position in [-2, 2] around the grey axis: 0 is red, 1 yellow, -1 blue."""
    a = 1 - np.abs(position)
    return a, np.copysign(1 - np.abs(a), position)


def srgb_inverse_limits() -> Floats:
    """1 over the largest |a| + |b| that sRGB shows, for each 8-bit grey and direction: (256 * (HUES + 1),) float32.

    The inverse, since between two neighbors it is a straight line wherever the gamut's edge is one; not a number
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
        y, low, step = xyz_from_f(f), np.zeros_like(f), np.float32(256)  # 256 is beyond every color of sRGB
        for _ in range(16):
            step = np.float32(step / 2)
            wider = low + step
            low = np.where(inside(linear_from_lab(f, y, a * wider, b * wider, matrix), y), wider, low)
        limits[top : top + _ROWS] = 1 / (low + step / 2)
    # Where two faces of the gamut meet between two directions, a straight line would cut the corner off.
    bend = limits[:, 2:] + limits[:, :-2] - 2 * limits[:, 1:-1]
    limits[:, 1:-1][np.abs(bend) > _CORNER * limits[:, 1:-1] ** 2] = np.nan
    return limits.ravel()
