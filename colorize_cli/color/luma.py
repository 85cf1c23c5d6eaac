"""Give an 8-bit grey photo color as JPEG stores it: luma at full size, chroma at half.

In:  grey, (H, W) uint8, sRGB's tone; ab, (2, h, w) float32, Lab units, of any smaller size
Out: Y, (H, W) made even, Cb and Cr, half of that, uint8: the planes of a JPEG with 4:2:0 chroma

Chroma is made at half the size, and joined to a luma that undoes what it does to the lightness. That is a quarter of
the work of RGB, and truer: an encoder that halves the chroma of RGB changes the lightness afterwards.

Everything is whole numbers of 16 bits in strips that stay in the processor's cache. A decoder interpolates chroma
between its samples; the corrections of luma are interpolated just so (ITU-T T.871's siting, weights 9, 3, 3 and 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.luma_table import CELLS, GREYS, TABLE_AB_MAX, luma_table
from colorize_cli.errors import ShapeError

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]
Whole = NDArray[np.int16]

_SPACINGS = (4, 2)  # chroma samples between neighboring nodes, where colors are found; straight lines between them
_PER_PLACE = 2  # at least so many nodes for each place of `ab`
_FRACTION = 6  # bits after the point of colors at nodes
_STRIP_PIXELS = 1 << 16  # chroma samples of a strip: 128 KB for each plane of 16 bits


def merge_luma(grey: Grey, ab: Floats, saturation: float = 1.0) -> tuple[Grey, Grey, Grey]:
    """Give a photo the colors of `ab`; its lightness stays.

    Args:
        grey: (H, W), uint8.
        ab: CIE a* and b*, (2, h, w), of any smaller size; enlarged bicubically.
        saturation: factor on the chroma.

    Returns:
        Y, (H, W), the last row or column of an odd side twice; Cb and Cr, half its size. Decoded, the lightness of each
        pixel is that of `grey` to the rounding of levels. Colors outside the gamut lose chroma at constant L* and hue.

    Raises:
        ShapeError: `grey` is no 8-bit grey picture, or `ab` is not (2, h, w).
    """
    if grey.dtype != np.uint8 or grey.ndim != 2 or not grey.size:
        raise ShapeError(f"expected grey of shape (H, W) and 8 bits, got {grey.shape} {grey.dtype}")
    if ab.ndim != 3 or ab.shape[0] != 2 or not ab.size:
        raise ShapeError(f"expected ab of shape (2, h, w), got {ab.shape}")
    spacing = spacing_of(ab.shape, grey.shape)
    nodes = _nodes(ab * np.float32(saturation), (grey.shape[0], grey.shape[1]), spacing)
    return planes_of(grey, nodes, spacing)


def planes_of(grey: Grey, nodes: Whole, spacing: int, first: int = 0) -> tuple[Grey, Grey, Grey]:
    """Y, Cb and Cr of rows of a photo, whose colors are given at nodes.

    Args:
        grey: (n, W), uint8; the rows above and below are taken to be like the first and the last.
        nodes: a* and b* at the nodes, (2, k, m), as `whole_numbers` gives them; enough to lie around the rows.
        spacing: chroma samples from node to node.
        first: rows of chroma from the first node's cell to the rows' begin.

    Returns:
        As `merge_luma` does.
    """
    height, width = grey.shape
    rows, columns = (height + 1) // 2, (width + 1) // 2
    y = np.empty((2 * rows, 2 * columns), np.uint8)
    cb, cr = np.empty((rows, columns), np.uint8), np.empty((rows, columns), np.uint8)
    grey = _even(grey)
    joint = _Joint(grey, y)
    parts = -(-rows // max(1, _STRIP_PIXELS // columns))
    step = -(-rows // parts)
    for top in range(0, rows, step):
        strip = slice(top, min(top + step, rows))
        colors = _between(nodes, spacing, first + top, first + strip.stop, columns)
        found = _samples(grey[2 * top : 2 * strip.stop], *colors)
        intercept, slope = joint.next_rows(len(found))
        chroma, unused = (np.empty(found.shape, np.int16) for _ in range(2))
        cv2.split(found.view(np.int16).reshape(*found.shape, 4), (chroma, intercept, slope, unused))
        cv2.split(chroma.view(np.uint8).reshape(*found.shape, 2), (cb[strip], cr[strip]))
        joint.write()
    joint.finish()
    return y, cb, cr


def spacing_of(given: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Chroma samples from node to node; 1 where `ab` is fine itself."""
    place = min(shape[0] / given[1], shape[1] / given[2])  # pixels
    return next((spacing for spacing in _SPACINGS if 2 * spacing * _PER_PLACE <= place), 1)


