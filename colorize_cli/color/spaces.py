"""RGB spaces as a matrix and three curves, read from ICC profiles.

In:  the bytes of an ICC profile, versions 2 and 4
Out: an RgbSpace: linear RGB to XYZ relative to the white, and the curves between encoded and linear values

Lightness is CIE L* of Y relative to the white: of D65 for sRGB, which stays as IEC 61966-2-1 has it; of the profile
connection space's D50 for every other profile, as colour management computes it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]

# ICC.1:2022, table 68: which of (g, a, b, c, d, e, f) each parametric function gives, in the file's order.
_PARAMETRIC = ("g", "gab", "gabc", "gabcd", "gabcdef")
# sRGB's primaries, adapted to D50 (Bradford) and relative to that white: what a profile of sRGB holds.
_SRGB_AT_D50 = ((0.45225, 0.39934, 0.14841), (0.22249, 0.71690, 0.06061), (0.01688, 0.11768, 0.86544))


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

    @property
    def neutral_greys(self) -> bool:
        """Whether R = G = B is a grey: the three curves are one."""
        return self.curves[0] == self.curves[1] == self.curves[2]

    @classmethod
    def from_icc(cls, profile: bytes) -> RgbSpace | None:
        """Read a profile of three primaries and three curves.

        Args:
            profile: the bytes of an ICC profile.

        Returns:
            The space, SRGB itself where the profile describes it; None where the profile is not RGB, holds look-up
            tables (they come before the matrix, ICC.1:2022 section 9.2), or cannot be read.
        """
        try:
            return _space_of(profile)
        except (struct.error, ValueError, IndexError, OverflowError, UnicodeDecodeError):
            return None


_SRGB_CURVE = Curve(g=2.4, a=1 / 1.055, b=0.055 / 1.055, c=1 / 12.92, d=0.04045)


def _matrix(rows: ArrayLike) -> Matrix:
    """(3, 3), each row scaled to sum to one, so that white is (1, 1, 1)."""
    array = np.asarray(rows, np.float64)
    first, second, third = (array / array.sum(1, keepdims=True)).tolist()
    return (tuple(first), tuple(second), tuple(third))


# IEC 61966-2-1: linear sRGB to XYZ, relative to D65's white, so that white is (1, 1, 1)
_XYZ_FROM_SRGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])
SRGB = RgbSpace("sRGB", _matrix(_XYZ_FROM_SRGB), (_SRGB_CURVE, _SRGB_CURVE, _SRGB_CURVE))


def _space_of(profile: bytes) -> RgbSpace | None:
    if profile[36:40] != b"acsp" or profile[16:20] != b"RGB " or profile[20:24] != b"XYZ ":
        return None
    (count,) = struct.unpack_from(">I", profile, 128)
    tags: dict[bytes, bytes] = {}
    for index in range(min(count, 256)):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        tags[name] = profile[offset : offset + size]
    if any(name.startswith((b"A2B", b"D2B")) for name in tags):
        return None
    if any(name not in tags for name in (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")):
        return None
    primaries = np.array([struct.unpack_from(">8x3i", tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]).T / 65536
    white = primaries.sum(1)
    if not 0.9 < white[1] < 1.1 or white.min() < 0.5:
        return None
    matrix = _matrix(primaries)
    if np.linalg.cond(np.array(matrix)) > 100:
        return None
    curves = (_curve_of(tags[b"rTRC"]), _curve_of(tags[b"gTRC"]), _curve_of(tags[b"bTRC"]))
    if not all(_usable(curve) for curve in curves):
        return None
    if np.abs(np.subtract(matrix, _SRGB_AT_D50)).max() < 0.003 and all(_like_srgb(curve) for curve in curves):
        return SRGB
    return RgbSpace(_description(tags.get(b"desc", b"")), matrix, curves)


def _curve_of(tag: bytes) -> Curve:
    """A `curv` or `para` tag, ICC.1:2022 sections 10.6 and 10.18.

    Raises:
        ValueError: another type, or a function that the standard does not know.
        struct.error: the tag is cut short.
    """
    kind = tag[:4]
    if kind == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return Curve()
        values = struct.unpack_from(f">{count}H", tag, 12)
        return Curve(g=values[0] / 256) if count == 1 else Curve(table=tuple(value / 65535 for value in values))
    if kind == b"para":
        (function,) = struct.unpack_from(">H", tag, 8)
        if function >= len(_PARAMETRIC):
            raise ValueError(f"parametric function {function}")
        names = _PARAMETRIC[function]
        given = dict(
            zip(names, (value / 65536 for value in struct.unpack_from(f">{len(names)}i", tag, 12)), strict=True)
        )
        if function in (1, 2):  # these change over where a x + b reaches zero, to a constant
            given["d"] = -given["b"] / given["a"]
        if function == 2:
            given["e"] = given["f"] = given.pop("c")
        return Curve(**given)
    raise ValueError(f"curve of type {kind!r}")


def _usable(curve: Curve) -> bool:
    """Whether a curve rises from about black to about white and can be read backwards."""
    if not curve.table and (curve.g <= 0 or curve.a <= 0):
        return False
    values = curve.decode(np.linspace(0, 1, 257))
    rising = all(low <= high + 1e-6 for low, high in pairwise(values.tolist()))
    return rising and bool(np.isfinite(values).all()) and values[0] < 0.05 and values[-1] > 0.95


def _like_srgb(curve: Curve) -> bool:
    """Whether no grey's L* differs from sRGB's by more than a tenth."""
    levels = np.linspace(0, 1, 256)
    return bool(
        np.abs(lightness_from_y(curve.decode(levels)) - lightness_from_y(_SRGB_CURVE.decode(levels))).max() < 0.1
    )


def _description(tag: bytes) -> str:
    """The profile's own name, from a `desc` tag of version 2 or a `mluc` of version 4."""
    name = ""
    if tag[:4] == b"desc":
        (count,) = struct.unpack_from(">I", tag, 8)
        name = tag[12 : 12 + count].decode("ascii", "replace")
    elif tag[:4] == b"mluc":
        size, offset = struct.unpack_from(">II", tag, 20)
        name = tag[offset : offset + size].decode("utf-16-be", "replace")
    return name.rstrip("\0 ") or "an RGB profile"


def lightness_from_y(y: ArrayLike) -> NDArray[np.float64]:
    """CIE L* of Y relative to the white; any shape, [0, 1] to [0, 100]."""
    value = np.asarray(y, np.float64)
    return np.where(value > 216 / 24389, 116 * np.cbrt(value) - 16, value * (24389 / 27))
