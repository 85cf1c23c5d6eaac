"""Lay out a TIFF from its first byte to its last, in memory that does not grow with its pictures.

In:  coded strips or tiles as they come, and each picture's tags once its last one has come
Out: pieces for `atomic.write_whole`, to be written in the sequence in which they are given

A page whose pixels are made a strip at a time:

    stream, parts = TiffStream(order="<", big=True), Parts()
    yield stream.begin()
    for coded in strips:                          # row by row, left to right
        yield stream.segment(parts, coded)
    yield from stream.page(tags, parts)           # layout tags, and those of `tiff_tags.page_tags`

Sub-images (SubIFDs) are laid out before the directory of their page: their strips, then `stream.chain`, which gives
the offset that `stream.page(..., inside=[offset])` puts into the page's tag 330. Further pages go on in the same way.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from colorize_cli.files.atomic import Patch
from colorize_cli.metadata.ifd import Tag
from colorize_cli.metadata.ifd_write import directory, header

Piece = bytes | Patch
_SUB_IFDS = 330


def _numbers() -> array[int]:
    return array("Q")


@dataclass(frozen=True)
class Parts:
    """Where the strips or tiles of one picture lie.

    Attributes:
        tiled: they are tiles.
        offsets: of each, from the file's start; 0 for one that is left out.
        sizes: of each, in bytes.
    """

    tiled: bool = False
    offsets: array[int] = field(default_factory=_numbers)
    sizes: array[int] = field(default_factory=_numbers)


class TiffStream:
    """The layout of one file.

    Args:
        order: "<" or ">", of all tags and of raw samples.
        big: BigTIFF, which a file of more than 4 GB needs.
    """

    def __init__(self, order: str = "<", big: bool = False) -> None:
        self.order, self.big = order, big
        self.at = 16 if big else 8
        self._link = 8 if big else 4  # where the offset of the next directory is to be written

    def begin(self) -> bytes:
        """The file's first bytes; they point to no directory until one is there."""
        return header(self.order, 0, self.big)

    def segment(self, parts: Parts, coded: bytes) -> bytes:
        """Note where a picture's next strip or tile lies; returns what is to be written."""
        parts.offsets.append(self.at if coded else 0)
        parts.sizes.append(len(coded))
        piece = coded + bytes(len(coded) & 1)  # a directory must start at an even offset
        self.at += len(piece)
        return piece

    def page(self, tags: Sequence[Tag], parts: Parts, inside: Sequence[int] = ()) -> Iterator[Piece]:
        """Close a picture and append its directory to the file's chain.

        Args:
            tags: all its tags but those that say where its parts are; without 330.
            parts: where they are.
            inside: offsets of its sub-images.

        Raises:
            ValueError: the file grew beyond what classic TIFF holds.
        """
        every = [*tags, *self._where(parts)]
        if inside:
            every.append(Tag(_SUB_IFDS, 18 if self.big else 13, len(inside), self._packed(inside)))
        laid, next_at = directory(self.order, every, self.at, self.big)
        yield bytes(laid)
        yield Patch(self._link, self._packed([self.at]))
        self._link = self.at + next_at
        self.at += len(laid)

    def chain(self, pictures: Sequence[tuple[Sequence[Tag], Parts]]) -> tuple[int, list[Piece]]:
        """Close sub-images and link their directories; most often there is one.

        Returns:
            The offset of the first directory, and the pieces.
        """
        first, pieces, link = self.at, list[Piece](), -1
        for tags, parts in pictures:
            laid, next_at = directory(self.order, [*tags, *self._where(parts)], self.at, self.big)
            pieces.append(bytes(laid))
            if link >= 0:
                pieces.append(Patch(link, self._packed([self.at])))
            link = self.at + next_at
            self.at += len(laid)
        return first, pieces

    def _where(self, parts: Parts) -> list[Tag]:
        kind, count = (16 if self.big else 4), len(parts.offsets)
        places, sizes = (324, 325) if parts.tiled else (273, 279)
        return [
            Tag(places, kind, count, self._packed(parts.offsets)),
            Tag(sizes, kind, count, self._packed(parts.sizes)),
        ]

    def _packed(self, values: Sequence[int]) -> bytes:
        try:
            return struct.pack(f"{self.order}{len(values)}{'Q' if self.big else 'I'}", *values)
        except struct.error:
            raise ValueError("it has more than the 4 GB that classic TIFF holds") from None
