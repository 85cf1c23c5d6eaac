"""Encode TIFF: every page with its own depth, compression and tags, and with what belongs to it.

In:  RGB pixels per page, (H, W, 3), uint8 or uint16; the photo that they belong to
Out: the pieces of a TIFF, classic or, where 4 GB do not hold it, BigTIFF

A page that was given back as it was decoded is copied as its file had it, unless it was turned upright. The smaller
copies of a page (levels of a pyramid, thumbnails) are made anew of its new pixels, each where it was, of its size and
coded alike; masks are copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from colorize_cli.formats.photo import AnyPixels, Page, Photo, SubImage
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
from colorize_cli.formats.tiff.tiff_stream import Parts, Piece, TiffStream
from colorize_cli.formats.tiff.tiff_tags import byte_order, carries_note, copied_tags, page_tags, sub_image_tags
from colorize_cli.metadata.ifd import Tag
from colorize_cli.metadata.provenance import Provenance

_CLASSIC_MOST = 2**32 - (1 << 24)  # bytes; what is left is for tags
_PYRAMID_SHARE = 1.4  # of a page with its levels: 1 + 1/4 + 1/16 and so on, and a little


def encode_tiff(
    photo: Photo, colored: Sequence[AnyPixels], quality: int | None, note: Provenance
) -> tuple[Iterator[Piece], list[str]]:
    """Encode all pages as a TIFF file; and what is to be said of it."""
    most, notes = 0.0, list[str]()
    for page, rgb in zip(photo.pages, colored, strict=True):
        planes, _ = planes_of(page, rgb[:1])
        coding = _coding(page, planes)
        most += most_bytes(np.broadcast_to(planes[:1], (len(rgb), *planes.shape[1:])), coding) * (
            _PYRAMID_SHARE if page.metadata.sub_images else 1
        )
        if said := coding_note(page.metadata.compression, coding):
            notes.append(said)
    big = photo.metadata.big or most > _CLASSIC_MOST
    order = order_of(photo)
    return _pieces(photo, colored, quality, note, order, big), list(dict.fromkeys(notes))


def order_of(photo: Photo) -> str:
    """The result's byte order: the source's, so that raw values can be copied."""
    return byte_order(photo.metadata, photo.pages[0].metadata)


def _pieces(
    photo: Photo, colored: Sequence[AnyPixels], quality: int | None, note: Provenance, order: str, big: bool
) -> Iterator[Piece]:
    stream = TiffStream(order, big)
    yield stream.begin()
    for number, (page, rgb) in enumerate(zip(photo.pages, colored, strict=True)):
        yield from _Writer(stream, photo, page, rgb, quality).write(note, first=number == 0)


class _Writer:
    """One page on its way into a file."""

    def __init__(self, stream: TiffStream, photo: Photo, page: Page, rgb: AnyPixels, quality: int | None) -> None:
        self.stream, self.photo, self.page, self.quality = stream, photo, page, quality
        self.planes, self.kinds = planes_of(page, rgb)
        self.unchanged = page.metadata.coded is not None and rgb is page.pixels
        self.copied = self.unchanged and page.metadata.orientation == 1

    def write(self, note: Provenance, first: bool) -> Iterator[Piece]:
        """The page, and around it what belongs to it."""
        own, stream = self.page.metadata, self.stream
        for sub in own.before:
            yield from self._linked(sub)
        if self.copied and own.coded is not None:
            parts = Parts(own.coded.tiled)
            tags = copied_tags(own.tags.tags if own.tags else (), own.coded.layout)
            tags = carries_note(tags, note, self.photo.metadata.xmp) if first else tags
            for part in own.coded.segments:
                yield stream.segment(parts, part)
        else:
            coding = _coding(self.page, self.planes)
            if self.unchanged and coding.compression == JPEG:  # only turned: coding it again would lose something
                coding = replace(coding, compression=DEFLATE)
            parts = Parts(coding.tile is not None)
            tags = layout_tags(self.planes, self.kinds, coding, stream.order)
            for part in segments(self.planes, coding, stream.order, self.quality):
                yield stream.segment(parts, part)
            tags += page_tags(self.photo.metadata, own, self.page.icc, note, stream.order, first)
        inside = []
        for chain in own.inside:
            done = []
            for sub in chain:
                if (laid := self._sub(sub)) is not None:
                    yield from laid[2]
                    done.append(laid[:2])
            if done:
                offset, pieces = stream.chain(done)
                inside.append(offset)
                yield from pieces
        yield from stream.page(tags, parts, inside)
        for sub in own.after:
            yield from self._linked(sub)

    def _linked(self, sub: SubImage) -> Iterator[Piece]:
        laid = self._sub(sub)
        if laid is not None:
            yield from laid[2]
            yield from self.stream.page(laid[0], laid[1])

    def _sub(self, sub: SubImage) -> tuple[list[Tag], Parts, list[Piece]] | None:
        """A sub-image's tags, its parts, and their pieces; None where it can be neither copied nor made."""
        if sub.coded is not None and (self.copied or not sub.is_level):
            parts = Parts(sub.coded.tiled)
            pieces: list[Piece] = [self.stream.segment(parts, part) for part in sub.coded.segments]
            return sub_image_tags(sub, self.page.metadata.orientation, self.stream.order), parts, pieces
        if not sub.is_level:
            return None
        level = Level(self.stream, sub, self.page, self.kinds, self.quality)
        return level.tags(), level.parts, [*level.feed(self.planes), *level.rest()]


def _coding(page: Page, planes: AnyPixels) -> Coding:
    own = page.metadata
    return coding_like(own.tags, own.compression, own.jpeg, planes)


def planes_of(page: Page, rgb: AnyPixels) -> tuple[AnyPixels, list[int]]:
    """Colour, alpha and the planes beyond, in the source's sequence, and their kinds for ExtraSamples."""
    parts, kinds, rows = [rgb], list[int](), len(rgb)
    if page.alpha is not None:
        parts.append(page.alpha[:rows, :, None])
        kinds.append(1 if page.metadata.premultiplied else 2)
    extra = page.metadata.extra
    if extra is not None and extra.dtype == rgb.dtype:
        parts.append(extra[:rows])
        kinds += [0] * extra.shape[2]
    return (np.concatenate(parts, axis=2) if kinds else rgb), kinds
