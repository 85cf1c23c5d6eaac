"""Open a photo of a data set: what training learns from and what eval measures on, read as `colorize` reads photos.

In:  a file's bytes
Out: sRGB, uint8, (H, W, 3), upright
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.icc import rgb_space
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.files.facts import FileFacts
from colorize_cli.formats.decode import decode_bytes
from colorize_cli.formats.photo import DecodeLimits

Rgb = NDArray[np.uint8]
LARGEST = DecodeLimits(max_pixels=200_000_000)  # a few bytes can declare what would fill the memory


def decode_rgb(data: bytes, path: Path) -> Rgb:
    """Decode a picture as `colorize` reads it, upright, and bring it to sRGB, uint8, (H, W, 3).

    Raises:
        DecodeError: it is no picture, or damaged.
        TooLargeError: it declares more pixels than anything is worth learning from.
    """
    page = decode_bytes(data, path, FileFacts(size=len(data)), LARGEST).pages[0]
    space = rgb_space(page.icc) if page.icc else SRGB
    return to_srgb(page.pixels, space or SRGB)


def to_srgb(pixels: NDArray[np.uint8] | NDArray[np.uint16], space: RgbSpace) -> Rgb:
    """Pixels of any space, (H, W) or (H, W, 3), 8 or 16 bits, to sRGB, uint8, (H, W, 3); out of gamut is clipped."""
    if space is not SRGB and pixels.ndim == 3:
        levels = np.linspace(0, 1, int(np.iinfo(pixels.dtype).max) + 1)
        linear = np.stack([curve.decode(levels)[pixels[..., i]] for i, curve in enumerate(space.curves)], -1)
        linear = linear @ (SRGB.rgb_from_xyz @ np.array(space.xyz_from_rgb)).T
        encoded = [curve.encode(linear[..., i]) for i, curve in enumerate(SRGB.curves)]
        return np.asarray(np.rint(255 * np.stack(encoded, -1)), np.uint8)
    if pixels.dtype == np.uint16:
        pixels = np.asarray((pixels.astype(np.uint32) + 128) // 257, np.uint8)
    return np.asarray(np.repeat(pixels[..., None], 3, 2) if pixels.ndim == 2 else pixels, np.uint8)
