"""The size at which a network sees a photo, and the way back.

In:  a photo's size, a model's `Sizes`
Out: `View`: the reduced size, the padding; lightness cut and padded for the network
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import RgbSpace
from colorize_cli.models.registry import Sizes

_MOST_PADDED = 2  # times a model's area that the padding may make of it
_STEP = 4  # the reduced sides are multiples of this, so that the padding can be cut off an output at a quarter's size


@dataclass(frozen=True)
class View:
    """How a network sees one photo.

    Attributes:
        height, width: of the reduced photo, pixels.
        padded_height, padded_width: of what the network is given.
    """

    height: int
    width: int
    padded_height: int
    padded_width: int


def view_of(height: int, width: int, sizes: Sizes) -> View:
    """Plan the view: the short side as the model was trained, aspect kept, the area capped, padded to its multiple."""
    if sizes.square:
        return View(sizes.short_side, sizes.short_side, sizes.short_side, sizes.short_side)
    scale = min(sizes.short_side / min(height, width), (sizes.max_area / (height * width)) ** 0.5)
    small = [max(_STEP, round(side * scale / _STEP) * _STEP) for side in (height, width)]
    padded = [_padded(side, sizes.multiple) for side in small]
    if padded[0] * padded[1] > _MOST_PADDED * sizes.max_area:  # a line of pixels: its short side grew by the padding
        longest = max(_STEP, _MOST_PADDED * sizes.max_area // min(padded) // sizes.multiple * sizes.multiple)
        small = [min(side, longest) for side in small]
        padded = [_padded(side, sizes.multiple) for side in small]
    return View(small[0], small[1], padded[0], padded[1])


def _padded(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple


def reduce(plane: NDArray[Any], view: View) -> NDArray[Any]:
    """Resize pixels or a plane, (H, W) or (H, W, C), to the view's size: area averaging down, linear up."""
    while plane.shape[0] >= 4 * view.height and plane.shape[1] >= 4 * view.width:
        height, width = plane.shape[0] // 2, plane.shape[1] // 2
        # halving exactly is ten times as fast as area averaging by a fraction; an odd last row or column is left out
        plane = cv2.resize(plane[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    shrinks = plane.shape[0] >= view.height and plane.shape[1] >= view.width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (view.width, view.height), interpolation=way))


def reduced_lightness(pixels: NDArray[Any], view: View, space: RgbSpace) -> NDArray[np.float32]:
    """L* of pixels, (H, W) or (H, W, 3), reduced to the view's size."""
    return np.asarray(lightness_of(np.ascontiguousarray(reduce(pixels, view)), space), np.float32)


def pad(plane: NDArray[np.float32], view: View) -> NDArray[np.float32]:
    """Pad (..., h, w) to the padded size, at the bottom and the right."""
    below, right = view.padded_height - plane.shape[-2], view.padded_width - plane.shape[-1]
    widths = [(0, 0)] * (plane.ndim - 2) + [(0, below), (0, right)]
    return np.pad(plane, widths, "symmetric")  # not zero: a black rim would be read as a frame


def crop(ab: NDArray[np.float32], view: View) -> NDArray[np.float32]:
    """Cut the padding off a network's output, (2, h, w), whatever whole fraction of its input the output is."""
    height = round(ab.shape[1] * view.height / view.padded_height)
    width = round(ab.shape[2] * view.width / view.padded_width)
    return np.ascontiguousarray(ab[:, :height, :width])
