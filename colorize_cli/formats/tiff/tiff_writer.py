"""Write a TIFF: every page with its own depth, compression and tags, and with what belongs to it.

In:  blocks of RGB rows, uint8 or uint16; the photo that they belong to
Out: a TIFF, or a BigTIFF where the source was one or 4 GB may not hold it

A page that comes as one block is laid out as its source was; one that comes in strips is laid out in tiles. A page that
keeps its pixels is copied as its file has it, unless it was turned upright. The smaller copies of a page (levels of a
pyramid, thumbnails) are made anew of its new pixels, of their size and coded alike; masks are copied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from colorize_cli.files.atomic import put
from colorize_cli.formats.photo import AnyPixels, Page, Photo, SubImage
from colorize_cli.formats.stand_ins import first_pixel
from colorize_cli.formats.tiff.tiff_coding import (
    DEFLATE,
    JPEG,
    Coding,
    coding_like,
    coding_note,
    layout_tags,
    most_bytes,
    segments,
)
from colorize_cli.formats.tiff.tiff_levels import Level
from colorize_cli.formats.tiff.tiff_pictures import layout_of, parts_of
from colorize_cli.formats.tiff.tiff_stream import Parts, TiffStream
from colorize_cli.formats.tiff.tiff_tags import (
    byte_order,
    carries_note,
    copied_tags,
    page_tags,
    sub_image_tags,
)
from colorize_cli.formats.writer import Writer
from colorize_cli.metadata.ifd import Data, Tag
from colorize_cli.metadata.provenance import Provenance

_TILE = 256
CLASSIC_MOST = 2**32 - (1 << 24)  # bytes; what is left is for tags
_PYRAMID_SHARE = 1.4  # of a page with its levels: 1 + 1/4 + 1/16 and so on, and a little
_STRIP_BYTES = 32 << 20  # of a row of tiles; in very wide pictures tiles are flatter

Coded = tuple[Iterable[bytes], AnyPixels]


class TiffWriter(Writer):
    """Writes a TIFF."""

    def __init__(self, photo: Photo, quality: int | None, note: Provenance, block_rows: int) -> None:
        super().__init__(photo)
        self._quality, self._note, self._block_rows = quality, note, block_rows
        most, notes = 0.0, list[str | None]()
        for page in photo.pages:
            planes, _, coding = self._planned(page)
            most += most_bytes(planes, coding) * (_PYRAMID_SHARE if page.metadata.sub_images else 1)
            notes.append(coding_note(page.metadata.compression, coding))
        self.notes = list(dict.fromkeys(note for note in notes if note))
        order = byte_order(photo.metadata, photo.pages[0].metadata)  # the source's, so that raw values can be copied
        self._stream = TiffStream(order, photo.metadata.big or most > CLASSIC_MOST)

    def start(self, file: BinaryIO) -> None:
        """Write the header; the place of the first directory follows when it is known."""
        put(file, [self._stream.begin()])

    def begin(self, number: int, unchanged: bool = False) -> None:
        """Go on to a page; the levels of one that is copied are copied, too."""
        super().begin(number)
        self._number, page = number, self.page
        self._planes, self._kinds, self._coding = self._planned(page)
        if unchanged and self._coding.compression == JPEG:  # only turned: coding it again would lose something
            self._coding = replace(self._coding, compression=DEFLATE)
        self._parts, tile = Parts(self._coding.tile is not None), self._coding.tile
        if self._block_rows and tile is not None:
            self.rows = tile[1]
        subs = [sub for sub in page.metadata.sub_images if sub.is_level]
        self._levels = {id(sub): Level(self._stream, sub, page, self._kinds, self._quality) for sub in subs}

    def copy(self, file: BinaryIO, source: Data, original: Page) -> bool:
        """Append the page, and what belongs to it, as the source has it."""
        own, tags = self.page.metadata, original.metadata.tags
        parts = parts_of(source, tags) if own.can_copy and own.orientation == 1 and tags else None
        if parts is None or tags is None:
            return False
        self._levels, self._parts = {}, Parts(tags.find(322) is not None)
        put(file, (self._stream.segment(self._parts, part) for part in parts))
        kept = copied_tags(own.tags.tags if own.tags else (), layout_of(tags))
        first = self._number == 0
        self._close(file, carries_note(kept, self._note, self.photo.metadata.xmp) if first else kept, source)
        return True

    def code(self, rows: Page, colored: AnyPixels) -> Coded:
        """Strips or tiles, of a whole page made as they are written; and the pixels, for smaller copies."""
        planes, _ = planes_of(rows, colored)
        coded = segments(planes, self._coding, self._stream.order, self._quality)
        return list(coded) if self._block_rows else coded, planes

    def write(self, file: BinaryIO, coded: Coded) -> None:
        """Append strips or tiles, and those of smaller copies that are complete now."""
        tiles, planes = coded
        put(file, (self._stream.segment(self._parts, tile) for tile in tiles))
        for level in self._levels.values():
            put(file, level.feed(planes))

    def end(self, file: BinaryIO, source: Data | None) -> None:
        """Append the page's directory, and before, inside and after it those of what belongs to it."""
        own, stream = self.page.metadata, self._stream
        for level in self._levels.values():
            put(file, level.rest())
        tags = layout_tags(self._planes, self._kinds, self._coding, stream.order)
        tags += page_tags(self.photo.metadata, own, self.page.icc, self._note, stream.order, self._number == 0)
        self._close(file, tags, source)

    def _close(self, file: BinaryIO, tags: list[Tag], source: Data | None) -> None:
        own, stream = self.page.metadata, self._stream
        for sub in own.before:
            self._link(file, sub, source)
        inside = []
        for chain in own.inside:
            laid = [found for sub in chain if (found := self._sub(file, sub, source)) is not None]
            if laid:
                offset, pieces = stream.chain(laid)
                put(file, pieces)
                inside.append(offset)
        put(file, stream.page(tags, self._parts, inside))
        for sub in own.after:
            self._link(file, sub, source)

    def _link(self, file: BinaryIO, sub: SubImage, source: Data | None) -> None:
        found = self._sub(file, sub, source)
        if found is not None:
            put(file, self._stream.page(*found))

    def _sub(self, file: BinaryIO, sub: SubImage, source: Data | None) -> tuple[list[Tag], Parts] | None:
        """A sub-image's tags and parts; None where it can be neither made nor copied."""
        if (level := self._levels.get(id(sub))) is not None:
            return level.tags(), level.parts
        found = parts_of(source, sub.places) if sub.can_copy and source is not None else None
        if found is None:
            return None
        parts = Parts(sub.places.find(322) is not None)
        put(file, (self._stream.segment(parts, part) for part in found))
        return sub_image_tags(sub, self.page.metadata.orientation, self._stream.order), parts

    def _planned(self, page: Page) -> tuple[AnyPixels, list[int], Coding]:
        """A stand-in for all planes of a page, what those beyond color are, and how they are coded."""
        rgb = np.broadcast_to(np.zeros((), page.pixels.dtype), (1, 1, 3))
        planes, kinds = planes_of(first_pixel(page), rgb)
        width, height = page.size
        planes, own = np.broadcast_to(planes[:1, :1], (height, width, planes.shape[2])), page.metadata
        if not self._block_rows:
            return planes, kinds, coding_like(own.tags, own.compression, own.jpeg, planes)
        rows = max(min(_TILE, self._block_rows), 16)
        while rows > 16 and rows * width * planes.shape[2] * planes.itemsize > _STRIP_BYTES:
            rows //= 2
        tile_like = np.broadcast_to(planes[:1, :1], (rows, _TILE, planes.shape[2]))
        return planes, kinds, replace(coding_like(None, own.compression, own.jpeg, tile_like), tile=(_TILE, rows))


def planes_of(page: Page, rgb: AnyPixels) -> tuple[AnyPixels, list[int]]:
    """Color, alpha and the planes beyond, in the source's sequence, and their kinds for ExtraSamples."""
    parts, kinds, rows = [rgb], list[int](), len(rgb)
    if page.alpha is not None:
        parts.append(page.alpha[:rows, :, None])
        kinds.append(1 if page.metadata.premultiplied else 2)
    extra = page.metadata.extra
    if extra is not None and extra.dtype == rgb.dtype:
        parts.append(extra[:rows])
        kinds += [0] * extra.shape[2]
    return (np.concatenate(parts, axis=2) if kinds else rgb), kinds
