"""Read ICC profiles: what kind of pixels they are for, their curves, and RGB spaces of primaries and curves.

In:  the bytes of an ICC profile, versions 2 and 4
Out: a color space's name; a Curve; an RgbSpace

Source: ICC.1:2022.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import pairwise

import numpy as np
from PIL import ImageCms

from colorize_cli.color.lab import lightness_from_y
from colorize_cli.color.spaces import SRGB, Curve, RgbSpace, matrix_of

_SPACES = {b"GRAY": "grey", b"RGB ": "rgb", b"CMYK": "cmyk", b"Lab ": "lab"}
# Table 68: which of (g, a, b, c, d, e, f) each parametric function gives, in the file's order.
_PARAMETRIC = ("g", "gab", "gabc", "gabcd", "gabcdef")
# sRGB's primaries, adapted to D50 (Bradford) and relative to that white: what a profile of sRGB holds.
_SRGB_AT_D50 = ((0.45225, 0.39934, 0.14841), (0.22249, 0.71690, 0.06061), (0.01688, 0.11768, 0.86544))
_TAGS = 256  # a profile that claims more is not believed
_BROKEN = (struct.error, ValueError, IndexError, KeyError, OverflowError, ZeroDivisionError, UnicodeDecodeError)


def space_of(profile: bytes | None) -> str | None:
    """The color space that a profile is for: grey, rgb, cmyk, lab, or other; None where it is no profile."""
    if profile is None or len(profile) < 132 or profile[36:40] != b"acsp":
        return None
    return _SPACES.get(profile[16:20], "other")


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """An sRGB profile, always the same bytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # Little CMS writes the time of day here
    profile[84:100] = bytes(16)
    return bytes(profile)


def rgb_space(profile: bytes) -> RgbSpace | None:
    """Read a profile of three primaries and three curves.

    Args:
        profile: the bytes of an ICC profile.

    Returns:
        The space, SRGB itself where the profile describes it; None where the profile is not RGB, holds look-up
        tables (they come before the matrix, ICC.1:2022 section 9.2), or cannot be read.
    """
    try:
        return _rgb_space(profile)
    except _BROKEN:
        return None


def grey_curve(profile: bytes) -> Curve | None:
    """The curve of a grey profile, from levels to light; None where it has none that can be read."""
    try:
        return curve_of(_tags(profile)[b"kTRC"])
    except _BROKEN:
        return None


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    tags: dict[bytes, bytes] = {}
    for index in range(min(count, _TAGS)):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        tags[name] = profile[offset : offset + size]
    return tags


def _rgb_space(profile: bytes) -> RgbSpace | None:
    if profile[36:40] != b"acsp" or profile[16:20] != b"RGB " or profile[20:24] != b"XYZ ":
        return None
    tags = _tags(profile)
    if any(name.startswith((b"A2B", b"D2B")) for name in tags):
        return None
    primaries = np.array([struct.unpack_from(">8x3i", tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]).T / 65536
    white = primaries.sum(1)
    if not 0.9 < white[1] < 1.1 or white.min() < 0.5:
        return None
    matrix = matrix_of(primaries)
    if np.linalg.cond(np.array(matrix)) > 100:
        return None
    curves = (curve_of(tags[b"rTRC"]), curve_of(tags[b"gTRC"]), curve_of(tags[b"bTRC"]))
    if not all(_usable(curve) for curve in curves):
        return None
    if np.abs(np.subtract(matrix, _SRGB_AT_D50)).max() < 0.003 and all(_like_srgb(curve) for curve in curves):
        return SRGB
    return RgbSpace(_description(tags.get(b"desc", b"")), matrix, curves)


def curve_of(tag: bytes) -> Curve:
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
    own, srgb = (lightness_from_y(each.decode(levels)) for each in (curve, SRGB.curves[0]))
    return bool(np.abs(own - srgb).max() < 0.1)


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
