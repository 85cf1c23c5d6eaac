"""What stands around the picture of a GIF, WebP or AVIF.

In:  the bytes of the file, and what Pillow found in it
Out: `Around`: its blocks byte for byte, its orientation, and notes on what no result has a place for
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from colorize_cli.formats import exif, webp_file
from colorize_cli.formats.gif import gif_blocks
from colorize_cli.formats.heif import heif_boxes
from colorize_cli.formats.photo import Metadata, PhotoFormat
from colorize_cli.metadata import irb
from colorize_cli.notes import Loss, Note

_WEBP_CHUNKS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "})


@dataclass(frozen=True)
class Around:
    """What stands around the picture.

    Attributes:
        metadata: EXIF, XMP, IPTC and comments.
        icc: the profile.
        orientation: 1 to 8.
        notes: what cannot be kept.
    """

    metadata: Metadata
    icc: bytes | None
    orientation: int
    notes: tuple[str, ...] = ()


def around(data: bytes, format: PhotoFormat, info: Mapping[Any, Any]) -> Around:
    """What stands around the picture.

    Args:
        data: the file.
        format: what it is.
        info: Pillow's.
    """
    block, packet, profile = exif_of(info), as_bytes(info.get("xmp")), as_bytes(info.get("icc_profile"))
    if format is PhotoFormat.gif:
        return _gif(data)
    if format is PhotoFormat.avif:  # Pillow turns as the container says, but writes EXIF anew to say so
        own = heif_boxes.around(data)
        told = own.orientation != 1 or own.exif and exif.gives_orientation(own.exif)
        orientation = exif.orientation(block if told else None, packet)
        metadata = Metadata(exif=own.exif or (None if own.orientation != 1 else block), xmp=own.xmp or packet)
        return Around(metadata, profile, orientation, own.notes)
    notes: tuple[str, ...] = ()
    if format is PhotoFormat.webp and (unknown := {kind for kind, _ in webp_file.chunks(data)} - _WEBP_CHUNKS):
        names = ", ".join(sorted(kind.decode("latin-1").strip() for kind in unknown))
        notes = (Note(f"chunks that are no part of WebP were left out ({names})", Loss.metadata),)
    return Around(Metadata(exif=block, xmp=packet), profile, exif.orientation(block, packet), notes)


def _gif(data: bytes) -> Around:
    found, notes = gif_blocks.around(data), list[str]()
    resources = found.resources
    if resources and irb.has_thumbnail(resources):
        notes.append(exif.THUMBNAIL_LEFT_OUT)
    if found.others:
        names = ", ".join(dict.fromkeys(found.others))
        notes.append(Note(f"GIF extensions were left out ({names})", Loss.metadata))
    resources = irb.without_thumbnail(resources) or None if resources else None
    metadata = Metadata(xmp=found.xmp, comments=found.comments, iptc=resources)
    return Around(metadata, found.icc, exif.orientation(None, found.xmp), tuple(notes))


def as_bytes(value: object) -> bytes | None:
    """Bytes that are there; None for anything else."""
    return value if isinstance(value, bytes) and value else None


def exif_of(info: Mapping[Any, Any]) -> bytes | None:
    """The EXIF block from its TIFF header on."""
    block = as_bytes(info.get("exif"))
    return block.removeprefix(b"Exif\0\0") if block else None
