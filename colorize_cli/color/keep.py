"""Keep the color that regions of a photo have of their own, where the rest is given color.

In:  `OwnColor` with regions, found on a reduced copy; rows of the photo, and the same rows with their new colors
Out: these rows with the regions' own color; seams a few pixels wide follow each pixel's own color

Inside a region a pixel stays as it is, to the bit. Near its rim, where the reduced copy is too coarse to tell, a
pixel's own color decides: how far it lies on the way from what toning explains to the region's color.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.merge import merge_strip
from colorize_cli.color.pixels import ab_of
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.color.tint import OwnColor
from colorize_cli.color.upsample import window

Floats = NDArray[np.float32]

_RIM = 2  # pixels of the reduced copy on either side of a region's outline
_NEAR = 3.0  # pixels of the reduced copy over which a region's color is a mean
_LEAST = 16.0  # squared Lab units between a region and its surroundings, below which noise would decide
_FROM, _TO = 0.2, 0.6  # of the way to the region's color: none, all of a pixel's color is kept
_NONE, _ALL = 1 / 256, 1 - 1 / 256
_STRIP_PIXELS = 1 << 18


@dataclass(frozen=True)
class Kept:
    """The regions whose color stays; fit for a photo of any size.

    Attributes:
        planes: (6, h, w) on the reduced copy: the regions' insides; the regions with their rims; ab of the regions; ab
            of what lies around them.
        share: of the picture, [0, 1].
    """

    planes: Floats
    share: float

    @classmethod
    def of(cls, own: OwnColor) -> Kept | None:
        """From what was found; None where there are no regions."""
        if own.mask is None or own.color is None or own.toning is None:
            return None
        mask = own.mask.astype(np.uint8)
        square = np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)
        inside = cv2.erode(mask, square, borderType=cv2.BORDER_REPLICATE)
        reach = cv2.dilate(mask, square, borderType=cv2.BORDER_REPLICATE)
        weight = mask * np.hypot(*(own.color - own.toning)).astype(np.float32)
        total = cv2.GaussianBlur(weight, (0, 0), _NEAR) + np.float32(1e-6)
        color = [cv2.GaussianBlur(weight * plane, (0, 0), _NEAR) / total for plane in own.color]
        planes = np.stack([inside, reach, *color, *own.toning]).astype(np.float32)
        return cls(planes, own.share)

    def touches(self, top: int, bottom: int, height: int) -> bool:
        """Whether anything is kept in rows `top` to `bottom` of a photo of that height."""
        rows = self.planes.shape[1]
        first, last = top * rows // height - 1, -(-bottom * rows // height) + 1
        return bool(self.planes[1, max(first, 0) : last].any())

    def restore(
        self,
        out: NDArray[Any],
        pixels: NDArray[Any],
        top: int,
        size: tuple[int, int],
        space: RgbSpace = SRGB,
        left: int = 0,
    ) -> None:
        """Put the regions' own color back into rows that were given color, in place.

        Args:
            out: the rows with their new color, (n, W, 3), or a part of them.
            pixels: the same rows of the photo, (n, W, 3), uint8 or uint16.
            top: the first row's place in the photo.
            size: (H, W) of the photo.
            space: what the pixels mean.
            left: the first column's place in the photo.

        Every pixel's lightness stays what it is in `pixels`, as `merge` has it.
        """
        if pixels.ndim == 2:
            return
        step = max(1, _STRIP_PIXELS // pixels.shape[1])
        for start in range(0, len(pixels), step):
            rows = slice(start, min(start + step, len(pixels)))
            if self.touches(top + rows.start, top + rows.stop, size[0]):
                self._restore(out[rows], pixels[rows], (top + rows.start, left), size, space)

    def _restore(
        self, out: NDArray[Any], pixels: NDArray[Any], corner: tuple[int, int], size: tuple[int, int], space: RgbSpace
    ) -> None:
        steps = (self.planes.shape[1] / size[0], self.planes.shape[2] / size[1])
        shape = (len(pixels), pixels.shape[1])
        inside, reach = (window(plane, steps, corner, shape) for plane in self.planes[:2])
        amount = inside
        rows, columns = np.nonzero((reach > _NONE) & (inside < _ALL))
        if rows.size:
            near = ab_of(np.ascontiguousarray(pixels[rows, columns][None]), space)[:, 0]
            own, around = (
                np.stack([window(plane, steps, corner, shape)[rows, columns] for plane in pair])
                for pair in (self.planes[2:4], self.planes[4:6])
            )
            way = own - around
            along = ((near - around) * way).sum(0) / np.maximum((way * way).sum(0), np.float32(_LEAST))
            share = np.clip((along - _FROM) / (_TO - _FROM), 0, 1)
            share = share * share * (3 - 2 * share) * np.minimum(reach[rows, columns], 1)
            amount[rows, columns] = np.maximum(amount[rows, columns], share)
        whole = amount >= _ALL
        out[whole] = pixels[whole]
        part = (amount > _NONE) & ~whole
        if part.any():
            source, share = np.ascontiguousarray(pixels[part][None]), amount[part][None]
            new = ab_of(np.ascontiguousarray(out[part][None]), space)
            ab = new + share * (ab_of(source, space) - new)
            out[part] = merge_strip(source, np.asarray(ab, np.float32), space)[0]
