"""A small JPEG of a picture, for the place of a thumbnail.

In:  pixels, or luma and chroma; bytes that there are
Out: the bytes of a JPEG
"""

from __future__ import annotations

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from colorize_cli.formats.photo import AnyPixels, LumaPlanes

_SIDES = (160, 120, 80)  # EXIF asks for 160 x 120; less where the place is small
_QUALITIES = (85, 75, 60, 45, 30)


def small_jpeg(pixels: AnyPixels | LumaPlanes, most: int) -> bytes | None:
    """The largest and best that has no more bytes; None where none has."""
    for side in _SIDES:
        small = _reduced(pixels, side)
        for quality in _QUALITIES:
            coded = bytes(imagecodecs.jpeg8_encode(small, level=quality, subsampling="420"))
            if len(coded) <= most:
                return coded
    return None


def _reduced(pixels: AnyPixels | LumaPlanes, side: int) -> NDArray[np.uint8]:
    """At most `side` pixels wide and high, (H, W, 3), uint8."""
    width, height = pixels.size if isinstance(pixels, LumaPlanes) else (pixels.shape[1], pixels.shape[0])
    scale = min(side / max(width, height), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    if isinstance(pixels, LumaPlanes):
        small = np.dstack([_resized(plane, size) for plane in (pixels.y, pixels.cr, pixels.cb)])
        return np.ascontiguousarray(cv2.cvtColor(small, cv2.COLOR_YCrCb2RGB).astype(np.uint8))
    small = _resized(pixels, size)
    small = small if small.ndim == 3 else np.repeat(small[..., None], 3, axis=2)
    return np.ascontiguousarray(small if small.dtype == np.uint8 else np.rint(small / 257.0).astype(np.uint8))


def _resized(pixels: AnyPixels, size: tuple[int, int]) -> AnyPixels:
    """Pixels of that width and height; of large ones a part is looked at, some four by four for each."""
    step = max(max(pixels.shape[:2]) // (4 * max(size)), 1)
    return np.asarray(cv2.resize(np.ascontiguousarray(pixels[::step, ::step]), size, interpolation=cv2.INTER_AREA))
