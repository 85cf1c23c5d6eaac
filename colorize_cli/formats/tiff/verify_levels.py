"""Check that the smaller copies of a TIFF's pages show the pages as they are now, in memory that does not grow.

In:  the path of an output, and which of its pages were colored
Out: what is wrong with its pyramids and thumbnails, each a few words; none is good

Each page is read once, a few rows at a time, and its copies beside it: every pixel of a copy has to be the mean over
its area of the page, to one level; where either is coded with loss, on the average to a few.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from colorize_cli.formats.around import eight_bits
from colorize_cli.formats.decoded import Damaged
from colorize_cli.formats.jpeg.decode_jpeg import reason
from colorize_cli.formats.photo import AnyPixels
from colorize_cli.formats.tiff.tiff_levels import Reducer
from colorize_cli.formats.tiff.tiff_pictures import Picture, is_copy_of, is_mask, pictures
from colorize_cli.formats.tiff.tiff_rows import rows_as_stored
from colorize_cli.formats.tiff.tiff_tags import LOSSY_COMPRESSIONS
from colorize_cli.metadata.ifd import FileData, Ifd

_STEP = 1  # level, of 255 or 65535: the mean is rounded
_LOSSY = 4 / 255  # mean difference, as a share of the range


def level_faults(path: Path, colored: Collection[int]) -> list[str]:
    """Compare the smaller copies of colored pages with them.

    Args:
        path: a TIFF.
        colored: numbers of the pages whose copies were made anew; those of others are as the source had them.
    """
    faults = []
    with open(path, "rb") as file, tifffile.TiffFile(path) as tiff:
        found, _ = pictures(FileData(file))
        for number, picture in enumerate(found):
            levels = _levels(picture)
            if number in colored and levels:
                try:
                    wrong = _wrong(path, tiff, picture, levels)
                except Damaged as error:
                    wrong = error.reason
                except Exception as error:  # tifffile and its codecs raise a dozen kinds that mean the same here
                    wrong = f"its smaller copies cannot be read: {reason(error)}"
                if wrong:
                    faults.append(f"page {number + 1}: {wrong}")
    return faults


def _levels(picture: Picture) -> list[Ifd]:
    every = [*picture.before, *picture.after, *(ifd for chain in picture.inside for ifd in chain)]
    return [ifd for ifd in every if not is_mask(ifd) and is_copy_of(ifd, picture.ifd)]


def _wrong(path: Path, tiff: Any, picture: Picture, levels: list[Ifd]) -> str:
    with ExitStack() as stack:
        checks = [_Check(stack, path, tiff, picture.ifd, level) for level in levels]
        for rows in _rows(stack, path, tiff, picture.ifd):
            for check in checks:
                check.feed(rows)
        return next((fault for check in checks if (fault := check.fault())), "")


def _rows(stack: ExitStack, path: Path, tiff: Any, ifd: Ifd) -> Iterator[AnyPixels]:
    """A directory's rows as stored, (n, W, samples)."""
    tiff.filehandle.seek(ifd.offset)
    rows = rows_as_stored(path, tifffile.TiffPage(tiff, (0,)), ifd)
    stack.callback(rows.close)
    return (samples.pixels for samples in rows)


class _Check:
    """One copy, read beside its page."""

    def __init__(self, stack: ExitStack, path: Path, tiff: Any, page: Ifd, level: Ifd) -> None:
        self.size = level.integer(256), level.integer(257)
        self._reducer = Reducer((page.integer(256), page.integer(257)), self.size)
        self._rows, self._held = _rows(stack, path, tiff, level), np.zeros((0, 0, 0), np.uint8)
        self._exact = not {page.integer(259, 1), level.integer(259, 1)} & LOSSY_COMPRESSIONS
        self._largest, self._sum, self._count = 0, 0.0, 0

    def feed(self, rows: AnyPixels) -> None:
        """Take the page's next rows."""
        for small in self._reducer.feed(rows):
            there = self._next(len(small))
            expected = eight_bits(small) if there.dtype == np.uint8 else small
            samples = min(there.shape[2], expected.shape[2])
            apart = np.abs(there[..., :samples].astype(np.int32) - expected[..., :samples])
            self._largest = max(self._largest, int(apart.max()))
            self._sum += float(apart.sum(dtype=np.float64)) / float(np.iinfo(there.dtype).max)
            self._count += apart.size

    def _next(self, count: int) -> AnyPixels:
        """The copy's own next rows."""
        parts, have = [self._held], len(self._held)
        while have < count:
            more = next(self._rows, None)
            if more is None:
                raise Damaged("a smaller copy has too few rows")
            parts.append(more)
            have += len(more)
        whole = np.concatenate([part for part in parts if len(part)])
        self._held = whole[count:].copy()
        return whole[:count]

    def fault(self) -> str:
        """What is wrong; nothing if all is well."""
        good = self._largest <= _STEP if self._exact else self._sum <= _LOSSY * self._count
        width, height = self.size
        return "" if good else f"its smaller copy of {width:,} x {height:,} pixels does not show it"
