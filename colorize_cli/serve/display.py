"""Pixels as a browser shows them.

In:  pixels, (H, W) or (H, W, 3), uint8 or uint16, and what they mean
Out: sRGB, (H, W, 3), uint8; JPEG files
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.lab import srgb_from_lab
from colorize_cli.color.pixels import ab_of, lightness_of
from colorize_cli.color.spaces import SRGB, RgbSpace

_QUALITY = 90  # of JPEG


def to_display(pixels: NDArray[Any], space: RgbSpace) -> NDArray[np.uint8]:
    """Pixels as 8-bit sRGB, (H, W, 3)."""
    if space is not SRGB:
        pixels = np.ascontiguousarray(pixels)
        ab = np.zeros((2, *pixels.shape[:2]), np.float32) if pixels.ndim == 2 else ab_of(pixels, space)
        lab = np.stack([lightness_of(pixels, space), *ab], -1).astype(np.float32)
        return np.asarray(np.clip(srgb_from_lab(lab) * 255 + 0.5, 0, 255), np.uint8)
    small = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2RGB) if small.ndim == 2 else small, np.uint8)


def encode_jpeg(rgb: NDArray[np.uint8], quality: int = _QUALITY) -> bytes:
    """A picture, sRGB, (H, W, 3), as JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)[1].tobytes()
