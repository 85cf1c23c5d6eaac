"""Read a baseline JPEG a few rows at a time.

In:  a path
Out: `OpenedRows`: the photo with a single pixel, its true size, and what reads its rows
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from colorize_cli.color.pixels import grey_plane, halved
from colorize_cli.formats import vips_rows
from colorize_cli.formats.declared import OpenedRows, Rows
from colorize_cli.formats.decoded import Damaged, DecodedPage
from colorize_cli.formats.jpeg import decode_jpeg, jpeg_file
from colorize_cli.formats.jpeg.jpeg_pixels import JpegDamage, check_strictly, decode_strictly
from colorize_cli.formats.limits import check_size
from colorize_cli.formats.photo import DecodeLimits
from colorize_cli.metadata.lossless_jpeg import LOSSLESS

_HEAD = 1 << 20
_SMALL = 1 << 26  # pixels of a reduced copy that is decoded at once


def open_jpeg(path: Path, limits: DecodeLimits, block_bytes: int = 0) -> OpenedRows:
    """Open a JPEG of one or three components; its end and damage are looked for when its rows are read.

    Raises:
        Damaged: it is no JPEG that can be read so.
        TooManyPixels: its header declares more than the limits allow.
    """
    parsed = head_of(path)
    frame, count = parsed.frame, len(parsed.frame.components)
    check_size(frame.width, frame.height, 0, limits)
    lossless = frame.marker == LOSSLESS  # libjpeg cannot make a smaller copy of it
    if lossless or frame.precision != 8 or count not in (1, 3) or not frame.width or not frame.height:
        raise Damaged("a JPEG that cannot be read in strips")
    channels = () if count == 1 else (3,)
    space = "grey" if count == 1 else "rgb"
    photo = decode_jpeg.photo_of(parsed, np.zeros((1, 1, *channels), np.uint8), space, [])

    read = JpegRows(path, parsed, block_bytes)
    # a mirrored one would lose an odd column on the other side
    reduced = read if photo.pages[0].orientation == 1 else None
    return OpenedRows(photo, [(frame.height, frame.width)], [read], reduced, read.whole)


class JpegRows:
    """The rows of a baseline JPEG, read as often as wanted; the first reading looks for damage.

    libvips does not say what libjpeg warns of at the end of a picture, so the code is read once more, fast.
    """

    def __init__(self, path: Path, parsed: jpeg_file.JpegFile, block_bytes: int = 0) -> None:
        self.path, self.parsed, self.block_bytes = path, parsed, block_bytes
        self.count = len(parsed.frame.components)
        self._checked = False

    def __call__(self, factor: int = 1) -> Rows:
        """Rows from top to bottom; by a factor, of a smaller copy.

        A decoder reduces chroma by itself, which comes out different: its copy is taken of grey photos only, which may
        have been saved as RGB.
        """
        frame, channels = self.parsed.frame, () if self.count == 1 else (3,)
        shape = (frame.height // factor, frame.width // factor, *channels)
        if factor > 1 and shape[0] * shape[1] <= _SMALL:
            copy = self._decoded(factor)[: shape[0], : shape[1]]
            if grey_plane(copy) is not None:
                yield from self._blocks(copy)
                return
            del copy
        early = factor if self.count == 1 else 1
        shape = (frame.height // early, frame.width // early, *channels)
        halvings, dtype = (factor // early).bit_length() - 1, np.dtype(np.uint8)
        for top, rows in vips_rows.read_rows(self.path, "jpegload", shape, dtype, early, self.block_bytes):
            yield top >> halvings, self._page(halved(rows, halvings))
        if not self._checked:
            try:
                with _held(self.path) as data:
                    check_strictly(data)
            except JpegDamage as error:
                raise Damaged(f"damaged JPEG: {error}", salvageable=True) from None
            self._checked = True

    def whole(self) -> Rows:
        """The rows of a picture that is meant to stay in memory: decoded at once, which is faster."""
        yield from self._blocks(self._decoded(1))

    def _decoded(self, factor: int) -> Any:
        try:
            with _held(self.path) as data:
                found = decode_strictly(data, self.count, factor)
        except ValueError as error:
            raise Damaged(f"damaged JPEG: {decode_jpeg.reason(error)}", salvageable=True) from None
        frame = self.parsed.frame
        if found.shape[:2] != (-(-frame.height // factor), -(-frame.width // factor)):
            raise Damaged("damaged: the picture is not of the size that its header declares")
        self._checked = True
        return found

    def _blocks(self, pixels: Any) -> Rows:
        step = vips_rows.rows_of_block(pixels[0].size, self.block_bytes)
        for top in range(0, len(pixels), step):
            yield top, self._page(pixels[top : top + step])

    def _page(self, rows: Any) -> DecodedPage:
        space = "grey" if self.count == 1 else "rgb"
        return decode_jpeg.photo_of(self.parsed, rows, space, []).pages[0]


@contextmanager
def _held(path: Path) -> Iterator[mmap.mmap]:
    """A file in memory that is the system's again at once; not the file mapped, which may be cut short meanwhile."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise Damaged("truncated JPEG: it is empty")
        with mmap.mmap(-1, size) as data:
            if file.readinto(data) != size:
                raise Damaged("the file changed while it was read; try again")
            yield data


def head_of(path: Path) -> jpeg_file.JpegFile:
    """All that stands before a JPEG's first scan.

    Raises:
        Damaged: it has no header that can be read.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = b""
        while True:
            head += file.read(max(_HEAD, len(head)))
            try:
                parsed = jpeg_file.parse(head, headers_only=True)
                if parsed.complete or len(head) >= size:  # "complete" means here: it came to the first scan
                    return parsed
            except (jpeg_file.JpegError, struct.error) as error:
                if len(head) >= size:
                    raise Damaged(f"damaged JPEG: {error}") from None
