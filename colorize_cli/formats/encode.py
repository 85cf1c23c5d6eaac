"""Write a photo: colours into a file of the source's kind, with all that stood around its pixels.

In:  the decoded `Photo`, its coloured pages, a path, how to write, and the provenance note
Out: the file, whole or not at all, with the source's times; what was written and what its format could not hold
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from colorize_cli.errors import EncodeError, counted, in_words, printable
from colorize_cli.files.atomic import Patch, write_whole
from colorize_cli.formats.carry import fitted, with_new_thumbnail
from colorize_cli.formats.encode_others import encode_heics, encode_other
from colorize_cli.formats.jpeg import multi_jpeg
from colorize_cli.formats.jpeg.encode_jpeg import encode_jpeg, halves_chroma
from colorize_cli.formats.photo import AnyPixels, LumaPlanes, Photo, PhotoFormat, ProbeResult
from colorize_cli.formats.png.encode_png import encode_png
from colorize_cli.formats.reader import read_provenance
from colorize_cli.formats.seal import seal
from colorize_cli.formats.sniff import SUFFIXES
from colorize_cli.formats.strip import Strip, strip
from colorize_cli.formats.tiff.encode_tiff import encode_tiff
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, Note

__all__ = ["EncodeSettings", "Provenance", "Written", "read_provenance", "suffix_for", "target_format", "write_photo"]

_LIMITS = {PhotoFormat.jpeg: 65500, PhotoFormat.webp: 16383, PhotoFormat.avif: 65535, PhotoFormat.heic: 16384}
_READ_ONLY = {
    PhotoFormat.psd: "PSD is read, but not written",
    PhotoFormat.raw: "a camera's raw file is read, but not written",
}
_NO_COLOUR_SUFFIXES = frozenset({".pgm", ".pbm", ".apng", ".j2k", ".j2c", ".jpx"})


@dataclass(frozen=True)
class EncodeSettings:
    """How outputs are written.

    Attributes:
        format: of the output; None keeps the source's.
        quality: 1 to 100, of the lossy formats; None is near the source's.
        strip: what is left out of the metadata.
    """

    format: PhotoFormat | None = None
    quality: int | None = None
    strip: Strip = "none"


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: the file.
        format: what it is.
        size: its bytes.
        notes: what was odd, or could not be kept.
    """

    path: Path
    format: PhotoFormat
    size: int
    notes: tuple[str, ...] = ()


def target_format(photo: Photo | ProbeResult, settings: EncodeSettings) -> tuple[PhotoFormat, Note | None]:
    """The format that can hold the coloured photo.

    Returns:
        The format asked for, or else the nearest that can hold the result, and a note where it is another.
    """
    wanted = settings.format or photo.format
    if wanted in _READ_ONLY:
        return PhotoFormat.tiff, Note(f"written as TIFF: {_READ_ONLY[wanted]}", Loss.format)
    if isinstance(photo, Photo):
        pages, alpha = len(photo.pages), any(page.hides for page in photo.pages)
        deep = photo.pages[0].pixels.dtype == np.uint16
        width, height = (max(page.size[axis] for page in photo.pages) for axis in (0, 1))
    else:
        deep = photo.depth > 8
        pages, alpha, (width, height) = photo.pages, False, photo.size
    several = wanted is PhotoFormat.tiff or wanted is photo.format is PhotoFormat.heic
    several = several or wanted is photo.format is PhotoFormat.jpeg and not deep
    if pages > 1 and not several:
        return PhotoFormat.tiff, Note(
            f"written as TIFF: {wanted.upper()} holds one page, this has {pages}", Loss.format
        )
    if deep and wanted is PhotoFormat.jpeg and settings.format is None:
        return PhotoFormat.png, Note("written as PNG: 12-bit JPEG is read, but not written", Loss.format)
    if wanted is PhotoFormat.gif:
        return PhotoFormat.png, Note("written as PNG: GIF holds no more than 256 colours", Loss.format)
    if max(width, height) > (limit := _LIMITS.get(wanted, 2**31)):
        return PhotoFormat.png, Note(
            f"written as PNG: {wanted.upper()} holds at most {limit:,} pixels a side", Loss.format
        )
    if alpha and wanted in (PhotoFormat.jpeg, PhotoFormat.bmp, PhotoFormat.ppm):
        return PhotoFormat.png, Note(f"written as PNG: {wanted.upper()} holds no transparency", Loss.format)
    return wanted, None


def takes_luma(photo: Photo, settings: EncodeSettings) -> bool:
    """Whether the coloured page may be given as `LumaPlanes`: it becomes a JPEG with 4:2:0 chroma from 8 bits."""
    halved = all(
        page.pixels.dtype == np.uint8 and (page.metadata.jpeg is None or halves_chroma(page.metadata.jpeg))
        for page in photo.pages
    )
    return halved and target_format(photo, settings)[0] is PhotoFormat.jpeg


def suffix_for(source: Path, format: PhotoFormat, pages: int = 1) -> str:
    """The suffix of an output: the source's own spelling where that names the format, else the format's first.

    A file named `.mpo` whose one photo is left without its companions becomes a plain JPEG.
    """
    own = source.suffix
    if own.lower() == ".mpo" and pages == 1 and format is PhotoFormat.jpeg:
        return ".JPG" if own.isupper() else ".jpg"
    if own.lower() in SUFFIXES[format] and own.lower() not in _NO_COLOUR_SUFFIXES:
        return own
    suffix = SUFFIXES[format][0]
    return suffix.upper() if own.isupper() else suffix


