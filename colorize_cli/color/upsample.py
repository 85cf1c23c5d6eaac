"""Enlarge low-resolution color to a photo's size, a few rows at a time.

In:  planes, (C, h, w) float32
Out: rows of the planes enlarged to (C, H, W): bicubic, half-pixel centers, edges repeated
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_AHEAD = 8  # source rows that are widened at once


def cubic_weights(t: Floats) -> Floats:
    """Weights of the four neighbors at -1, 0, 1 and 2 for positions t in [0, 1): (n,) to (n, 4).

    Source: Keys 1981, with a = -0.75 as in OpenCV.
    """
    a = np.float32(-0.75)

    def near(x: Floats) -> Floats:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Floats) -> Floats:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    first, second, third = far(t + 1), near(t), near(1 - t)
    return np.stack((first, second, third, 1 - first - second - third), -1).astype(np.float32)


def window(plane: Floats, step: tuple[float, float], corner: tuple[int, int], size: tuple[int, ...]) -> Floats:
    """A part of a plane enlarged by linear interpolation, edges repeated.

    Args:
        plane: (h, w).
        step: how far, down and right, one pixel of the enlarged plane moves in it.
        corner: row and column of the enlarged plane at which the part begins.
        size: of the part.
    """
    (down, right), (top, left) = step, corner
    matrix = np.array([[right, 0, (left + 0.5) * right - 0.5], [0, down, (top + 0.5) * down - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    part = cv2.warpAffine(plane, matrix, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(part, np.float32)


class Enlarger:
    """Gives any rows of the enlarged planes; the same numbers whatever rows are asked for together.

    Rows asked for from top to bottom are cheapest: source rows are widened once. One object serves one thread.
    """

    def __init__(self, planes: Floats, shape: tuple[int, int]) -> None:
        self._planes = np.ascontiguousarray(planes, np.float32)
        self._shape = shape
        self._wide: dict[int, Floats] = {}

    def rows(self, top: int, bottom: int) -> Floats:
        """Rows top to bottom (not counted) of the enlarged planes: (C, bottom - top, W), a new array."""
        height, width = self._shape
        source_height = self._planes.shape[1]
        y = (np.arange(top, bottom) + 0.5) * (source_height / height) - 0.5
        base = np.floor(y).astype(int)
        weights = cubic_weights((y - base).astype(np.float32))
        out = np.empty((len(self._planes), bottom - top, width), np.float32)
        starts = np.flatnonzero(np.diff(base, prepend=base[0] - 1))
        for start, stop in zip(starts, [*starts[1:], len(base)], strict=True):
            near = np.stack([self._widened(int(base[start]) + k, source_height) for k in (-1, 0, 1, 2)], 1)
            for plane in range(len(out)):  # not matmul: BLAS rounds the last columns by the shape, and starts threads
                np.einsum("rk,kw->rw", weights[start:stop], near[plane], out=out[plane, start:stop])
        return out

    def _widened(self, row: int, source_height: int) -> Floats:
        """One source row, enlarged sideways: (C, W)."""
        row = min(max(row, 0), source_height - 1)
        if row not in self._wide:
            for old in [key for key in self._wide if not row - _AHEAD < key < row + _AHEAD]:
                del self._wide[old]
            lines = self._planes[:, row : row + _AHEAD]
            count = lines.shape[1]
            wide = np.stack(
                [cv2.resize(line, (self._shape[1], count), interpolation=cv2.INTER_CUBIC) for line in lines]
            )
            self._wide.update((row + k, wide[:, k]) for k in range(count))
        return self._wide[row]
