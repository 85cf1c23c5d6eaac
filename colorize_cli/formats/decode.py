"""Read a photo: from a file of any known format to upright grey or RGB pixels and all that stood around them.

In:  a path; limits on what a file may declare; whether to salvage what is there of a damaged one
Out: a `Photo`; or one of `DecodeError` and `TooLargeError`, in one line that a person understands
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from colorize_cli.color.icc import space_of
from colorize_cli.color.icc_convert import cmyk_to_srgb, grey_to_srgb
from colorize_cli.errors import DecodeError, TooLargeError
from colorize_cli.files.facts import FileFacts, open_plain, same
from colorize_cli.formats.base import Format
from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto, TooManyPixels
from colorize_cli.formats.jpeg.jpeg_file import EXIF as EXIF_MARK
from colorize_cli.formats.jpeg.jpeg_file import TIFF_HEADERS
from colorize_cli.formats.jpeg.jpeg_file import XMP as XMP_MARK
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, Metadata, MultiPicture, Page, Photo, PhotoFormat
from colorize_cli.formats.probe import probe
from colorize_cli.formats.table import FORMATS, by_suffix, sniff, why_none
from colorize_cli.metadata import exif, extended, xmp
from colorize_cli.metadata.upright import has_thumbnail, upright
from colorize_cli.notes import Loss, Note

__all__ = ["DecodeLimits", "decode", "decode_bytes", "probe"]


_DEFAULT_LIMITS = DecodeLimits()


def decode(path: Path, limits: DecodeLimits = _DEFAULT_LIMITS, salvage: bool = False) -> Photo:
    """Read a photo.

    Args:
        path: the file; a pipe or a device is refused before it is opened.
        limits: what the file may declare.
        salvage: take what is there of a truncated or damaged file, and say so in the notes.

    Raises:
        DecodeError: it cannot be read, or not wholly without `salvage`, or it changed while it was read.
        TooLargeError: it declares more than the limits allow.
    """
    data, facts, format = _read_file(path, limits)
    return _photo_of(format, data, path, facts, limits, salvage)


def decode_bytes(data: bytes, path: Path, facts: FileFacts, limits: DecodeLimits, salvage: bool = False) -> Photo:
    """Read a photo from a file's bytes; for the rest see `decode`."""
    return _photo_of(sniff(data[:64]), data, path, facts, limits, salvage)


def _photo_of(
    format: Format | None, data: bytes, path: Path, facts: FileFacts, limits: DecodeLimits, salvage: bool
) -> Photo:
    if format is None:
        raise DecodeError(why_none(data[:64]), path=path)
    try:
        format.check(data, limits)
        try:
            decoded = format.decode(data, limits, salvage)
        except (Damaged, TooManyPixels, MemoryError):
            raise
        except Exception as error:  # every codec has its own errors, all of which mean the same here
            raise format.damaged(error) from None
        return finish(decoded, path, decoded.format or format.name, facts)
    except Damaged as error:
        raise DecodeError(error.reason, path=path, hint=error.advice(salvage)) from None
    except TooManyPixels as error:
        raise TooLargeError(str(error), path=path) from None
    except MemoryError:
        raise TooLargeError("not enough memory to read it", path=path) from None


def finish(
    decoded: DecodedPhoto, path: Path, format: PhotoFormat, facts: FileFacts, stored: tuple[int, int] | None = None
) -> Photo:
    """Make a photo of what a decoder gave: upright, profiles applied, with notes on what is odd.

    Args:
        decoded: pages as stored.
        path: the file.
        format: what it is.
        facts: its times and size.
        stored: width and height of the first page as stored; None where its pixels are all there.
    """
    pages = tuple(finish_page(page) for page in decoded.pages)
    notes = decoded.notes
    suffix = path.suffix.lower()
    if suffix not in FORMATS[format].suffixes and by_suffix(suffix) is not None:
        notes = (Note(f"wrong extension: it is {format.upper()}, not {suffix}", Loss.format), *notes)
    size = stored or stored_size(decoded.pages[0])
    metadata = replace(_upright(decoded.metadata, stored_orientation(decoded.pages[0]), size), file=facts)
    dropped = (note for page, done in zip(decoded.pages, pages, strict=True) for note in _profile_notes(page, done))
    notes += tuple(dict.fromkeys(dropped))
    said = exif.disagreement(pages[0].metadata.tags or decoded.metadata.exif, decoded.metadata.xmp)
    notes += (said,) if said else ()
    parts = (decoded.metadata.xmp, extended.joined(decoded.metadata.xmp, decoded.metadata.xmp_extended))
    behind = [
        page.metadata.multi.around for page in decoded.pages if page.metadata.multi and page.metadata.multi.around
    ]
    if any(around.exif and exif.has_thumbnail(around.exif) for around in behind):
        notes = (*notes, exif.THUMBNAIL_LEFT_OUT)
    block = None if metadata.thumbnail else decoded.metadata.exif
    if block and exif.has_thumbnail(block) or any(map(has_thumbnail, parts)):
        notes += (exif.THUMBNAIL_LEFT_OUT,)
    notes = tuple(dict.fromkeys(notes))
    if decoded.metadata.xmp and (fault := xmp.fault(decoded.metadata.xmp)):
        notes += (f"its XMP cannot be read ({fault}): it stays as it was",)
    return Photo(path, format, pages, metadata, notes)


