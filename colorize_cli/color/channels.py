"""Read a photo's lightness, and give the photo colour without changing it.

In:  pixels, (H, W) grey or (H, W, 3) RGB, uint8 or uint16; ab, (2, h, w) float32, Lab units, of any smaller size
Out: L, (H, W) float32, [0, 100]; coloured pixels, (H, W, 3), the dtype of the pixels

The work goes in strips, so that no float plane of the whole photo is ever made. The functions may be called from
several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from colorize_cli.color.gamut import chroma_scale
from colorize_cli.color.lab import linear_from_lab
from colorize_cli.color.spaces import SRGB, RgbSpace, lightness_from_y
from colorize_cli.errors import ShapeError

Pixels = NDArray[Any]  # uint8 or uint16
Floats = NDArray[np.float32]

_STRIP_PIXELS = 1 << 16


def _strips(height: int, width: int) -> Iterator[slice]:
    rows = max(1, _STRIP_PIXELS // width)
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def _levels(dtype: np.dtype[Any]) -> int:
    if dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        raise ShapeError(f"expected pixels of 8 or 16 bits, got {dtype}")
    return int(np.iinfo(dtype).max)


@lru_cache(maxsize=16)
def _linear_tables(space: RgbSpace, maximum: int) -> NDArray[np.float64]:
    """Linear light of every level, (3, maximum + 1)."""
    levels = np.arange(maximum + 1) / maximum
    return np.stack([curve.decode(levels) for curve in space.curves])


@lru_cache(maxsize=16)
def _grey_table(space: RgbSpace, maximum: int) -> Floats:
    """L* of every grey level, (maximum + 1,)."""
    return lightness_from_y(np.array(space.xyz_from_rgb[1]) @ _linear_tables(space, maximum)).astype(np.float32)


def lightness_of(pixels: Pixels, space: RgbSpace = SRGB) -> Floats:
    """L* of every pixel.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16.
        space: what the pixels mean.

    Returns:
        (H, W) float32, [0, 100].

    Raises:
        ShapeError: the pixels are neither grey nor RGB, or of another dtype.
    """
    maximum = _levels(pixels.dtype)
    if pixels.ndim == 2:
        return np.take(_grey_table(space, maximum), pixels)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ShapeError(f"expected pixels of shape (H, W) or (H, W, 3), got {pixels.shape}")
    tables = _linear_tables(space, maximum)
    out = np.empty(pixels.shape[:2], np.float32)
    for rows in _strips(*pixels.shape[:2]):
        strip = pixels[rows]
        y = sum(weight * np.take(tables[i], strip[..., i]) for i, weight in enumerate(space.xyz_from_rgb[1]))
        out[rows] = lightness_from_y(y)
    return out


def upsample_rows(ab: Floats, shape: tuple[int, int], rows: slice) -> Floats:
    """The rows of `ab` enlarged to a photo's size (bicubic, half-pixel centres): (2, h, w) to (2, rows, W).

    The same numbers come out whatever strips a photo is cut into.
    """
    height, width = shape
    source_height = ab.shape[1]
    y = (np.arange(rows.start, rows.stop) + 0.5) * (source_height / height) - 0.5
    base = np.floor(y).astype(int)
    t = (y - base)[:, None].astype(np.float32)
    a = np.float32(-0.75)  # OpenCV's cubic
    far, near = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a, ((a + 2) * t - (a + 3)) * t * t + 1
    beyond = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1
    weights = (far, near, beyond, 1 - far - near - beyond)
    out = np.empty((2, len(y), width), np.float32)
    for plane in range(2):
        low = np.zeros((len(y), ab.shape[2]), np.float32)
        for k, weight in enumerate(weights):
            low += weight * ab[plane][np.clip(base + k - 1, 0, source_height - 1)]
        out[plane] = cv2.resize(low, (width, len(y)), interpolation=cv2.INTER_CUBIC)
    return out


def merge_strip(pixels: Pixels, ab: Floats, space: RgbSpace = SRGB) -> Pixels:
    """Colour a strip: `merge` with an ab that has the strip's own size, (2, H, W)."""
    maximum = _levels(pixels.dtype)
    lightness = torch.from_numpy(lightness_of(pixels, space))[None, None].double()
    colour = torch.from_numpy(np.ascontiguousarray(ab))[None].double()
    matrix = torch.from_numpy(space.rgb_from_xyz)
    colour = colour * chroma_scale(lightness, colour, matrix)
    linear = linear_from_lab(lightness, colour, matrix)[0].clamp(0, 1).numpy()
    out = np.empty((*pixels.shape[:2], 3), pixels.dtype)
    for i, curve in enumerate(space.curves):
        out[..., i] = np.rint(curve.encode(linear[i]) * maximum)
    return out


def merge(pixels: Pixels, ab: Floats, space: RgbSpace = SRGB, saturation: float = 1.0) -> Pixels:
    """Give a photo the colours of `ab`; its lightness stays.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16; of RGB, only the lightness is used.
        ab: CIE a* and b*, (2, h, w) float32, of any smaller size; enlarged bicubically.
        space: what the pixels mean; the result is in the same space.
        saturation: factor on the chroma.

    Returns:
        (H, W, 3), the dtype of `pixels`. |dL*| is at most 0.5 (8 bits), or one 16-bit grey step.

    Raises:
        ShapeError: `pixels` is no picture of 8 or 16 bits, or `ab` is not (2, h, w).
    """
    if ab.ndim != 3 or ab.shape[0] != 2:
        raise ShapeError(f"expected ab of shape (2, h, w), got {ab.shape}")
    ab = np.ascontiguousarray(ab, np.float32) * np.float32(saturation)
    out = np.empty((*pixels.shape[:2], 3), pixels.dtype)
    for rows in _strips(*pixels.shape[:2]):
        out[rows] = merge_strip(pixels[rows], upsample_rows(ab, pixels.shape[:2], rows), space)
    return out
