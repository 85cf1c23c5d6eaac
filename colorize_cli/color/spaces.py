"""RGB spaces as a matrix and three curves.

In:  primaries and curves, as `icc` reads them from profiles
Out: an RgbSpace: linear RGB to XYZ relative to the white, and the curves between encoded and linear values

Lightness is CIE L* of Y relative to the white: of D65 for sRGB, which stays as IEC 61966-2-1 has it; of the profile
connection space's D50 for every other profile, as color management computes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Curve:
    """A transfer curve, encoded [0, 1] to linear [0, 1]: (a x + b)^g + e from d upwards, c x + f below; or a table."""

    g: float = 1.0
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0
    table: tuple[float, ...] = ()

    def decode(self, encoded: ArrayLike) -> NDArray[np.float64]:
        """Encoded to linear; any shape, [0, 1] to [0, 1]."""
        x = np.clip(np.asarray(encoded, np.float64), 0, 1)
        if self.table:
            return np.interp(x, np.linspace(0, 1, len(self.table)), self.table)
        power = np.clip(self.a * x + self.b, 0, None) ** self.g + self.e
        return np.clip(np.where(x >= self.d, power, self.c * x + self.f), 0, 1)

    def encode(self, linear: ArrayLike) -> NDArray[np.float64]:
        """Linear to encoded; any shape, [0, 1] to [0, 1]; where the curve is flat, the least of the values."""
        y = np.clip(np.asarray(linear, np.float64), 0, 1)
        if self.table:
            values, first = np.unique(self.table, return_index=True)
            return np.interp(y, values, first / (len(self.table) - 1))
        knee = self.c * self.d + self.f
        power = (np.clip(y - self.e, 0, None) ** (1 / self.g) - self.b) / self.a
        return np.clip(np.where((y >= knee) | (self.c == 0), power, (y - self.f) / (self.c or 1.0)), 0, 1)


@dataclass(frozen=True)
class RgbSpace:
    """What the numbers of an RGB pixel mean.

    Attributes:
        name: for messages.
        xyz_from_rgb: linear RGB to XYZ relative to the white: each row sums to one.
        curves: the transfer curves of red, green and blue.
    """

    name: str
    xyz_from_rgb: Matrix
    curves: tuple[Curve, Curve, Curve]

    @property
    def rgb_from_xyz(self) -> NDArray[np.float64]:
        """XYZ relative to the white to linear RGB, (3, 3)."""
        return np.linalg.inv(np.array(self.xyz_from_rgb))


_SRGB_CURVE = Curve(g=2.4, a=1 / 1.055, b=0.055 / 1.055, c=1 / 12.92, d=0.04045)


def matrix_of(rows: ArrayLike) -> Matrix:
    """(3, 3), each row scaled to sum to one, so that white is (1, 1, 1)."""
    array = np.asarray(rows, np.float64)
    first, second, third = (array / array.sum(1, keepdims=True)).tolist()
    return (tuple(first), tuple(second), tuple(third))


# IEC 61966-2-1: linear sRGB to XYZ, relative to D65's white, so that white is (1, 1, 1)
_XYZ_FROM_SRGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])
SRGB = RgbSpace("sRGB", matrix_of(_XYZ_FROM_SRGB), (_SRGB_CURVE, _SRGB_CURVE, _SRGB_CURVE))
_XYZ_FROM_BT2020 = np.array(  # ITU-R BT.2020-2: its primaries, with D65
    [
        [0.6369580, 0.1446169, 0.1688810],
        [0.2627002, 0.6779981, 0.0593017],
        [0.0000000, 0.0280727, 1.0609851],
    ]
)
BT2020 = RgbSpace("BT.2020", matrix_of(_XYZ_FROM_BT2020), (_SRGB_CURVE, _SRGB_CURVE, _SRGB_CURVE))
