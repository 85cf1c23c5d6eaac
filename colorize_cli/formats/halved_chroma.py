"""What a picture loses where its encoder gives its chroma half the size.

In:  RGB, or grey that is to be colored
Out: how far its lightness changes; whether it may by much
"""

from __future__ import annotations

import cv2
import numpy as np

from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.formats.photo import AnyPixels

_ROWS, _STEPS = 256, 200  # rows at a time, an even number; tenths of L* that are told apart
_EDGE, _BLACK, _WHITE = 96, 24, 232  # of 255: how far four pixels are apart, and what has no room for chroma
_MANY, _LOOKED_AT = 0.02, 1 << 18  # share of hard edges from which lightness suffers; groups of four that are looked at


def has_hard_edges(pixels: AnyPixels) -> bool:
    """Whether many edges go from black or white to something far from it within two pixels, as those of large type do.

    One chroma sample for four such pixels has a color that the darkest or the lightest of them cannot have at its
    lightness. Photos have fewer, but for a few very sharp small ones.

    Args:
        pixels: grey or RGB, (H, W) or (H, W, 3).
    """
    if pixels.dtype != np.uint8 or min(pixels.shape[:2]) < 2 or pixels.ndim == 3 and pixels.shape[2] != 3:
        return False
    grey = pixels if pixels.ndim == 2 else pixels[..., 1]
    height, width = (side // 2 * 2 for side in grey.shape)
    step = 2 * max(1, height * width // 4 // _LOOKED_AT)
    above, below = grey[0:height:step, :width], grey[1:height:step, :width]
    low, high = np.minimum(above, below), np.maximum(above, below)
    low, high = np.minimum(low[:, ::2], low[:, 1::2]), np.maximum(high[:, ::2], high[:, 1::2])
    hard = (high - low > _EDGE) & ((low < _BLACK) | (high > _WHITE))
    return bool(hard.mean() > _MANY)


def halving_cost(pixels: AnyPixels) -> float:
    """What a picture's lightness loses where its chroma gets half the size: L* at the 99th percentile.

    Args:
        pixels: RGB, with alpha or not, (H, W, 3 or 4), uint8 or uint16.
    """
    deep = pixels.dtype == np.uint16
    lost = np.zeros(_STEPS, np.int64)
    for top in range(0, len(pixels), _ROWS):
        rows = pixels[top : top + _ROWS, :, :3]
        rgb = np.ascontiguousarray((rows >> 8).astype(np.uint8) if deep else rows)
        whole = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
        height, width = rgb.shape[:2]
        half = cv2.resize(whole[..., 1:], (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)
        whole[..., 1:] = cv2.resize(half, (width, height), interpolation=cv2.INTER_NEAREST)
        after = lightness_of(cv2.cvtColor(whole, cv2.COLOR_YCrCb2RGB), SRGB)
        error = np.abs(after - lightness_of(rgb, SRGB)) * 10
        lost += np.bincount(np.minimum(error, _STEPS - 1).astype(np.intp).ravel(), minlength=_STEPS)
    return float(np.searchsorted(np.cumsum(lost), 0.99 * lost.sum())) / 10
