"""Read what pixels of any space and depth show: their lightness and their color.

In:  pixels, (H, W) grey or (H, W, 3) RGB, uint8 or uint16
Out: L*, (H, W) float32, [0, 100]; ab, (2, H, W) float32, Lab units

Lightness goes in strips that stay in the processor's cache, so the result is the only float plane of a whole photo.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color import tables
from colorize_cli.color.lab import Floats, f_from_xyz, lightness_from_y
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.errors import ShapeError

Pixels = NDArray[Any]  # uint8 or uint16

STRIP_PIXELS = 1 << 16  # a quarter of a megabyte for each float plane of a strip


def reduced(pixels: Pixels, side: int) -> Pixels:
    """Pixels, or a plane of any type, of at most `side` pixels a side, by area averaging; smaller ones stay."""
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), pixels.dtype)


def halved(pixels: Pixels, times: int) -> Pixels:
    """Pixels at half the size, so many times, by area averaging; an odd last row or column is left out each time."""
    for _ in range(times):
        height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
        if not height:
            return pixels[:0, :: 2**times]
        even = pixels[: 2 * height, : 2 * width]
        pixels = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))
    return pixels


def chroma_of(ab: Floats) -> Floats:
    """Chroma of ab, (2, ...) to (...), Lab units: a root of squares takes a fraction of `np.hypot`'s time."""
    return np.asarray(np.sqrt(ab[0] * ab[0] + ab[1] * ab[1]), ab.dtype)


def lightness_of(pixels: Pixels, space: RgbSpace = SRGB) -> Floats:
    """L* of every pixel.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16.
        space: what the pixels mean.

    Returns:
        (H, W) float32, [0, 100]; of 8-bit RGB, within 0.01.

    Raises:
        ShapeError: the pixels are neither grey nor RGB, or of another dtype.
    """
    check_pixels(pixels)
    if pixels.ndim == 2:
        return grey_lightness(pixels, space)
    out = np.empty(pixels.shape[:2], np.float32)
    for rows in strips(*pixels.shape[:2]):
        out[rows] = rgb_lightness(pixels[rows], space)
    return out


def ab_of(pixels: Pixels, space: RgbSpace = SRGB) -> Floats:
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
    check_pixels(pixels)
    if pixels.ndim == 2:
        return np.zeros((2, *pixels.shape), np.float32)
    linear = tables.linear_tables(space, maximum_of(pixels))
    rgb = np.stack([np.take(linear[i], pixels[..., i]) for i in range(3)])
    xyz = np.einsum("ij,jhw->ihw", np.asarray(space.xyz_from_rgb, np.float32), rgb)
    f = f_from_xyz(xyz)
    return np.stack([500 * (f[0] - f[1]), 200 * (f[1] - f[2])]).astype(np.float32)


def check_pixels(pixels: Pixels) -> None:
    """Whether these are pixels.

    Raises:
        ShapeError: they are neither grey nor RGB, or of another dtype.
    """
    if pixels.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        raise ShapeError(f"expected pixels of 8 or 16 bits, got {pixels.dtype}")
    if pixels.ndim != 2 and not (pixels.ndim == 3 and pixels.shape[2] == 3):
        raise ShapeError(f"expected pixels of shape (H, W) or (H, W, 3), got {pixels.shape}")


def maximum_of(pixels: Pixels) -> int:
    """The largest level: 255 or 65535."""
    return int(np.iinfo(pixels.dtype).max)


def strips(height: int, width: int) -> Iterator[slice]:
    """Rows that are worked on together, from top to bottom."""
    rows = max(1, STRIP_PIXELS // max(width, 1))
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def grey_plane(pixels: Pixels) -> Pixels | None:
    """Grey pixels, (H, W): as they are, or of a grey photo that was saved as RGB; None where the channels differ."""
    if pixels.ndim == 2:
        return pixels
    red = pixels[..., 0]
    # most photos that are not grey show it in a few rows
    if all((red[rows] == pixels[rows, :, i]).all() for i in (1, 2) for rows in (slice(0, None, 64), slice(None))):
        return np.ascontiguousarray(red)
    return None


def grey_lightness(grey: Pixels, space: RgbSpace) -> Floats:
    """L* of grey pixels, (H, W)."""
    table = tables.grey_lightness(space, maximum_of(grey))
    if grey.dtype == np.uint8 and grey.size:
        return np.asarray(cv2.LUT(grey, table), np.float32).reshape(grey.shape)
    return np.take(table, grey)


def rgb_lightness(strip: Pixels, space: RgbSpace) -> Floats:
    """L* of RGB pixels, (n, W, 3)."""
    linear = tables.linear_tables(space, maximum_of(strip))
    y = np.zeros(strip.shape[:2], np.float32)
    for i, weight in enumerate(space.xyz_from_rgb[1]):
        y += np.take(linear[i], strip[..., i]) * np.float32(weight)
    return np.take(tables.root_lightness(), root_index(y)) if strip.dtype == np.uint8 else lightness_from_y(y)


def root_index(linear: Floats) -> NDArray[np.uint16]:
    """Where linear light of at most about 1 stands in a table over its square root; negative light is black."""
    root = np.sqrt(np.maximum(linear, np.float32(0)))
    root *= np.float32(tables.ROOTS)
    root += np.float32(0.5)
    return np.minimum(root, np.float32(tables.ROOTS)).astype(np.uint16)
