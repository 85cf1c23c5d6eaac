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
from colorize_cli.color.spaces import RgbSpace
from colorize_cli.guidance.hints import HintMap
from colorize_cli.guidance.scribbles import hold, upsampled_strips

Plane = NDArray[np.float32]


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


def held(lightness: Plane, ab: Plane, hints: HintMap | None) -> Plane:
    """A network's colours, (2, h, w), brought to the size of `lightness` and to the hints; as they are without any."""
    if hints is None or not hints.count:
        return ab
    height, width = lightness.shape
    fine = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in ab]
    return hold(lightness, np.asarray(fine, np.float32), hints)
