"""Code a TIFF's pages as tiles, a row of tiles at a time.

In:  strips of RGB rows, uint8 or uint16; the photo that they belong to
Out: a TIFF, or a BigTIFF where the source was one or 4 GB may not hold it; the compression is of the source's family
"""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

import numpy as np

from colorize_cli.files.atomic import put
from colorize_cli.formats.photo import AnyPixels, Page, Photo, SubImage
from colorize_cli.formats.scan import first_pixel
from colorize_cli.formats.tiff.encode_tiff import order_of, planes_of
from colorize_cli.formats.tiff.tiff_coding import (
    Coding,
    coded_rows,
    coding_like,
    coding_note,
    layout_tags,
    most_bytes,
)
from colorize_cli.formats.tiff.tiff_levels import Level
from colorize_cli.formats.tiff.tiff_pictures import layout_of, parts_of
from colorize_cli.formats.tiff.tiff_stream import Parts, TiffStream
from colorize_cli.formats.tiff.tiff_tags import carries_note, copied_tags, page_tags, sub_image_tags
from colorize_cli.metadata.ifd import Data, Ifd, Tag
from colorize_cli.metadata.provenance import Provenance

TILE = 256
CLASSIC_MOST = 2**32 - (1 << 24)  # bytes; what is left is for tags
_GREY = (0, 1)  # photometric interpretations
_PYRAMID_SHARE = 1.4  # of a page with its levels: 1 + 1/4 + 1/16 and so on, and a little
_STRIP_BYTES = 32 << 20  # of a row of tiles; in very wide pictures tiles are flatter


Coded = tuple[list[bytes], AnyPixels | None]


