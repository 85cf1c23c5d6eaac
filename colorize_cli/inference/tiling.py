"""Where tiles lie on a picture, and how what they say is joined.

In:  a length or a picture's size, the tile's, the overlap
Out: places of tiles; windows over them that sum to one at every pixel
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import UsageError

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
    """Lay tiles along an axis, evenly, so that neighbours share at least `overlap` pixels.

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
