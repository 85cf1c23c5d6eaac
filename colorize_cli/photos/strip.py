"""Take out of a photo's metadata what people do not publish.

In:  a `Photo`, and "none", "gps" or "all"
Out: the photo with less around its pixels; what says how the pixels are to be read (profile, resolution) stays
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from colorize_cli.photos import exif, provenance
from colorize_cli.photos.ifd import Ifd
from colorize_cli.photos.photo import Metadata, Page, Photo

Strip = Literal["none", "gps", "all"]
_PIXEL_CHUNKS = frozenset({b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCv", b"cLLi"})
_GEO = frozenset({34853, 33550, 33922, 34264, 34735, 34736, 34737})  # GPS, and GeoTIFF's


def strip(photo: Photo, what: Strip) -> Photo:
    """The photo without its place (`gps`), or without all that is not about its pixels (`all`)."""
    if what == "none":
        return photo
    metadata = photo.metadata
    if what == "all":
        kept = tuple(item for item in metadata.text if item[0] in _PIXEL_CHUNKS)
        metadata = Metadata(text=kept, byte_order=metadata.byte_order, big=metadata.big, file=metadata.file)
        return replace(photo, metadata=metadata, pages=tuple(_bare(page) for page in photo.pages))
    notes = photo.notes
    extended = metadata.xmp_extended
    if any(b"GPS" in part for part in extended):
        extended = ()
        notes += ("its ExtendedXMP was left out with the GPS data in it",)
    metadata = replace(
        metadata,
        exif=exif.without_gps(metadata.exif) if metadata.exif else None,
        xmp=provenance.without_gps(metadata.xmp) if metadata.xmp else None,
        xmp_extended=extended,
    )
    return replace(photo, metadata=metadata, notes=notes, pages=tuple(_placeless(page) for page in photo.pages))


def _bare(page: Page) -> Page:
    tags = page.metadata.tags
    if tags is None:
        return page
    return _with_tags(page, replace(tags, tags=tuple(tag for tag in tags.tags if tag.code in (254, 297, 338))))


def _placeless(page: Page) -> Page:
    tags = page.metadata.tags
    if tags is None:
        return page
    kept = tuple(
        replace(tag, value=provenance.without_gps(tag.value)) if tag.code == 700 else tag
        for tag in tags.tags
        if tag.code not in _GEO
    )
    return _with_tags(
        page, replace(tags, tags=tuple(replace(t, count=len(t.value)) if t.code == 700 else t for t in kept))
    )


def _with_tags(page: Page, tags: Ifd) -> Page:
    return replace(page, metadata=replace(page.metadata, tags=tags))
