"""Carry metadata from one format's places to another's.

In:  a `Photo`
Out: an EXIF block, or comments, for a format that keeps them
"""

from __future__ import annotations

from dataclasses import replace

from colorize_cli.formats.base import Format
from colorize_cli.formats.declared import Holds
from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.formats.photo import AnyPixels, LumaPlanes, Metadata, Photo, PhotoFormat
from colorize_cli.formats.png import png_about, png_file
from colorize_cli.formats.small_jpeg import small_jpeg
from colorize_cli.formats.tiff.tiff_tags import (
    COPIED_LAYOUT,
    ICC,
    IPTC,
    LAYERS,
    LAYOUT,
    ORIENTATION,
    PHOTOSHOP,
    XMP,
    breaks_when_moved,
    tags_of_exif,
    told_anew,
)
from colorize_cli.metadata import exif, exif_resolution, extended, irb, thumbnail, xmp
from colorize_cli.metadata.ifd_write import exif_block
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, Note

# Tags of a TIFF page that EXIF's first directory has, too.
_SHARED = frozenset(
    {270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 18249, 33432, 34665, 34853, *range(40091, 40096)}
)
_RESOLUTION = frozenset({282, 283, 296})
# Tags that are blocks of their own or about sub-images, and padding: what becomes of them is said elsewhere.
_BLOCKS = frozenset({ORIENTATION, 254, 255, 330, XMP, IPTC, PHOTOSHOP, ICC, LAYERS, 32934, 59932, 59933})
# Formats whose files say their resolution in EXIF, and nowhere else.
_SAY_IT_IN_EXIF = frozenset({PhotoFormat.webp, PhotoFormat.avif, PhotoFormat.heic, PhotoFormat.jxl})
_DESCRIPTION = 270
_MOST_TEXT = 66_000  # more than a JPEG comment holds
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
# Of the pixels as PNG has them: other formats say it in their own way, or have no need of it.
_PNG_ALONE = frozenset(
    {b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCv", b"cLLi", b"mDCV", b"cLLI", b"sBIT", b"bKGD", b"sPLT"}
)


def fitted(photo: Photo, format: Format) -> tuple[Photo, list[str]]:
    """The photo with its metadata as a file of that format can hold them, and notes on what it cannot.

    Args:
        photo: as decoded.
        format: of the output.
    """
    metadata, notes, holds = photo.metadata, list[str](), format.holds
    has_tags = Holds.tiff_tags in holds

    def lost(what: str, number: int = 1) -> None:
        verb, them = ("was", "it") if number == 1 else ("were", "them")
        notes.append(Note(f"{what} {verb} left out: {format.name.upper()} has no place for {them}", Loss.metadata))

    if metadata.xmp_extended and Holds.extended_xmp not in holds:
        packet = extended.whole(metadata.xmp, metadata.xmp_extended)
        if packet == metadata.xmp:
            notes.append(Note("its ExtendedXMP cannot be read and was left out", Loss.metadata))
        metadata = replace(metadata, xmp=packet, xmp_extended=())
    if Holds.damaged_xmp not in holds and metadata.xmp and xmp.fault(metadata.xmp):
        said = f"its XMP cannot be read and was left out: {format.name.upper()} holds none that is damaged"
        notes.append(Note(said, Loss.metadata))
        metadata = replace(metadata, xmp=None)
    if metadata.thumbnail:
        notes.append(exif.THUMBNAIL_LEFT_OUT)
        metadata = replace(metadata, thumbnail=None)
    if metadata.exif and not holds & (Holds.exif | Holds.tiff_tags):
        lost("EXIF")
    if metadata.exif and has_tags and not any(tags_of_exif(metadata.exif, order) for order in "<>"):
        notes.append(Note("EXIF cannot be read and was left out: TIFF holds its tags, not the block", Loss.metadata))
    if metadata.iptc and Holds.iptc not in holds:
        lost("IPTC")
    elif metadata.iptc and not has_tags and _has_other_iptc(photo):
        notes.append(
            Note("the IPTC in its TIFF tag was left out: Photoshop's, which differs, was taken", Loss.metadata)
        )
    if metadata.exif and format.name in _SAY_IT_IN_EXIF:
        block = exif_resolution.with_resolution(metadata.exif, photo.pages[0].metadata.resolution)
        metadata = replace(metadata, exif=block)
    has_first = Holds.first_comment in holds and not _is_described(metadata.exif)
    comments = metadata.comments[1:] if has_first else metadata.comments
    if comments and Holds.comments not in holds:
        lost("its comment" if len(comments) == 1 else f"{len(comments)} comments", len(comments))
    if Holds.png_chunks not in holds:
        gamma = 0.0 if photo.pages[0].icc else png_about.odd_gamma(metadata.text)
        if gamma:
            said = (
                f"its gamma of {gamma:.2f} was left out: {format.name.upper()} has no place for it; it is taken as sRGB"
            )
            notes.append(Note(said, Loss.profile))
        other = {kind for kind, _ in metadata.text} - _PNG_ALONE - (_TEXTS if Holds.png_texts in holds else set())
        if other:
            lost(f"PNG chunks ({', '.join(sorted(kind.decode('latin-1') for kind in other))})", 2)
    if Holds.jpeg_segments not in holds and metadata.segments:
        lost(f"JPEG segments ({', '.join(sorted({f'APP{marker - 0xE0}' for marker, _ in metadata.segments}))})", 2)
    if Holds.jp2_boxes not in holds and metadata.boxes:
        lost(f"JPEG 2000 boxes ({', '.join(sorted({jp2_file.described(box) for box in metadata.boxes}))})", 2)
    if not has_tags and (codes := _tags_of_tiff_alone(photo, format)):
        lost(f"TIFF tags ({', '.join(map(str, codes))})", 2)
    if Holds.icc not in holds and any(page.icc for page in photo.pages):
        said = f"its color profile was left out: {format.name.upper()} has no place for it"
        notes.append(Note(said, Loss.profile))
    if _moves_a_maker_note(photo, format):
        notes.append(Note("its maker note was left out: it cannot be read where it would stand now", Loss.metadata))
    return replace(photo, metadata=metadata), notes


def _has_other_iptc(photo: Photo) -> bool:
    """Whether a TIFF's own tag holds other IPTC than its image resources."""
    tags = photo.pages[0].metadata.tags
    tag = tags.find(IPTC) if tags else None
    return tag is not None and tag.value.rstrip(b"\0") != (irb.iptc_of(photo.metadata.iptc) or b"").rstrip(b"\0")


def _is_described(block: bytes | None) -> bool:
    """Whether EXIF gives a description, which takes the place that a comment would have in TIFF."""
    tags = next((found for order in "<>" if block and (found := tags_of_exif(block, order))), ())
    return any(tag.code == _DESCRIPTION for tag in tags)


def _tags_of_tiff_alone(photo: Photo, format: Format) -> list[int]:
    """The tags of a TIFF's pages for which a format has no place, in order."""
    elsewhere = COPIED_LAYOUT | LAYOUT | _BLOCKS | (_SHARED if Holds.exif in format.holds else _RESOLUTION)
    pages = [page.metadata.tags for page in photo.pages if page.metadata.tags]
    return sorted({tag.code for tags in pages for tag in tags.tags} - elsewhere)


def with_new_thumbnail(photo: Photo, format: Format, pixels: AnyPixels | LumaPlanes) -> Photo:
    """The photo with a thumbnail of the result in its EXIF, where the old one stood and the format keeps it there.

    Args:
        photo: as decoded.
        format: of the output.
        pixels: of the output's first page.
    """
    metadata = photo.metadata
    if not metadata.exif or not metadata.thumbnail or Holds.exif not in format.holds:
        return photo
    place = metadata.thumbnail
    coded = small_jpeg(pixels, place.end - place.start)
    block = thumbnail.renewed(metadata.exif, place, coded) if coded else None
    if block is None:
        return photo
    return replace(photo, metadata=replace(metadata, exif=block, thumbnail=None))


def _moves_a_maker_note(photo: Photo, format: Format) -> bool:
    """Whether a maker note whose values are found by their place in the file would come to stand elsewhere."""
    if photo.pages[0].metadata.tags is not None:
        return any(page.metadata.tags and breaks_when_moved(page.metadata.tags.tags) for page in photo.pages)
    block = photo.metadata.exif
    return (
        Holds.tiff_tags in format.holds
        and bool(block)
        and any(breaks_when_moved(tags_of_exif(block, order)) for order in "<>")
    )


def carried_exif(photo: Photo, note: Provenance) -> bytes | None:
    """The EXIF block for an output: the source's own, or one made of a TIFF page's tags, or one that names us alone."""
    if photo.metadata.exif:
        return photo.metadata.exif
    page = photo.pages[0].metadata
    if page.tags is not None:
        shared = _SHARED - _RESOLUTION if page.resolution else _SHARED
        kept = [told_anew(tag, page) for tag in page.tags.tags if tag.code in shared]
        if page.resolution:  # of the upright picture
            kept += exif.resolution_tags(page.resolution, page.tags.order)
        if not any(tag.code == 305 for tag in kept):
            kept.append(exif.ascii_tag(305, note.line()))
        return exif_block(page.tags.order, kept)
    own = exif.resolution_tags(page.resolution, "<") if page.resolution else ()
    return exif_block("<", [exif.ascii_tag(305, note.line()), *own])


def comments_of(metadata: Metadata) -> list[bytes]:
    """Comments, and PNG's texts as `name: text`; of a text that inflates to more, the first 64 KiB and a little."""
    comments = list(metadata.comments)
    for kind, payload in metadata.text:
        keyword, _, rest = payload.partition(b"\0")
        if kind == b"tEXt":
            comments.append(keyword + b": " + rest.decode("latin-1").encode())
        elif kind == b"zTXt":
            comments.append(keyword + b": " + png_file.inflate_all(rest[1:], _MOST_TEXT)[0].decode("latin-1").encode())
        elif kind == b"iTXt" and len(parts := rest[2:].split(b"\0", 2)) == 3:
            text = png_file.inflate_all(parts[2], _MOST_TEXT)[0] if rest[:1] == b"\x01" else parts[2]
            comments.append(keyword + b": " + text)
    return comments
