"""Copy a photo without its place, or without all its metadata, and without coding its picture anew.

In:  a file, what is to go, our note
Out: a copy with less around the same coded picture; None where the format, or the file, cannot be edited so
"""

from __future__ import annotations

import struct
from itertools import chain
from pathlib import Path

from colorize_cli.errors import PhotoError
from colorize_cli.files.atomic import Patch, write_whole
from colorize_cli.files.copy import blocks_of, copy_whole
from colorize_cli.files.facts import FileFacts, unchanged
from colorize_cli.formats.declared import Stripped
from colorize_cli.formats.decode import decode
from colorize_cli.formats.photo import DecodeLimits, Photo, PhotoFormat
from colorize_cli.formats.seal import seal
from colorize_cli.formats.strip import strip
from colorize_cli.formats.table import FORMATS
from colorize_cli.metadata import places
from colorize_cli.metadata.ifd import FileData
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, losses

_NO_LIMITS = DecodeLimits(max_pixels=2**62)
_WINDOW = 1 << 20
_NOBODY = Provenance("", "", "", "")


def strip_copy(photo: Photo, out: Path, what: Strip, note: Provenance) -> list[str] | None:
    """Copy a photo with less around it; byte for byte where there is nothing to take out.

    Args:
        photo: as decoded, for its path, format and times; its pixels are not used.
        out: the file; its folder exists.
        what: "gps" or "all".
        note: says how the copy was made; it goes into a copy that is not byte for byte.

    Returns:
        Notes on what had to go besides; None where nothing was written, since the format cannot be edited.

    Raises:
        PhotoError: the source cannot be read, or the copy not be written.
    """
    facts = photo.metadata.file
    if Loss.salvage in losses(photo.notes):
        return None  # of a damaged file, nobody knows what else is in it
    found = _edited(photo.path, photo.format, facts, what, note)
    if found is None and what == "gps" and _says_nothing(photo, what) and not _holds_a_place(photo.path):
        copy_whole(photo.path, out, facts)
        return []
    if found is None:
        return None
    if isinstance(found, Stripped) and found.changed:
        write_whole(out, [found.data], facts, seal)
        return found.notes
    if isinstance(found, list) and found:
        write_whole(out, chain(blocks_of(photo.path, facts), found), facts, seal)
        return []
    copy_whole(photo.path, out, facts)
    return []


def has_to_strip(path: Path, format: PhotoFormat | None, what: Strip) -> bool:
    """Whether a file holds what is to go, so that a copy of it, byte for byte, would publish it."""
    if format is None or what == "none":
        return False
    try:
        found = _edited(path, format, None, what, _NOBODY)
        if found is None:
            if what == "all" or _holds_a_place(path):
                return True
            return not _says_nothing(decode(path, _NO_LIMITS, salvage=True), what)
    except PhotoError:
        return True
    return found.changed if isinstance(found, Stripped) else bool(found)


def _edited(
    path: Path, format: PhotoFormat, facts: FileFacts | None, what: Strip, note: Provenance
) -> Stripped | list[Patch] | None:
    """The file with less around its picture, or what is to be laid over a copy of it."""
    try:
        with path.open("rb") as file:
            found = FORMATS[format].strip(FileData(file), what, note)
    except (struct.error, ValueError, IndexError, OSError):
        return None
    if facts is not None:
        unchanged(path, facts)
    return found


def _says_nothing(photo: Photo, what: Strip) -> bool:
    """Whether nothing around a decoded photo's pixels is to go."""
    clean = strip(photo, what)
    return clean.metadata == photo.metadata and all(
        a.metadata.tags == b.metadata.tags and a.metadata.multi == b.metadata.multi
        for a, b in zip(clean.pages, photo.pages, strict=True)
    )


def _holds_a_place(path: Path) -> bool:
    """Whether a file whose structure cannot be followed holds words of a place anywhere."""
    tail = b""
    try:
        with path.open("rb") as file:
            while window := file.read(_WINDOW):
                if places.in_words(tail + window):
                    return True
                tail = window[-places.LONGEST_WORD :]
    except OSError:
        return True
    return False
