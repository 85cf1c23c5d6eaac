"""Bring pixels from grey, CMYK and RGB profiles to sRGB.

In:  pixels as stored, of 8 or 16 bits, and the profile that came with them
Out: pixels in sRGB, of the same depth; None where the profile cannot be applied

Relative colorimetric, without black point compensation; by Little CMS, but for a grey profile's single curve.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache, partial

import imagecodecs
import numpy as np
from PIL import Image, ImageCms

from colorize_cli.color.icc import grey_curve, space_of, srgb_profile
from colorize_cli.color.pixels import Pixels
from colorize_cli.color.spaces import SRGB

_ROWS = 512  # that are converted at once
_BROKEN = (ImageCms.PyCMSError, imagecodecs.CmsError, OSError, ValueError)


def grey_to_srgb(pixels: Pixels, profile: bytes) -> Pixels | None:
    """Bring grey pixels from their profile's tone to sRGB's; None where the profile has no usable curve."""
    curve = grey_curve(profile)
    if curve is None:
        return None
    top = int(np.iinfo(pixels.dtype).max)
    light = curve.decode(np.linspace(0.0, 1.0, top + 1))
    table: Pixels = np.rint(SRGB.curves[0].encode(light) * top).astype(pixels.dtype)
    return table[pixels]


def cmyk_to_srgb(cmyk: Pixels, profile: bytes | None) -> tuple[Pixels, bool]:
    """Bring CMYK to sRGB of the same depth.

    Args:
        cmyk: (H, W, 4), uint8 or uint16, 0 is no ink.
        profile: a CMYK profile, or None for plain multiplication of the inks' complements.

    Returns:
        (H, W, 3), and whether the profile was applied.
    """
    found = _by_profile(cmyk, profile, "cmyk")
    return (_multiplied(cmyk), False) if found is None else (found, True)


def _multiplied(cmyk: Pixels) -> Pixels:
    top = int(np.iinfo(cmyk.dtype).max)
    out = np.empty((*cmyk.shape[:2], 3), cmyk.dtype)
    for start in range(0, len(cmyk), _ROWS):
        inks = top - cmyk[start : start + _ROWS].astype(np.uint32)
        out[start : start + _ROWS] = (inks[..., :3] * inks[..., 3:] + top // 2) // top
    return out


def rgb_to_srgb(rgb: Pixels, profile: bytes) -> Pixels | None:
    """Bring RGB, (H, W, 3), from its profile to sRGB; None where the profile is broken or not for RGB."""
    return _by_profile(rgb, profile, "rgb")


def _by_profile(pixels: Pixels, profile: bytes | None, space: str) -> Pixels | None:
    """(H, W, C) of a space to sRGB, (H, W, 3), some rows at a time."""
    if profile is None or space_of(profile) != space:
        return None
    out = np.empty((*pixels.shape[:2], 3), pixels.dtype)
    try:
        convert = _converter(profile, space, pixels.dtype == np.uint8)
        for top in range(0, len(pixels), _ROWS):
            out[top : top + _ROWS] = convert(np.ascontiguousarray(pixels[top : top + _ROWS]))
    except _BROKEN:
        return None
    return out


def _converter(profile: bytes, space: str, eight: bool) -> Callable[[Pixels], Pixels]:
    if eight:
        return partial(_by_pillow, _transform(profile, space.upper()), space.upper())
    return partial(  # Pillow has no 16-bit colors
        imagecodecs.cms_transform,
        profile=profile,
        outprofile=srgb_profile(),
        colorspace=space,
        outcolorspace="rgb",
        intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
    )


def _by_pillow(transform: ImageCms.ImageCmsTransform, mode: str, pixels: Pixels) -> Pixels:
    strip = Image.frombytes(mode, (pixels.shape[1], len(pixels)), pixels.tobytes())
    return np.asarray(ImageCms.applyTransform(strip, transform))


@lru_cache(maxsize=4)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    """From a profile of pixels of Pillow's `mode` to sRGB; Pillow raises where it is broken."""
    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
