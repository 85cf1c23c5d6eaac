"""What formats tell of their files, and hand to those who read them.

In:  nothing; these are the words that `base.Format` and its callers share
Out: what a format has a place for, what a header declares, opened rows, pieces of files, stripped files
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import BinaryIO

from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto

Rows = Iterator[tuple[int, DecodedPage]]
MOST_TEXT = 64 << 20  # bytes of metadata that are read at once


class Holds(Flag):
    """A kind of metadata that a format has a place for.

    `exif` is the block, byte for byte; `tiff_tags` are the tags that it holds, as a TIFF's own. Of comments a format
    may hold the first alone.
    """

    exif = auto()
    tiff_tags = auto()
    extended_xmp = auto()
    damaged_xmp = auto()
    iptc = auto()
    first_comment = auto()
    comments = auto()
    png_chunks = auto()
    png_texts = auto()
    jpeg_segments = auto()
    jp2_boxes = auto()
    icc = auto()
    resolution = auto()


@dataclass(frozen=True)
class Declared:
    """What a header declares, before anything is decoded.

    Attributes:
        width, height: of its picture, or its largest one, as stored; not yet upright.
        depth: bits per sample.
        channels: samples per pixel as stored.
        need: bytes that decoding its pixels takes at its peak, beside the file's own bytes.
        copies: how often the file's bytes are in memory at that time.
    """

    width: int
    height: int
    depth: int
    channels: int
    need: int
    copies: int = 2

    @classmethod
    def of(
        cls, size: tuple[int, int], depth: int, channels: int, each: int, copies: int = 2, more: int = 0
    ) -> Declared:
        """By the bytes that each pixel takes, and `more` beside them.

        Raises:
            Damaged: it declares no pixels.
        """
        if size[0] <= 0 or size[1] <= 0:
            raise Damaged(f"damaged picture: its header declares {size[0]:,} x {size[1]:,} pixels")
        return cls(size[0], size[1], depth, channels, size[0] * size[1] * each + more, copies)

    @property
    def pixels(self) -> int:
        """Pixels of the picture."""
        return self.width * self.height

    def peak(self, file_size: int) -> int:
        """Bytes that decoding a file of that size takes."""
        return self.need + self.copies * file_size


@dataclass(frozen=True)
class OpenedRows:
    """A file whose rows are read a few at a time.

    Attributes:
        photo: pages of a single pixel, and what stands around them.
        shapes: height and width of each page, as stored.
        readers: of each page, what starts reading its rows as they are stored.
        reduced: of a grey JPEG, what starts reading the rows of a copy that is smaller by a factor, 2, 4 or 8.
        whole: of a JPEG, what reads the rows that are to stay in memory, which is faster.
    """

    photo: DecodedPhoto
    shapes: list[tuple[int, int]]
    readers: list[Callable[[], Rows]]
    reduced: Callable[[int], Rows] | None = None
    whole: Callable[[], Rows] | None = None


class FileParts:
    """Pieces of an open file; those near its start are there already.

    Args:
        file: it.
        head: its first bytes.
        size: of the file.
    """

    def __init__(self, file: BinaryIO, head: bytes, size: int) -> None:
        self.file, self.head, self.size = file, head, size

    def at(self, start: int, count: int) -> bytes:
        """Some bytes; fewer where the file ends."""
        if start + count <= len(self.head):
            return self.head[start : start + count]
        self.file.seek(start)
        return self.file.read(min(count, MOST_TEXT))


@dataclass(frozen=True)
class Stripped:
    """A file with less around its pictures.

    Attributes:
        data: its bytes.
        changed: something went; else it is the source's file, but for our note.
        notes: what was left out besides what was asked for.
    """

    data: bytes
    changed: bool
    notes: list[str] = field(default_factory=list)
