"""Give a page colours that follow its edges, and bring a network's colours to what somebody knows.

In:  pixels; ab, (2, h, w), Lab units, with the lightness that it belongs to
Out: coloured pixels, in memory that does not grow beyond the result
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.channels import lightness_of, merge, merge_strip
from colorize_cli.color.edges import follow_edges
from colorize_cli.color.spaces import RgbSpace
from colorize_cli.guidance.hints import HintMap
from colorize_cli.guidance.scribbles import hold, upsampled_strips
from colorize_cli.inference.geometry import View, reduce

Plane = NDArray[np.float32]

_BLUR = 8  # pixels of a photo that a place of the guide may cover; beyond, colour visibly runs over outlines
_FINEST = 2048  # most pixels of a guide's shorter side: half a second of work


@dataclass(frozen=True)
class Guided:
    """Colours that change where the lightness does: ab, (2, h, w), and L* at that size, (h, w)."""

    ab: Plane
    lightness: Plane


def paint_along_edges(pixels: NDArray[Any], colours: Guided, space: RgbSpace, saturation: float) -> NDArray[Any]:
    """`merge`, with the colour enlarged along the photo's edges instead of smoothly."""
    size = (pixels.shape[0], pixels.shape[1])
    if colours.lightness.shape == size:
        return merge(pixels, colours.ab, space, saturation)
    out = np.empty((*size, 3), pixels.dtype)
    strips = upsampled_strips(colours.ab, colours.lightness, size, lambda rows: lightness_of(pixels[rows], space))
    for rows, ab in strips:
        out[rows] = merge_strip(pixels[rows], ab * np.float32(saturation), space)
    return out


def guide_size(photo: tuple[int, int], seen: tuple[int, int]) -> tuple[int, int]:
    """How finely colour follows a photo's edges before it is enlarged smoothly.

    Args:
        photo: (H, W).
        seen: what the network saw of it, (h, w).

    Returns:
        (h, w): as the network saw it, for which no more of the photo need be read; finer for giant scans; the photo's
        own where that is smaller.
    """
    height, width = photo
    if height <= seen[0] or width <= seen[1]:
        return photo
    short = min(_FINEST, min(height, width) // _BLUR)
    if short <= 1.5 * min(seen):
        return seen
    return round(height * short / min(height, width)), round(width * short / min(height, width))


def along_edges(ab: Plane, lightness: Plane, pixels: NDArray[Any], space: RgbSpace) -> Plane:
    """A network's colours, (2, h, w), made to change where a photo's lightness does, at `guide_size`.

    Args:
        ab: Lab units.
        lightness: L* as the network saw it.
        pixels: the photo.
        space: what its pixels mean.
    """
    seen = (lightness.shape[0], lightness.shape[1])
    size = guide_size((pixels.shape[0], pixels.shape[1]), seen)
    if size != seen:
        reduced = np.ascontiguousarray(reduce(pixels, View(*size, 0, 0)))
        lightness = np.asarray(lightness_of(reduced, space), np.float32)
    return follow_edges(ab, lightness)


def held(lightness: Plane, ab: Plane, hints: HintMap | None) -> Plane:
    """A network's colours, (2, h, w), brought to the size of `lightness` and to the hints; as they are without any."""
    if hints is None or not hints.count:
        return ab
    height, width = lightness.shape
    fine = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in ab]
    return hold(lightness, np.asarray(fine, np.float32), hints)
