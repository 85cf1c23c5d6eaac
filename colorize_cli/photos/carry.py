"""Carry metadata from one format's places to another's.

In:  a `Photo`
Out: an EXIF block, or comments, for a format that keeps them
"""

from __future__ import annotations

from colorize_cli.photos import exif, png_file
from colorize_cli.photos.ifd_write import exif_block
from colorize_cli.photos.photo import Metadata, Photo, PhotoFormat
from colorize_cli.photos.provenance import Provenance

# Tags of a TIFF page that EXIF's first directory has, too.
_SHARED = frozenset({270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 33432, 34665, 34853, *range(40091, 40096)})
# Tags that every page of a TIFF keeps, byte for byte.
KEPT_TEXT = frozenset({254, 269, 270, 271, 272, 285, 286, 287, 297, 305, 306, 315, 316, 337, 33432, 33723})


def carried_exif(photo: Photo, note: Provenance) -> bytes | None:
    """The EXIF block for an output: the source's own, or one made of a TIFF page's tags, or one that names us alone."""
    if photo.metadata.exif:
        return photo.metadata.exif
    tags = photo.pages[0].metadata.tags if photo.format is PhotoFormat.tiff else None
    if tags is not None:
        kept = [tag for tag in tags.tags if tag.code in _SHARED]
        if not any(tag.code == 305 for tag in kept):
            kept.append(exif.ascii_tag(305, note.line()))
        return exif_block(tags.order, kept)
    resolution = photo.pages[0].metadata.resolution
    own = exif.resolution_tags(resolution, "<") if resolution else ()
    return exif_block("<", [exif.ascii_tag(305, note.line()), *own])


def comments_of(metadata: Metadata) -> list[bytes]:
    """Comments, and PNG's texts as `name: text`."""
    comments = list(metadata.comments)
    for kind, payload in metadata.text:
        keyword, _, rest = payload.partition(b"\0")
        if kind == b"tEXt":
            comments.append(keyword + b": " + rest.decode("latin-1").encode())
        elif kind == b"zTXt":
            comments.append(keyword + b": " + png_file.inflate_all(rest[1:])[0].decode("latin-1").encode())
        elif kind == b"iTXt" and len(parts := rest[2:].split(b"\0", 2)) == 3:
            text = png_file.inflate_all(parts[2])[0] if rest[:1] == b"\x01" else parts[2]
            comments.append(keyword + b": " + text)
    return comments