class TiffTiles:
    """The pages of one TIFF, one after another: `start`, then for each page `begin`, its strips, `end`."""

    def __init__(self, photo: Photo, quality: int | None, note: Provenance) -> None:
        self.photo, self.quality, self.note = photo, quality, note
        planned = [_planned(page) for page in photo.pages]
        most = 0.0
        for page, (planes, _, coding) in zip(photo.pages, planned, strict=True):
            most += most_bytes(planes, coding) * (_PYRAMID_SHARE if page.metadata.sub_images else 1)
        self.stream = TiffStream(order_of(photo), photo.metadata.big or most > CLASSIC_MOST)
        sources = [page.metadata.compression for page in photo.pages]
        said = [coding_note(source, coding) for source, (_, _, coding) in zip(sources, planned, strict=True)]
        self.notes = list(dict.fromkeys(note for note in said if note))
        self.rows = TILE

    def start(self, file: BinaryIO) -> None:
        """Write the header; the place of the first directory follows when it is known."""
        put(file, [self.stream.begin()])

    def begin(self, number: int) -> None:
        """Go on to a page."""
        self.number, self.page = number, self.photo.pages[number]
        self.planes, self.kinds, self.coding = _planned(self.page)
        assert self.coding.tile is not None
        self.rows, self.parts = self.coding.tile[1], Parts(tiled=True)
        subs = [sub for sub in self.page.metadata.sub_images if sub.is_level]
        self.levels = {id(sub): Level(self.stream, sub, self.page, self.kinds, self.quality) for sub in subs}
        self._source: Data | None = None
        self._places: dict[int, Ifd] = {}

    def copy(self, file: BinaryIO, source: Data, original: Page) -> bool:
        """Append the page, and what belongs to it, as the source has it, instead of its strips.

        Args:
            file: the result.
            source: the source's bytes.
            original: the page before anything was stripped from its tags, which say where its parts are.

        Returns:
            Whether it can be copied: it has colour, is upright, and all of its parts are there.
        """
        own, tags = self.page.metadata, original.metadata.tags
        if tags is None or own.orientation != 1 or tags.integer(262, 1) in _GREY:
            return False
        parts = parts_of(source, tags)
        if parts is None:
            return False
        pairs = zip(own.sub_images, original.metadata.sub_images, strict=True)
        self._source, self._places, self.levels = source, {id(sub): whole.tags for sub, whole in pairs}, {}
        self.parts = Parts(tags.find(322) is not None)
        put(file, (self.stream.segment(self.parts, part) for part in parts))
        kept = copied_tags(own.tags.tags if own.tags else (), layout_of(tags))
        self._close(file, carries_note(kept, self.note, self.photo.metadata.xmp) if self.number == 0 else kept)
        return True

    def code(self, page: Page, rgb: AnyPixels) -> Coded:
        """A row of tiles, and its pixels where smaller copies are made of them."""
        planes, _ = planes_of(page, rgb)
        above = planes if self.levels else None
        return list(coded_rows(planes, self.coding, self.stream.order, self.quality)), above

    def write(self, file: BinaryIO, coded: Coded) -> None:
        """Append tiles, and those of smaller copies that are complete now."""
        tiles, planes = coded
        put(file, [self.stream.segment(self.parts, tile) for tile in tiles])
        for level in self.levels.values():
            assert planes is not None
            put(file, level.feed(planes))

    def end(self, file: BinaryIO) -> None:
        """Append the page's directory, and before, inside and after it those of what belongs to it."""
        own, stream = self.page.metadata, self.stream
        for level in self.levels.values():
            put(file, level.rest())
        tags = layout_tags(self.planes, self.kinds, self.coding, stream.order)
        tags += page_tags(self.photo.metadata, own, self.page.icc, self.note, stream.order, self.number == 0)
        self._close(file, tags)

    def _close(self, file: BinaryIO, tags: list[Tag]) -> None:
        own, stream = self.page.metadata, self.stream
        for sub in own.before:
            self._link(file, sub)
        inside = []
        for chain in own.inside:
            laid = [found for sub in chain if (found := self._sub(file, sub)) is not None]
            if laid:
                offset, pieces = stream.chain(laid)
                put(file, pieces)
                inside.append(offset)
        put(file, stream.page(tags, self.parts, inside))
        for sub in own.after:
            self._link(file, sub)

    def _link(self, file: BinaryIO, sub: SubImage) -> None:
        found = self._sub(file, sub)
        if found is not None:
            put(file, self.stream.page(*found))

    def _sub(self, file: BinaryIO, sub: SubImage) -> tuple[list[Tag], Parts] | None:
        """A sub-image's tags and parts; None where it can be neither copied nor made."""
        if (level := self.levels.get(id(sub))) is not None:
            return level.tags(), level.parts
        if self._source is not None:
            return self._copied(file, self._source, sub)
        if sub.coded is None:
            return None
        parts = Parts(sub.coded.tiled)
        put(file, [self.stream.segment(parts, part) for part in sub.coded.segments])
        return sub_image_tags(sub, self.page.metadata.orientation, self.stream.order), parts

    def _copied(self, file: BinaryIO, source: Data, sub: SubImage) -> tuple[list[Tag], Parts] | None:
        whole = self._places[id(sub)]
        found = parts_of(source, whole)
        if found is None:
            return None
        parts = Parts(whole.find(322) is not None)
        put(file, (self.stream.segment(parts, part) for part in found))
        return copied_tags(sub.tags.tags, layout_of(whole)), parts


def _planned(page: Page) -> tuple[AnyPixels, list[int], Coding]:
    """A stand-in for all planes of a page, what those beyond colour are, and how they are coded."""
    rgb = np.broadcast_to(np.zeros((), page.pixels.dtype), (1, 1, 3))
    planes, kinds = planes_of(first_pixel(page), rgb)
    width, height = page.size
    planes = np.broadcast_to(planes[:1, :1], (height, width, planes.shape[2]))
    rows = TILE
    while rows > 16 and rows * width * planes.shape[2] * planes.itemsize > _STRIP_BYTES:
        rows //= 2
    tile_like = np.broadcast_to(planes[:1, :1], (rows, TILE, planes.shape[2]))
    own = page.metadata
    return planes, kinds, replace(coding_like(None, own.compression, own.jpeg, tile_like), tile=(TILE, rows))
