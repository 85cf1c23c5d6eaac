"""What a picture loses where its encoder gives its chroma half the size.

In:  RGB
Out: how far its lightness changes
"""

from __future__ import annotations

import cv2
import numpy as np

from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.formats.photo import AnyPixels

_ROWS, _STEPS = 256, 200  # rows at a time, an even number; tenths of L* that are told apart


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
