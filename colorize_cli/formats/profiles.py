"""Apply grey and CMYK profiles; recognise RGB ones.

In:  pixels as stored, and the profile that came with them
Out: grey or RGB in sRGB; or the pixels as they were, with an RGB profile to stay in

Relative colorimetric, without black point compensation. Source: ICC.1:2010 for the header and the curves.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from colorize_cli.formats.photo import AnyPixels

_SPACES = {b"GRAY": "grey", b"RGB ": "rgb", b"CMYK": "cmyk", b"Lab ": "lab"}


def space_of(profile: bytes | None) -> str | None:
    """The colour space that a profile is for: grey, rgb, cmyk, lab, or other; None where it is no profile."""
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


def grey_to_srgb(pixels: AnyPixels, profile: bytes) -> AnyPixels | None:
    """Bring grey pixels from their profile's tone to sRGB's; None where the profile has no usable curve."""
    top = int(np.iinfo(pixels.dtype).max)
    curve = _grey_curve(profile)
    if curve is None:
        return None
    positions = np.linspace(0.0, 1.0, top + 1)
    linear = np.clip(_evaluate(curve, positions), 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    table: AnyPixels = np.rint(encoded * top).astype(pixels.dtype)
    return table[pixels]


def _grey_curve(profile: bytes) -> bytes | None:
    count = struct.unpack_from(">I", profile, 128)[0]
    for i in range(min(count, 200)):
        if 132 + 12 * i + 12 > len(profile):
            return None
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * i)
        if name == b"kTRC" and offset + size <= len(profile) and size >= 12:
            return profile[offset : offset + size]
    return None


def _evaluate(curve: bytes, x: NDArray[np.float64]) -> NDArray[np.float64]:
    if curve[:4] == b"curv":
        count = struct.unpack_from(">I", curve, 8)[0]
        if count == 0:
            return x
        values = np.frombuffer(curve, ">u2", min(count, (len(curve) - 12) // 2), 12).astype(np.float64)
        if len(values) == 1:
            return np.asarray(x ** (values[0] / 256.0))
        return np.interp(x, np.linspace(0.0, 1.0, len(values)), values / 65535.0) if len(values) else x
    if curve[:4] != b"para":
        return x
    kind = struct.unpack_from(">H", curve, 8)[0]
    wanted = (1, 3, 4, 5, 7)[kind] if kind < 5 else 1
    p = [v / 65536 for v in struct.unpack_from(f">{wanted}i", curve.ljust(12 + 4 * wanted, b"\0"), 12)]
    g, a, b, c, d, e, f = (p + [0.0] * 7)[:7] if kind else (p[0], 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    power = np.maximum(a * x + b, 0.0) ** g
    if kind == 0:
        return np.asarray(power)
    if kind in (1, 2):
        split = -b / a if a else 0.0
        return np.asarray(np.where(x >= split, power + (c if kind == 2 else 0.0), c if kind == 2 else 0.0))
    return np.asarray(np.where(x >= d, power + (e if kind == 4 else 0.0), c * x + (f if kind == 4 else 0.0)))


def cmyk_to_srgb(cmyk: AnyPixels, profile: bytes | None) -> tuple[AnyPixels, bool]:
    """Bring CMYK to sRGB of the same depth.

    Args:
        cmyk: (H, W, 4), uint8 or uint16, 0 is no ink.
        profile: a CMYK profile, or None for plain multiplication of the inks' complements.

    Returns:
        (H, W, 3), and whether the profile was applied.
    """
    if space_of(profile) == "cmyk" and profile is not None:
        try:
            return _by_cmyk_profile(cmyk, profile), True
        except (ImageCms.PyCMSError, imagecodecs.CmsError, OSError, ValueError):
            pass
    top = int(np.iinfo(cmyk.dtype).max)
    out = np.empty((*cmyk.shape[:2], 3), cmyk.dtype)
    for start in range(0, len(cmyk), 512):
        inks = top - cmyk[start : start + 512].astype(np.uint32)
        out[start : start + 512] = (inks[..., :3] * inks[..., 3:] + top // 2) // top
    return out, False


def _by_cmyk_profile(cmyk: AnyPixels, profile: bytes) -> AnyPixels:
    out = np.empty((*cmyk.shape[:2], 3), cmyk.dtype)
    if cmyk.dtype == np.uint8:
        transform = srgb_transform(profile, "CMYK")
    for top in range(0, len(cmyk), 512):
        inks = np.ascontiguousarray(cmyk[top : top + 512])
        if cmyk.dtype == np.uint8:
            strip = Image.frombytes("CMYK", (inks.shape[1], len(inks)), inks.tobytes())
            out[top : top + 512] = np.asarray(ImageCms.applyTransform(strip, transform))
        else:  # Pillow has no 16-bit inks; Little CMS has
            out[top : top + 512] = _by_little_cms(inks, profile, "cmyk")
    return out


def rgb_to_srgb(rgb: AnyPixels, profile: bytes) -> AnyPixels | None:
    """Bring RGB of 8 or 16 bits from its profile to sRGB; None where the profile is broken or not for RGB."""
    if space_of(profile) != "rgb":
        return None
    out = np.empty_like(rgb)
    try:
        for top in range(0, len(rgb), 512):
            part = np.ascontiguousarray(rgb[top : top + 512])
            out[top : top + 512] = _by_little_cms(part, profile, "rgb")
    except (imagecodecs.CmsError, ValueError):
        return None
    return out


def _by_little_cms(pixels: AnyPixels, profile: bytes, space: str) -> AnyPixels:
    found: AnyPixels = imagecodecs.cms_transform(
        pixels,
        profile,
        srgb_profile(),
        colorspace=space,
        outcolorspace="rgb",
        intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
    )
    return found


@lru_cache(maxsize=4)
def srgb_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    """From a profile of pixels of Pillow's `mode` to sRGB, relative colorimetric; Pillow raises where it is broken."""
    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
