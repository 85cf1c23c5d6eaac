"""`merge_luma` for a photo that comes as a whole or a few rows at a time: no seam shows where they meet.

In:  some rows of a grey photo, (n, W) uint8, with those above and below them; ab of the whole photo, (2, h, w) float32
Out: Y, Cb and Cr of these rows, as `merge_luma` gives them for the whole photo
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from colorize_cli.color.luma import Floats, Grey, merge_luma, planes_of, spacing_of, whole_numbers
from colorize_cli.color.upsample import cubic_weights

_BAND = 8  # rows of nodes that are made at once; each is a mean of four rows, the others of a band are in vain
MARGIN = 2  # rows above and below that are looked at: a decoder interpolates between rows of chroma


class LumaRows:
    """Gives any rows of a photo their colors, in any thread.

    Args:
        ab: CIE a* and b*, (2, h, w) float32, of any smaller size; enlarged bicubically.
        shape: (H, W) of the photo.
        saturation: factor on the chroma.
    """

    def __init__(self, ab: Floats, shape: tuple[int, int], saturation: float = 1.0) -> None:
        self.shape, self._ab = shape, ab * np.float32(saturation)
        self._spacing = spacing_of(ab.shape, shape)
        self._steps = [2 * self._spacing * places / side for places, side in zip(ab.shape[1:], shape, strict=True)]

    def merge(self, top: int, grey: Grey, above: Grey, below: Grey) -> tuple[Grey, Grey, Grey]:
        """The planes of some rows.

        Args:
            top: the first row, even.
            grey: (n, W), uint8; n is even unless they are the photo's last rows.
            above: the `MARGIN` rows before them; none at the photo's top.
            below: the `MARGIN` rows after them; fewer, or none, where the photo ends.

        Returns:
            Y, Cb and Cr; see `merge_luma`.
        """
        if len(grey) == self.shape[0]:
            return merge_luma(grey, self._ab)
        spacing, rows = self._spacing, (len(grey) + 1) // 2
        first = (top - len(above)) // 2
        last = first + (len(above) + len(grey) + len(below) + 1) // 2
        node, past = max(first // spacing - 1, 0), -(-last // spacing) + 1
        nodes = whole_numbers(self._nodes(node, min(past, -(-self.shape[0] // (2 * spacing)))))
        planes = planes_of(np.concatenate((above, grey, below)), nodes, spacing, first - node * spacing)
        start = len(above) // 2
        y, cb, cr = (plane[k * start : k * (start + rows)] for plane, k in zip(planes, (2, 1, 1), strict=True))
        return y, cb, cr

    def _nodes(self, first: int, last: int) -> list[Floats]:
        """a* and b* in rows of nodes."""
        places, columns = self._ab.shape[1], -(-self.shape[1] // (2 * self._spacing))
        down, right = self._steps
        at = (np.arange(first, last) + 0.5) * down - 0.5
        base = np.floor(at).astype(int)
        weights = cubic_weights((at - base).astype(np.float32))
        low, high = max(int(base[0]) - 1, 0), min(int(base[-1]) + 3, places)
        matrix, nothing, fine = (
            np.zeros((last - first, high - low), np.float32),
            np.empty(0, np.float32),
            list[Floats](),
        )
        for k in range(4):
            matrix[np.arange(last - first), np.clip(base + k - 1, 0, places - 1) - low] += weights[:, k]
        for plane in self._ab[:, low:high]:
            # the edge is repeated far enough that a last node which lies beyond it is made, too
            edged = cv2.copyMakeBorder(plane, 0, 0, 0, math.ceil(right), cv2.BORDER_REPLICATE)
            wide = cv2.resize(edged, None, fx=1 / right, fy=1, interpolation=cv2.INTER_CUBIC)[:, :columns]
            rows = np.empty((last - first, columns), np.float32)
            for start in range(0, len(rows), _BAND):
                band = slice(start, start + _BAND)
                near = slice(max(int(base[start]) - 1, 0) - low, min(int(base[band][-1]) + 3, places) - low)
                rows[band] = cv2.gemm(matrix[band, near], wide[near], 1, nothing, 0)
            fine.append(rows)
        return fine