def _nodes(ab: Floats, shape: tuple[int, int], spacing: int) -> Whole:
    """Colors at the nodes, (2, n, m), with _FRACTION bits after the point; too strong ones lose chroma, not hue."""
    scale = [side / (2 * spacing * places) for side, places in zip(shape, ab.shape[1:], strict=True)]
    size = [-(-side // (2 * spacing)) for side in shape]
    # the edge is repeated far enough that a last node which lies beyond it is made, too
    rim = [math.ceil(1 / factor) for factor in scale]
    wide = [cv2.copyMakeBorder(plane, 0, rim[0], 0, rim[1], cv2.BORDER_REPLICATE) for plane in ab]
    fine = [
        cv2.resize(plane, None, fx=scale[1], fy=scale[0], interpolation=cv2.INTER_CUBIC)[: size[0], : size[1]]
        for plane in wide
    ]
    return whole_numbers(fine)


def whole_numbers(fine: Sequence[Floats]) -> Whole:
    """a* and b* at nodes, (n, m) each, with _FRACTION bits after the point: (2, n, m)."""
    largest = max(float(np.abs(plane).max()) for plane in fine)
    if largest > TABLE_AB_MAX:
        limit = np.float32(TABLE_AB_MAX)
        factor = limit / np.maximum(np.maximum(np.abs(fine[0]), np.abs(fine[1])), limit)
        fine = [np.asarray(plane * factor, np.float32) for plane in fine]
    out = np.empty((2, *fine[0].shape), np.int16)
    for plane, whole in zip(fine, out, strict=True):
        whole[:] = np.rint(plane * np.float32(1 << _FRACTION))
    return out


def _cell(color: Any) -> Any:
    """Where a color with _FRACTION bits after the point stands on an axis of the table."""
    return (color + ((CELLS // 2 << _FRACTION) + (1 << _FRACTION - 1))) >> _FRACTION


def _even(grey: Grey) -> Grey:
    """The picture with its last row or column twice where a side is odd."""
    height, width = grey.shape
    if not (height | width) & 1:
        return grey
    return np.asarray(cv2.copyMakeBorder(grey, 0, height & 1, 0, width & 1, cv2.BORDER_REPLICATE), np.uint8)


def _pairs(grey: Grey, top: int, bottom: int) -> NDArray[np.uint16]:
    """Rows top to bottom, two pixels in one number; beyond the picture its first and last row are repeated."""
    strip = grey[max(top, 0) : bottom]
    above, below = max(-top, 0), max(bottom - len(grey), 0)
    if above or below:
        strip = np.pad(strip, ((above, below), (0, 0)), "edge")
    return np.ascontiguousarray(strip).view("<u2")


def _between(nodes: Whole, spacing: int, top: int, bottom: int, columns: int) -> list[Whole]:
    """Colors of the chroma samples in rows top to bottom: a* and b*, (rows, columns)."""
    if spacing == 1:
        return [plane[top:bottom] for plane in nodes]
    first, last = top // spacing, -(-bottom // spacing)
    start, stop = max(first - 1, 0), min(last + 1, nodes.shape[1])
    size = (spacing * nodes.shape[2], spacing * (stop - start))
    rows = slice(top - start * spacing, bottom - start * spacing)
    return [cv2.resize(plane[start:stop], size, interpolation=cv2.INTER_LINEAR)[rows, :columns] for plane in nodes]


def _samples(grey: Grey, a: Whole, b: Whole) -> NDArray[np.uint64]:
    """The table's entry for each sample, (rows, columns), of twice as many rows and columns of grey."""
    index = np.left_shift(_cell(a), 8).view(np.uint16)
    index |= _cell(b).view(np.uint16)
    wide = np.left_shift(index, GREYS.bit_length() - 1, dtype=np.int64)
    means = np.asarray(cv2.resize(grey, a.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)  # of 2x2, rounded
    wide += means // (256 // GREYS)
    return luma_table().take(wide)


class _Joint:
    """Writes the luma row by row, as the corrections of its chroma samples come."""

    def __init__(self, grey: Grey, out: Grey) -> None:
        self._grey, self._out = grey, out
        self._lines: tuple[Whole, Whole] | None = None  # intercept and slope, with the row above the strip in front
        self._row = 0  # rows of chroma that have been used

    def next_rows(self, count: int) -> tuple[Whole, Whole]:
        """Where the next rows' corrections, (count, columns) each, are to be put."""
        columns = self._out.shape[1] // 2
        lines = np.empty((count + 1, columns), np.int16), np.empty((count + 1, columns), np.int16)
        for new, old in zip(lines, self._lines or (), strict=False):
            new[0] = old[-1]
        self._lines = lines
        return lines[0][1:], lines[1][1:]

    def write(self) -> None:
        """Use the rows that were put there."""
        assert self._lines is not None
        intercept, slope = self._lines
        if not self._row:
            intercept[0], slope[0] = intercept[1], slope[1]
        self._write(intercept, slope)
        self._row += len(intercept) - 1

    def finish(self) -> None:
        """The last row, below which there is nothing to interpolate with."""
        assert self._lines is not None
        intercept, slope = (np.repeat(plane[-1:], 2, 0) for plane in self._lines)
        self._write(intercept, slope)

    def _write(self, intercept: Whole, slope: Whole) -> None:
        """The rows of luma between the rows of corrections that are given."""
        count, columns = len(intercept) - 1, intercept.shape[1]
        first = 2 * self._row - 1
        top, bottom = max(first, 0), min(first + 2 * count, len(self._out))
        pairs = _pairs(self._grey, first, first + 2 * count).reshape(count, 2, columns)
        intercepts, slopes = _wide(_tall(intercept)), _wide(_tall(slope))
        left = _corrected((pairs & 255).view(np.int16), intercepts[0], slopes[0])
        right = _corrected((pairs >> 8).view(np.int16), intercepts[1], slopes[1])
        left, right = (
            side.view("<u2").reshape(2 * count, columns)[top - first : bottom - first] for side in (left, right)
        )
        out = self._out.view("<u2")[top:bottom]
        np.left_shift(right, 8, out=out)
        out |= left


def _tall(plane: Whole) -> Whole:
    """Rows of chroma, (n + 1, m), to the rows of pixels between them, (n, 2, m), times 4."""
    out = np.empty((len(plane) - 1, 2, plane.shape[1]), np.int16)
    thrice = plane * np.int16(3)
    np.add(thrice[:-1], plane[1:], out=out[:, 0])
    np.add(thrice[1:], plane[:-1], out=out[:, 1])
    return out


def _wide(plane: Whole) -> tuple[Whole, Whole]:
    """Columns of chroma, (n, 2, m), to the even and the odd columns of pixels, times 4."""
    # as one long row, which is faster than many short ones; the places where rows meet are set right afterwards
    flat = plane.ravel()
    thrice = flat * np.int16(3)
    even, odd = np.empty(plane.shape, np.int16), np.empty(plane.shape, np.int16)
    np.add(thrice[1:], flat[:-1], out=even.ravel()[1:])
    np.add(thrice[:-1], flat[1:], out=odd.ravel()[:-1])
    even[..., 0], odd[..., -1] = plane[..., 0] * 4, plane[..., -1] * 4
    return even, odd


def _corrected(grey: Whole, intercept: Whole, slope: Whole) -> Whole:
    """Luma of grey levels; the intercept has 7 bits after the point, the slope 15. `intercept` is used up."""
    # The product has 7 bits after the point, and needs 8 bits of the slope more than fit: they are multiplied apart.
    upper = slope >> 8
    upper *= grey
    intercept += upper
    lower = (slope & 255).view(np.uint16)
    lower *= grey.view(np.uint16)
    lower >>= 8
    intercept += lower.view(np.int16)
    intercept >>= 7
    intercept += grey
    return np.clip(intercept, 0, 255, out=intercept)