def stored_size(page: DecodedPage) -> tuple[int, int]:
    """Width and height of a page as its file has it."""
    height, width = page.pixels.shape[:2]
    return (height, width) if page.undone >= 5 else (width, height)


def stored_orientation(page: DecodedPage) -> int:
    """The orientation of a page as its file has it, whoever undoes it."""
    return page.orientation if page.orientation != 1 else page.undone


def _upright(metadata: Metadata, turned: int, size: tuple[int, int]) -> Metadata:
    """Metadata that say that the pixels stand upright now.

    Args:
        metadata: as the file has them.
        turned: the orientation that was undone.
        size: width and height as stored.
    """
    packet, pieces = extended.changed(metadata.xmp, metadata.xmp_extended, lambda part: upright(part, turned, size))
    return replace(
        metadata,
        exif=exif.upright(metadata.exif, turned, size) if metadata.exif else None,
        thumbnail=exif.thumbnail_place(metadata.exif) if metadata.exif else None,
        xmp=packet,
        xmp_extended=pieces,
        segments=tuple((marker, _upright_segment(payload, turned, size)) for marker, payload in metadata.segments),
    )


def _upright_segment(payload: bytes, turned: int, size: tuple[int, int]) -> bytes:
    """A JPEG segment that is kept; a second EXIF block or XMP packet speaks of the upright pixels, too."""
    if payload.startswith(tuple(EXIF_MARK + start for start in TIFF_HEADERS)):
        return EXIF_MARK + exif.upright(payload[len(EXIF_MARK) :], turned, size)
    if payload.startswith(XMP_MARK):
        return XMP_MARK + upright(payload[len(XMP_MARK) :], turned, size)
    return payload


def _read_file(path: Path, limits: DecodeLimits) -> tuple[bytes, FileFacts, Format | None]:
    """The whole file, its times and its format; of a file that is no picture the first bytes alone.

    Raises:
        DecodeError: it is no plain file, cannot be read, or changed meanwhile.
        TooLargeError: no picture within the limits is as large as the file.
    """
    try:
        number = open_plain(path)
        with open(number, "rb") as file:
            start = os.fstat(number)
            data = file.read(64)
            format = sniff(data)
            if format is not None:
                _check_file_size(path, start.st_size, limits)
                data += file.read()
            end = os.fstat(number)
    except OSError as error:
        raise DecodeError(f"it cannot be read: {error.strerror or error}", path=path) from None
    except MemoryError:
        raise TooLargeError("not enough memory to read it", path=path) from None
    facts = FileFacts.of(end)
    if not same(facts, FileFacts.of(start)) or format is not None and len(data) != end.st_size:
        raise DecodeError("the file changed while it was read; try again", path=path)
    return data, facts, format


def _check_file_size(path: Path, size: int, limits: DecodeLimits) -> None:
    if limits.max_memory is not None and size > limits.max_memory:
        raise TooLargeError(f"the file has {size:,} bytes, more than --max-memory allows", path=path)
    if size > 8 * limits.max_pixels + (1 << 28):  # 16-bit RGBA, and 256 MiB around it
        raise TooLargeError(
            f"the file has {size:,} bytes, more than --max-pixels {limits.max_pixels} allows", path=path
        )


def finish_page(page: DecodedPage) -> Page:
    """Apply grey and CMYK profiles, and turn the page upright."""
    pixels, icc, tagged = page.pixels, page.icc, False
    space = space_of(icc)
    if page.space == "cmyk":
        pixels, tagged = cmyk_to_srgb(pixels, icc)
        icc = None
    elif space == "grey" and icc is not None and pixels.ndim == 2:
        toned = grey_to_srgb(pixels, icc)
        tagged = toned is not None
        pixels, icc = pixels if toned is None else toned, None
    elif space != "rgb":
        icc = None
    return Page(
        pixels=turn(pixels, page.orientation),
        alpha=None if page.alpha is None else turn(page.alpha, page.orientation),
        icc=icc,
        metadata=replace(
            page.metadata,
            orientation=page.orientation,
            tag_srgb=tagged,
            resolution=page.metadata.resolution.turned()
            if page.metadata.resolution and page.orientation >= 5
            else page.metadata.resolution,
            extra=None if page.metadata.extra is None else turn(page.metadata.extra, page.orientation),
            multi=_upright_multi(page.metadata.multi, page),
        ),
    )


def _upright_multi(multi: MultiPicture | None, page: DecodedPage) -> MultiPicture | None:
    if multi is None or multi.around is None:
        return multi
    return replace(multi, around=_upright(multi.around, page.orientation, stored_size(page)))


def _profile_notes(page: DecodedPage, done: Page) -> list[Note]:
    if not page.icc or done.icc is not None or done.metadata.tag_srgb:
        return []
    space = space_of(page.icc)
    if space is None:
        return [Note("its color profile is damaged and was left out", Loss.profile)]
    return [Note(f"its color profile, for {space}, could not be applied and was left out", Loss.profile)]


def turn(pixels: AnyPixels, orientation: int) -> AnyPixels:
    """Undo an EXIF orientation, 1 to 8 (EXIF 2.32, tag 274)."""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
