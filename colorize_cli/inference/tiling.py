"""Where tiles and pictures lie on a scan, and how what is said of them is joined.

In:  a length, a tile's, their overlap; ab of a scan or of its pictures, (2, h, w), Lab units
Out: places of tiles; windows over them that sum to one at every pixel; ab of a tile, or of the scan
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.upsample import window
from colorize_cli.errors import UsageError
from colorize_cli.inference.pictures import Box

Floats = NDArray[np.float32]

STEP = 4  # tiles begin and end at multiples of this, so that an output at a quarter of the input's size fits too


@dataclass(frozen=True)
class Line:
    """Tiles along one axis.

    Attributes:
        length: of the axis, pixels, a multiple of `STEP`.
        tile: of each tile, pixels, a multiple of `STEP`, at most `length`.
        starts: where each begins.
    """

    length: int
    tile: int
    starts: tuple[int, ...]

    def windows(self, shrink: int = 1) -> Floats:
        """Weight of every tile's every pixel, (tiles, tile / shrink): they sum to one at every pixel of the axis.

        A raised cosine that fades to nothing at the tile's ends, where the network has seen one side of a place only;
        at the ends of the axis, where no other tile is, normalising keeps it at one.

        Args:
            shrink: how many pixels of the axis one pixel of the network's output covers.
        """
        tile = self.tile // shrink
        shape = np.sin(np.pi * (np.arange(tile) + 0.5) / tile) ** 2
        total = np.zeros(self.length // shrink)
        for start in self.starts:
            total[start // shrink : start // shrink + tile] += shape
        return np.stack([shape / total[start // shrink :][:tile] for start in self.starts]).astype(np.float32)


def lay(length: int, tile: int, overlap: int) -> Line:
    """Lay tiles along an axis, evenly, so that neighbors share at least `overlap` pixels.

    Args:
        length: pixels; cut to a multiple of `STEP`.
        tile: pixels; cut to a multiple of `STEP` and to the axis.
        overlap: pixels, below the tile's.

    Raises:
        UsageError: the overlap leaves the tiles no way forward.
    """
    length, tile = (max(STEP, side // STEP * STEP) for side in (length, min(tile, length)))
    if tile == length:
        return Line(length, tile, (0,))
    if not 0 <= overlap <= tile - STEP:
        raise UsageError(
            f"--overlap {overlap} does not fit --tile {tile}", hint=f"Give an overlap of 0 to {tile - STEP} pixels."
        )
    count = -(-(length - overlap) // (tile - overlap))
    last = (length - tile) // STEP
    return Line(length, tile, tuple(round(i * last / (count - 1)) * STEP for i in range(count)))


def part_of(ab: Floats, place: tuple[slice, slice], size: tuple[int, int]) -> Floats:
    """A tile's part of ab, which covers a picture of `size`, enlarged to the tile's pixels: (2, tile, tile)."""
    rows, columns = place
    step = (ab.shape[1] / size[0], ab.shape[2] / size[1])
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    return np.stack([window(plane, step, (rows.start, columns.start), shape) for plane in ab])


def resized(ab: Floats, size: tuple[int, int]) -> Floats:
    """Colors, (2, h, w), at another size: bicubic up, by area down."""
    way = cv2.INTER_CUBIC if size[0] >= ab.shape[1] else cv2.INTER_AREA
    return np.stack([cv2.resize(plane, size[::-1], interpolation=way) for plane in ab]).astype(np.float32)


def put_together(whole: Floats, boxes: Sequence[Box], colors: Sequence[Floats]) -> Floats:
    """Pictures in their places on the scan, over what was said of the whole; they fade over into their neighbors.

    The grid is as fine as the finest picture's. A place between two pictures is a line of the lightness, along which
    the colors are parted afterwards; so the fade is as narrow as the grid allows.
    """
    height = max(round(ab.shape[1] / (box.bottom - box.top)) for box, ab in zip(boxes, colors, strict=True))
    width = max(round(ab.shape[2] / (box.right - box.left)) for box, ab in zip(boxes, colors, strict=True))
    total = np.zeros((3, height, width), np.float32)  # weighted ab, and the weight
    for box, ab in zip(boxes, colors, strict=True):
        top, bottom = (round(share * height) for share in (box.top, box.bottom))
        left, right = (round(share * width) for share in (box.left, box.right))
        own = resized(ab, (bottom - top, right - left))
        planes = np.concatenate((own, np.ones((1, *own.shape[1:]), np.float32)))
        total[:, top:bottom, left:right] += planes
        # a pixel beyond the picture's rim, with the color of the rim and half a neighbor's weight
        rim = np.pad(planes, ((0, 0), (1, 1), (1, 1)), "edge") * np.float32(0.5)
        rim[:, 1:-1, 1:-1] = 0
        ys, xs = slice(max(0, top - 1), min(height, bottom + 1)), slice(max(0, left - 1), min(width, right + 1))
        cut = (slice(ys.start - top + 1, ys.stop - top + 1), slice(xs.start - left + 1, xs.stop - left + 1))
        total[:, ys, xs] += rim[:, cut[0], cut[1]]
    weight = total[2]
    base = resized(whole, (height, width))
    return np.where(weight > 0, total[:2] / np.maximum(weight, np.float32(1e-6)), base).astype(np.float32)
