"""A page at full resolution and at every half of it, from which tiles are cut.

In:  a photo's rows
Out: any part of any level, (h, w) or (h, w, 3), in the page's own space and depth

Level 0 is the page; each further level has half as many pixels a side. A page that is read in strips is written to a
temporary file, so that memory does not grow with it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.formats.blocks import BlockReader

TILE = 512  # pixels of a side
_ROWS = 1024  # of a level that are halved at once


class Pyramid:
    """The levels of a photo's first page, each made when it is first asked for; used by several threads at once.

    Args:
        reader: gives the photo's rows.
        size: (H, W) of the page.
    """

    def __init__(self, reader: BlockReader, size: tuple[int, int]) -> None:
        self.reader, self.size = reader, size
        self._levels, self._lock = list[NDArray[Any]](), Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def levels(self) -> int:
        """How many there are: the last one fits into one tile."""
        return max(1, (max(self.size) - 1).bit_length() - (TILE - 1).bit_length() + 1)

    def level_size(self, level: int) -> tuple[int, int]:
        """(h, w) of a level."""
        return max(1, self.size[0] >> level), max(1, self.size[1] >> level)

    def part(self, level: int, top: int, left: int, side: int = TILE) -> NDArray[Any]:
        """Pixels of a level from a corner on, at most `side` x `side`; none where the corner lies outside.

        Raises:
            DecodeError: the photo's file is damaged or has changed.
        """
        return self._level(level)[top : top + side, left : left + side]

    def close(self) -> None:
        """Free the levels and the temporary files."""
        with self._lock:
            self._levels.clear()
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None

    def _level(self, level: int) -> NDArray[Any]:
        with self._lock:
            if not self._levels:
                self._levels.append(self._base())
            while len(self._levels) <= level:
                self._levels.append(self._halved(self._levels[-1], self.level_size(len(self._levels))))
            return self._levels[level]

    def _base(self) -> NDArray[Any]:
        if not self.reader.readers:
            return self.reader.photo.pages[0].pixels
        base: NDArray[Any] | None = None
        for block in self.reader.blocks(0):
            rows = block.rows.pixels
            if base is None:
                base = self._room((*self.size, *rows.shape[2:]), rows.dtype)
            base[block.top : block.top + len(rows)] = rows
        assert base is not None  # a page has rows
        return base

    def _halved(self, finer: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
        height, width = size
        coarser = self._room((height, width, *finer.shape[2:]), finer.dtype)
        for top in range(0, height, _ROWS):
            rows = finer[2 * top : 2 * min(top + _ROWS, height), : 2 * width]
            count = max(1, len(rows) // 2)
            small = cv2.resize(np.ascontiguousarray(rows), (width, count), interpolation=cv2.INTER_AREA)
            coarser[top : top + count] = small
        return coarser

    def _room(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        if not self.reader.readers:
            return np.empty(shape, dtype)
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="colorize-serve-", ignore_cleanup_errors=True)
        path = Path(self._folder.name, f"level{len(self._levels)}")
        return np.memmap(path, dtype, "w+", shape=shape)
