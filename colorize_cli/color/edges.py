"""Bring low-resolution color up so that it changes where the lightness does, before it is enlarged smoothly.

In:  ab, (2, h, w) float32, Lab units; L*, (H, W) float32, [0, 100], of the same picture, finer
Out: ab, (2, H, W) float32, Lab units, whose mean over each place of `ab` is what `ab` says there

A network gives color on a coarse grid: enlarged smoothly, it runs over every outline by a place of that grid. Here
color is taken to be a linear function of lightness within a small window (a guided filter); what that gets wrong on
the average over a place is added back smoothly. Without the second step the filter loses more than it gains wherever
color and lightness do not go together.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import ShapeError

Floats = NDArray[np.float32]

_SMOOTHNESS = 4.0  # what is best for photos
_ROUNDS = 2  # corrections; a third changes nothing that can be seen
_STEP = 4  # most that one filter enlarges by: further away, the line that it fits says little
_WINDOW = (3, 3)


def follow_edges(ab: Floats, lightness: Floats, smoothness: float = _SMOOTHNESS) -> Floats:
    """Enlarge color along the edges of the lightness.

    Args:
        ab: CIE a* and b*, (2, h, w), Lab units.
        lightness: CIE L*, (H, W), [0, 100]; the same picture at a finer size, reduced by area averaging.
        smoothness: variance of L*, squared units, from which a change of lightness may carry one of color.

    Returns:
        ab, (2, H, W), within the range that `ab` has around each place but for the correction of the means; `ab` as
        it is where the lightness is not finer on both sides.

    Raises:
        ShapeError: `ab` is no pair of planes, or the lightness no plane.

    Source: guided filter, He, Sun, Tang 2013; its coefficients at low resolution, He and Sun 2015; the correction is
    one of iterative back-projection, Irani and Peleg 1991.
    """
    if ab.ndim != 3 or ab.shape[0] != 2 or not ab.size or lightness.ndim != 2:
        raise ShapeError(f"expected ab of shape (2, h, w) and a plane, got {ab.shape} and {lightness.shape}")
    while True:
        h, w = ab.shape[1:]
        tall, wide = lightness.shape
        if tall <= h or wide <= w:
            return ab
        size = (min(tall, _STEP * h), min(wide, _STEP * w))
        if (tall, wide) == size or tall < 1.5 * size[0]:
            return _raised(ab, lightness, smoothness)
        ab = _raised(ab, _area(lightness, size), smoothness)


def _raised(ab: Floats, lightness: Floats, smoothness: float) -> Floats:
    size = (lightness.shape[0], lightness.shape[1])
    guide = _area(lightness, (ab.shape[1], ab.shape[2]))
    mean = _box(guide)
    spread = _box(np.square(guide))
    variance = np.asarray(np.maximum(spread - mean * mean, 0) + smoothness, np.float32)
    out = np.empty((2, *size), np.float32)
    for channel, fine in zip(ab, out, strict=True):
        smooth = _box(channel)
        slope = np.asarray((_box(guide * channel) - mean * smooth) / variance, np.float32)
        offset = np.asarray(smooth - slope * mean, np.float32)
        np.multiply(_linear(_box(slope), size), lightness, out=fine)
        fine += _linear(_box(offset), size)
        # a line fitted on one side of an edge overshoots on the other: no new colors are made
        kernel = np.ones(_WINDOW, np.uint8)
        low, high = (np.asarray(extreme(channel, kernel), np.float32) for extreme in (cv2.erode, cv2.dilate))
        np.clip(fine, _linear(low, size), _linear(high, size), out=fine)
        for _ in range(_ROUNDS):
            lost = channel - _area(fine, (ab.shape[1], ab.shape[2]))
            fine += cv2.resize(lost, size[::-1], interpolation=cv2.INTER_CUBIC)
    return out


def _box(plane: Floats) -> Floats:
    return np.asarray(cv2.blur(plane, _WINDOW, borderType=cv2.BORDER_REFLECT), np.float32)


def _area(plane: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _linear(plane: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