def write_photo(
    photo: Photo,
    colored: Sequence[AnyPixels | LumaPlanes],
    out: Path,
    settings: EncodeSettings,
    provenance: Provenance,
) -> Written:
    """Write the coloured photo.

    Args:
        photo: as decoded; its path is never written over, its times are given to the output.
        colored: per page (H, W, 3), or (H, W) for a page that stays grey, of the page's size and dtype; or, where
            `takes_luma` says so, luma and chroma.
        out: the file; its folder exists.
        settings: how.
        provenance: the note that it carries.

    Raises:
        EncodeError: it could not be written, or `out` is the source itself. Nothing half-written is left.
    """
    pages = [_checked(photo, number, pixels) for number, pixels in enumerate(colored)]
    if len(pages) != len(photo.pages):
        raise EncodeError(f"{counted(len(pages), 'page')} for a photo of {len(photo.pages)}", path=photo.path)
    try:
        if os.path.samefile(out, photo.path):
            raise EncodeError(f"{printable(out)} is the photo itself, which is never written over", path=photo.path)
    except OSError:
        pass  # one of them is not there; the writing will say so if it matters
    format, note = target_format(photo, settings)
    given = len(photo.notes)
    photo = strip(photo, settings.strip)
    try:
        pieces, notes = encode_bytes(photo, pages, format, settings.quality, provenance)
        size = write_whole(out, pieces, photo.metadata.file, seal)
    except EncodeError:
        raise
    except MemoryError:
        raise EncodeError("not enough memory to write it", path=photo.path) from None
    except Exception as error:  # each encoder has its own errors, all of which mean the same here
        raise EncodeError(f"it cannot be written as {format.upper()}: {in_words(error)}", path=photo.path) from error
    added = photo.notes[given:]
    return Written(out, format, size, (*([note] if note else []), *added, *notes))


def _checked(photo: Photo, number: int, pixels: AnyPixels | LumaPlanes) -> AnyPixels | LumaPlanes:
    page = photo.pages[min(number, len(photo.pages) - 1)]
    if isinstance(pixels, LumaPlanes):
        if pixels.size != page.size:
            raise EncodeError(f"the coloured page is {pixels.size}, the photo {page.size}", path=photo.path)
        return pixels
    if pixels.shape[:2] != page.pixels.shape[:2] or pixels.dtype != page.pixels.dtype:
        raise EncodeError(
            f"the coloured page is {pixels.shape} {pixels.dtype}, the photo {page.pixels.shape} {page.pixels.dtype}",
            path=photo.path,
        )
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return np.ascontiguousarray(pixels)


def encode_bytes(
    photo: Photo, pages: Sequence[AnyPixels | LumaPlanes], format: PhotoFormat, quality: int | None, note: Provenance
) -> tuple[Iterable[bytes | Patch], list[str]]:
    """The pieces of an output, and notes on what its format cannot hold."""
    pages = [_checked(photo, number, pixels) for number, pixels in enumerate(pages)]
    rgb = [pixels for pixels in pages if not isinstance(pixels, LumaPlanes)]
    if len(rgb) < len(pages) and format is not PhotoFormat.jpeg:
        raise EncodeError(f"luma and chroma are for JPEG, not for {format.upper()}", path=photo.path)
    photo, unfit = fitted(with_new_thumbnail(photo, format, pages[0]), format)
    if format is PhotoFormat.tiff:
        pieces, said = encode_tiff(photo, rgb, quality, note)
        return pieces, unfit + said + multi_jpeg.lost_around(photo)
    page = photo.pages[0]
    if format is PhotoFormat.jpeg and len(pages) > 1:
        data, notes = _several_jpegs(photo, pages, quality, note)
    elif format is PhotoFormat.jpeg:
        data, notes = encode_jpeg(photo, page, pages[0], quality, note)
    elif format is PhotoFormat.heic and len(pages) > 1:
        alone = [multi_jpeg.alone(photo, page, number) for number, page in enumerate(photo.pages)]
        data, notes = encode_heics([fitted(one, format)[0] for one in alone], rgb, quality, note)
    elif format is PhotoFormat.png:
        data, notes = encode_png(photo, page, rgb[0], note)
    else:
        data, notes = encode_other(photo, page, rgb[0], format, quality, note)
    if page.metadata.sub_images:
        notes.append(
            Note(
                f"its sub-images (smaller copies, masks) were left out: {format.upper()} has no place for them",
                Loss.sub_images,
            )
        )
    return [data], [*unfit, *notes]


def _several_jpegs(
    photo: Photo, pages: Sequence[AnyPixels | LumaPlanes], quality: int | None, note: Provenance
) -> tuple[bytes, list[str]]:
    """A JPEG of several pictures, each with its own metadata."""
    notes = list[str]()

    def encode(one: Photo, number: int) -> bytes:
        data, said = encode_jpeg(one, one.pages[0], pages[number], quality, note)
        notes.extend(said)
        return data

    return multi_jpeg.joined(photo, encode), list(dict.fromkeys(notes))
