"""Take out of a photo's metadata what people do not publish.

In:  a `Photo`, and "none", "gps" or "all"
Out: the photo with less around its pixels; what says how the pixels are to be read (profile, resolution) stays
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.formats.jpeg.jpeg_file import APP1
from colorize_cli.formats.jpeg.jpeg_file import EXIF as EXIF_MARK
from colorize_cli.formats.jpeg.jpeg_file import XMP as XMP_MARK
from colorize_cli.formats.photo import Metadata, Page, Photo, PhotoFormat, SubImage
from colorize_cli.formats.png import png_text
from colorize_cli.formats.tiff.tiff_tags import COPIED_LAYOUT, IPTC, LAYOUT, PHOTOSHOP, XMP
from colorize_cli.metadata import exif, extended, places
from colorize_cli.metadata.ifd import Ifd, Tag
from colorize_cli.metadata.places import Strip
from colorize_cli.notes import Loss, Note

_PIXEL_CHUNKS = frozenset({b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCv", b"cLLi"})
GEO = frozenset({34853, 33550, 33922, 34264, 34735, 34736, 34737})  # GPS, and GeoTIFF's


def strip(photo: Photo, what: Strip) -> Photo:
    """The photo without its place (`gps`: coordinates and names of places), or without all but its pixels (`all`)."""
    if what == "none":
        return photo
    metadata = photo.metadata
    if what == "all":
        kept = tuple(item for item in metadata.text if item[0] in _PIXEL_CHUNKS)
        metadata = Metadata(text=kept, byte_order=metadata.byte_order, big=metadata.big, file=metadata.file)
        pages = tuple(_further(_bare(page), what) for page in photo.pages)
        return replace(photo, metadata=metadata, pages=pages)
    photo = replace(photo, pages=tuple(_further(page, what) for page in photo.pages))
    notes, text = photo.notes, metadata.text
    packet, pieces = extended.changed(metadata.xmp, metadata.xmp_extended, places.xmp_without)
    if metadata.xmp and not packet:
        notes += (Note("its XMP cannot be read and was left out, as it may name the place", Loss.metadata),)
    if pieces and extended.joined(packet, pieces) is None:
        pieces = ()
        notes += (Note("its ExtendedXMP cannot be read and was left out, as it may name the place", Loss.metadata),)
    if any(png_text.names_place(*item) for item in text):
        text = tuple(item for item in text if not png_text.names_place(*item))
        notes += (Note("a copy of its IPTC or XMP, in a text, was left out with the place in it", Loss.metadata),)
    comments = metadata.comments
    if any(b"rdf" in line for line in comments) and places.in_words(b"\n".join(comments)):
        comments = ()
        notes += (Note("its comments hold XMP and were left out with the place in it", Loss.metadata),)
    metadata = replace(
        metadata,
        comments=comments,
        exif=exif.without_gps(metadata.exif) if metadata.exif else None,
        xmp=packet,
        iptc=places.resources_without(metadata.iptc) or None if metadata.iptc else None,
        text=text,
        boxes=tuple(box for box in metadata.boxes if not jp2_file.names_place(box)),
        segments=tuple(clean for segment in metadata.segments for clean in _segment(*segment)),
        xmp_extended=pieces,
    )
    return replace(photo, metadata=metadata, notes=notes, pages=tuple(_placeless(page) for page in photo.pages))


def _segment(marker: int, payload: bytes) -> Iterator[tuple[int, bytes]]:
    """A JPEG segment that is kept verbatim, without the place in it: a second EXIF block or XMP packet may name one."""
    if marker == APP1 and payload.startswith(EXIF_MARK):
        payload = EXIF_MARK + exif.without_gps(payload[len(EXIF_MARK) :])
    elif marker == APP1 and payload.startswith(XMP_MARK):
        clean = places.xmp_without(payload[len(XMP_MARK) :])
        if not clean:
            return
        payload = XMP_MARK + clean
    yield marker, payload


def _further(page: Page, what: Strip) -> Page:
    """A page with less in the metadata of its own that a picture behind the first has."""
    multi = page.metadata.multi
    if multi is None or multi.around is None:
        return page
    around = strip(Photo(Path(), PhotoFormat.jpeg, (), multi.around), what).metadata
    return replace(page, metadata=replace(page.metadata, multi=replace(multi, around=around)))


def _bare(page: Page) -> Page:
    kept = LAYOUT | {254, 297}  # of the layout, the encoder takes what is to stay as it was: tiles, say
    return _with_tags(page, lambda tags: tuple(tag for tag in tags if tag.code in kept))


def _placeless(page: Page) -> Page:
    return _with_tags(page, lambda tags: tuple(tag for tag in map(_without_place, tags) if tag is not None))


def _without_place(tag: Tag) -> Tag | None:
    """A tag without the place in it; None where it says nothing else."""
    if tag.code in GEO:
        return None
    clean = {XMP: places.xmp_without, IPTC: places.iptc_without, PHOTOSHOP: places.resources_without}.get(tag.code)
    value = clean(tag.value) if clean else tag.value
    return tag if value == tag.value else Tag(tag.code, 7, len(value), value) if value else None


def _with_tags(page: Page, kept: Callable[[tuple[Tag, ...]], tuple[Tag, ...]]) -> Page:
    """A page with only the tags that are kept, and its sub-images, too; these need those of their layout besides."""
    own = page.metadata
    if own.tags is None:
        return page

    def bare(sub: SubImage) -> SubImage:
        left = tuple(tag for tag in sub.tags.tags if tag.code in COPIED_LAYOUT)
        others = tuple(tag for tag in sub.tags.tags if tag.code not in COPIED_LAYOUT)
        return replace(sub, tags=_holding(sub.tags, left + kept(others)))

    own = replace(
        own,
        tags=_holding(own.tags, kept(own.tags.tags)),
        before=tuple(map(bare, own.before)),
        after=tuple(map(bare, own.after)),
        inside=tuple(tuple(map(bare, chain)) for chain in own.inside),
    )
    return replace(page, metadata=own)


def _holding(ifd: Ifd, tags: tuple[Tag, ...]) -> Ifd:
    return replace(ifd, tags=tags)
