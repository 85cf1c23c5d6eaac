"""Convolutions by numpy alone, for a network that is at work before torch would be loaded.

In:  a picture, (H, W, C) float32; weights as torch stores them, (outputs, C, k, k)
Out: (H', W', outputs) float32

3x3 kernels of stride 1 take a quarter of the multiplications, as in `winograd`, whose sums are written here as products
of small matrices, so that nearly all the work is matrix multiplication. They agree with torch's to about 1e-5 of the
largest value.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_FEWEST = 16  # channels; below, the sums cost more than the multiplications saved
# Lavin, Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016: F(2x2, 3x3) and F(4x4, 3x3)
KERNEL = {
    2: np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2,
    4: np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24,
}
_INPUT = {
    2: np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
    4: np.array(
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ]
    ),
}
_OUTPUT = {
    2: np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
    4: np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]),
}


def _both_axes(matrices: Mapping[int, NDArray[Any]]) -> dict[int, Floats]:
    """The sums of a whole tile, its places row after row."""
    return {tile: np.kron(matrix, matrix).astype(np.float32) for tile, matrix in matrices.items()}


_KERNEL_TILE, _INPUT_TILE, _OUTPUT_TILE = (_both_axes(matrices) for matrices in (KERNEL, _INPUT, _OUTPUT))


def _best_tile(places: int) -> int:
    """Places on each side of a tile, 0 for none: large tiles multiply least, but few of them feed no processor."""
    return 4 if places >= 12 * 16 else 2 if places >= 4 * 16 else 0


class Convolution:
    """A convolution of 1x1 or 3x3 with a zero rim, to be applied to many pictures, in many threads.

    Args:
        weight: (outputs, C, k, k), of any floating type.
        bias: (outputs,).
        stride: 1, or with 3x3 also 2.
        gain: factors on the weights of each output, (outputs,).
        places: H times W of the pictures for which it should be fastest.
    """

    def __init__(
        self,
        weight: NDArray[Any],
        bias: Floats,
        stride: int = 1,
        gain: Floats | None = None,
        places: int = 1 << 12,
    ) -> None:
        outputs, channels, self._kernel, _ = weight.shape
        quick = self._kernel == 3 and stride == 1 and channels >= _FEWEST
        self._tile = _best_tile(places) if quick else 0
        self._bias, self._stride = bias, stride
        self._given: tuple[NDArray[Any], Floats] | None = (
            weight,
            np.ones(outputs, np.float32) if gain is None else gain,
        )
        self._made: Floats | None = None
        self._making = Lock()

    @property
    def matrix(self) -> Floats:
        """What pictures are multiplied by, (k k C, outputs) or ((tile + 2)^2, C, outputs); made when asked for."""
        with self._making:
            if self._made is None:
                assert self._given is not None
                (weight, gain), self._given = self._given, None
                made: Floats = np.array(weight.transpose(2, 3, 1, 0), np.float32, order="C")
                made *= gain
                if self._tile:
                    spread = np.matmul(_KERNEL_TILE[self._tile], made.reshape(9, -1))
                    self._made = spread.reshape(-1, *made.shape[2:])
                else:
                    self._made = made.reshape(-1, made.shape[3])
            return self._made

    def __call__(self, x: Floats, relu: bool = False) -> Floats:
        """(H, W, C) to (H / stride, W / stride, outputs), rounded up; `relu` sets what is below zero to zero."""
        y = self._at_places(x) if self._kernel == 1 else self._by_tiles(x) if self._tile else self._by_windows(x)
        if relu:
            np.maximum(y, 0, out=y)
        return y

    def _at_places(self, x: Floats) -> Floats:
        y: Floats = np.matmul(x.reshape(-1, x.shape[2]), self.matrix)
        y += self._bias
        return y.reshape(*x.shape[:2], -1)

    def _by_windows(self, x: Floats) -> Floats:
        height, width = (-(-side // self._stride) for side in x.shape[:2])
        rimmed = _rimmed(x, x.shape[0] + 2, x.shape[1] + 2)
        down, right, step = rimmed.strides
        windows = as_strided(
            rimmed,
            (height, width, 3, 3, x.shape[2]),
            (self._stride * down, self._stride * right, down, right, step),
        )
        y: Floats = np.matmul(windows.reshape(height * width, -1), self.matrix)
        y += self._bias
        return y.reshape(height, width, -1)

    def _by_tiles(self, x: Floats) -> Floats:
        """Tiles of places from windows that are two places wider and higher."""
        (height, width, channels), outputs, tile = x.shape, self.matrix.shape[2], self._tile
        rows, columns, side = -(-height // tile), -(-width // tile), tile + 2
        rimmed = _rimmed(x, tile * rows + 2, tile * columns + 2)
        down, right, step = rimmed.strides
        shape = (side, side, rows, columns, channels)
        windows = as_strided(rimmed, shape, (down, right, tile * down, tile * right, step))
        spread = np.matmul(_INPUT_TILE[tile], windows.reshape(side * side, -1))
        product = np.matmul(spread.reshape(side * side, -1, channels), self.matrix)
        tiles = np.matmul(_OUTPUT_TILE[tile], product.reshape(side * side, -1))
        y = np.empty((rows, tile, columns, tile, outputs), np.float32)
        np.add(tiles.reshape(tile, tile, rows, columns, outputs).transpose(2, 0, 3, 1, 4), self._bias, out=y)
        y = y.reshape(tile * rows, tile * columns, outputs)
        return y if y.shape[:2] == (height, width) else np.ascontiguousarray(y[:height, :width])


def _rimmed(x: Floats, height: int, width: int) -> Floats:
    """A copy of that size with a rim of one zero above and on the left, and zeros for the rest."""
    rimmed = np.zeros((height, width, x.shape[2]), np.float32)
    rimmed[1 : x.shape[0] + 1, 1 : x.shape[1] + 1] = x
    return rimmed
