"""Read a photo's colour, the counterpart of its lightness.

In:  pixels, (H, W) grey or (H, W, 3) RGB, uint8 or uint16
Out: ab, (2, H, W) float32, Lab units
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color import tables
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.errors import ShapeError

Floats = NDArray[np.float32]


def ab_of(pixels: NDArray[Any], space: RgbSpace = SRGB) -> Floats:
    """CIE a* and b* of every pixel.

    Makes float planes of the whole picture, unlike `lightness_of`: meant for pictures that were reduced.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16.
        space: what the pixels mean.

    Returns:
        (2, H, W) float32, Lab units; zero for grey.

    Raises:
        ShapeError: the pixels are neither grey nor RGB, or of another dtype.

    Source: CIE 15:2004; agrees with scikit-image's rgb2lab.
    """
    if pixels.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        raise ShapeError(f"expected pixels of 8 or 16 bits, got {pixels.dtype}")
    if pixels.ndim == 2:
        return np.zeros((2, *pixels.shape), np.float32)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ShapeError(f"expected pixels of shape (H, W) or (H, W, 3), got {pixels.shape}")
    linear = tables.linear_tables(space, int(np.iinfo(pixels.dtype).max))
    rgb = np.stack([np.take(linear[i], pixels[..., i]) for i in range(3)])
    xyz = np.einsum("ij,jhw->ihw", np.asarray(space.xyz_from_rgb, np.float32), rgb)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), xyz * np.float32(24389 / 27 / 116) + np.float32(16 / 116))
    return np.stack([500 * (f[0] - f[1]), 200 * (f[1] - f[2])]).astype(np.float32)
