"""CIE Lab of arrays: the formulas, each once. `gpu` has the same for tensors.

In:  Y or XYZ relative to the white, L*, f(Y), sRGB
Out: L*, a* and b*; and back. Arrays of any shape and floating type; the type stays

Source: CIE 15:2004, in the exact fractions; sRGB is IEC 61966-2-1.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.spaces import SRGB

Array = NDArray[Any]  # of a floating type
Floats = NDArray[np.float32]

EPSILON, KAPPA = 216 / 24389, 24389 / 27  # CIE's: Y where L* is 8, and the slope of L* below
AB_MAX = 110  # Lab units: a* and b* of networks lie in [-AB_MAX, AB_MAX], which holds every color of sRGB
_KNEE = np.float32(6 / 29)


def lightness_from_y(y: Array) -> Array:
    """L*, [0, 100], of Y relative to the white, [0, 1]."""
    return np.asarray(np.where(y > EPSILON, 116 * np.cbrt(y) - 16, y * KAPPA), y.dtype)


def y_from_lightness(lightness: Array) -> Array:
    """Y relative to the white, [0, 1], of L*, [0, 100]."""
    cube = ((lightness + 16) / 116) ** 3
    return np.asarray(np.where(lightness > KAPPA * EPSILON, cube, lightness / KAPPA), lightness.dtype)


def grey_from_lightness(lightness: Array) -> NDArray[np.float64]:
    """The grey of sRGB, [0, 1], that has L*, [0, 100]."""
    return SRGB.curves[0].encode(y_from_lightness(lightness))


def f_from_lightness(lightness: Array) -> Array:
    """CIE's f(Y) of L*."""
    return np.asarray((lightness + 16) * (1 / 116), lightness.dtype)


def f_from_xyz(xyz: Array) -> Array:
    """CIE's f of X, Y or Z relative to the white."""
    return np.asarray(np.where(xyz > EPSILON, np.cbrt(xyz), xyz * (KAPPA / 116) + 16 / 116), xyz.dtype)


def xyz_from_f(f: Floats) -> Floats:
    """X, Y or Z relative to the white of CIE's f: a cube, and its tangent below 6/29."""
    above = np.maximum(f - _KNEE, np.float32(0))
    line = f * np.float32(108 / 841) - np.float32(432 / 24389)
    # f^3 = tangent at the knee + above^2 (3 knee + above): one formula for both pieces, without a branch
    above_squared = above * above
    above += np.float32(18 / 29)
    above_squared *= above
    line += above_squared
    return line


def linear_from_lab(f: Floats, y: Floats, a: Floats, b: Floats, matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """Lab to linear RGB, which may lie outside [0, 1].

    Args:
        f: CIE's f(Y), of any shape.
        y: Y itself, of the same.
        a: CIE a*, of the same.
        b: CIE b*, of the same.
        matrix: (3, 3), from XYZ relative to the white to RGB.
    """
    x = xyz_from_f(f + a * np.float32(1 / 500))
    z = xyz_from_f(f - b * np.float32(1 / 200))
    red, green, blue = (x * row[0] + y * row[1] + z * row[2] for row in matrix)
    return red, green, blue


def lab_from_srgb(rgb: Floats | NDArray[np.uint8]) -> Floats:
    """L*, a* and b* of sRGB, (H, W, 3), [0, 1] or uint8; by OpenCV: within 0.35, and many times as fast."""
    if rgb.dtype == np.uint8:
        rgb = rgb.astype(np.float32) / np.float32(255)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.float32)


def srgb_from_lab(lab: Floats, out: Floats | None = None) -> Floats:
    """SRGB of L*, a* and b*, (H, W, 3) float32; what lies outside the gamut is clipped. `out` may be `lab` itself."""
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB, dst=out), np.float32)
