"""Small copies of the measured pictures, kept on disk until the report's page is written.

In:  pictures on the 8-bit scale, (N, 3, H, W)
Out: WebP files of at most 512 pixels a side, by row and index
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from colorize_cli.color.pixels import reduced

if TYPE_CHECKING:
    from torch import Tensor

_SIDE = 512  # pixels
_QUALITY = 82


def encode_small(rgb: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """A picture, (H, W, 3), as WebP of at most 512 pixels a side."""
    _, data = cv2.imencode(
        ".webp", cv2.cvtColor(reduced(rgb, _SIDE), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, _QUALITY]
    )
    return data.tobytes()


@dataclass(frozen=True)
class Small:
    """A picture encoded: WebP, and its height and width as measured."""

    data: bytes
    shape: tuple[int, int]


def make_small(rgb: Tensor) -> list[Small]:
    """Encode a batch of pictures, (N, 3, H, W), [0, 255]."""
    pictures = rgb.byte().permute(0, 2, 3, 1).cpu().numpy()
    return [Small(encode_small(picture), (picture.shape[0], picture.shape[1])) for picture in pictures]


class Gallery:
    """Encoded pictures in one temporary file: memory does not grow with their number.

    Attributes:
        rows: whose pictures are kept.
        shapes: height and width of each picture, as measured.
    """

    def __init__(self, rows: Sequence[str]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the gallery
        weakref.finalize(self, self._file.close)
        self.rows = list(rows)
        self.shapes: list[tuple[int, int]] = []
        self._places: dict[str, list[tuple[int, int]]] = {row: [] for row in rows}

    def add(self, row: str, small: Sequence[Small]) -> None:
        """Keep a batch of a row's pictures."""
        if row == self.rows[0]:
            self.shapes += [one.shape for one in small]
        for one in small:
            self._places[row].append((self._file.seek(0, 2), len(one.data)))
            self._file.write(one.data)

    def read(self, row: str, index: int) -> bytes:
        """A picture of a row, WebP."""
        offset, size = self._places[row][index]
        self._file.seek(offset)
        return self._file.read(size)
