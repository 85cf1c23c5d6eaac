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
from colorize_cli.formats.base import Block, Format
from colorize_cli.formats.carry import fitted, with_new_thumbnail
from colorize_cli.formats.photo import AnyPixels, LumaPlanes, Photo, PhotoFormat, ProbeResult
from colorize_cli.formats.reader import read_provenance
from colorize_cli.formats.seal import seal
from colorize_cli.formats.strip import Strip, strip
from colorize_cli.formats.table import FORMATS
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, Note

__all__ = ["EncodeSettings", "Provenance", "Written", "read_provenance", "suffix_for", "target_format", "write_photo"]


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
    wanted = FORMATS[settings.format or photo.format]
    if isinstance(photo, Photo):
        pages, alpha = len(photo.pages), any(page.hides for page in photo.pages)
        deep = photo.pages[0].pixels.dtype == np.uint16
        longest = max(max(page.size) for page in photo.pages)
    else:
        pages, alpha, deep, longest = photo.pages, False, photo.depth > 8, max(photo.size)
    form, why, name = PhotoFormat.png, "", wanted.name.upper()
    if wanted.written_as is not None and pages == 1:
        form, why = wanted.written_as
    elif pages > 1 and not wanted.several(photo.format, deep):
        form, why = PhotoFormat.tiff, f"{name} holds one page, this has {pages}"
    elif deep and wanted.deep_as_png and settings.format is None:
        why = wanted.deep_as_png
    elif longest > wanted.longest_side:
        why = f"{name} holds at most {wanted.longest_side:,} pixels a side"
    elif alpha and not wanted.has_alpha:
        why = f"{name} holds no transparency"
    return (form, Note(f"written as {form.upper()}: {why}", Loss.format)) if why else (wanted.name, None)


def takes_luma(photo: Photo, settings: EncodeSettings) -> bool:
    """Whether the coloured page may be given as `LumaPlanes`."""
    format = FORMATS[target_format(photo, settings)[0]]
    return all(map(format.takes_luma, photo.pages))


def suffix_for(source: Path, format: PhotoFormat, pages: int = 1) -> str:
    """The suffix of an output: the source's own spelling where that names the format, else the format's first.

    A file named `.mpo` whose one photo is left without its companions becomes a plain JPEG.
    """
    own = source.suffix
    suffix = FORMATS[format].suffix_of(own.lower(), pages)
    return own if suffix == own.lower() else suffix.upper() if own.isupper() else suffix


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
    target = FORMATS[format]
    pages = [_checked(photo, number, pixels) for number, pixels in enumerate(pages)]
    photo, unfit = fitted(with_new_thumbnail(photo, target, pages[0]), target)
    pieces, notes = target.encode(photo, pages, quality, note)
    return pieces, [*unfit, *notes, *left_out(photo, target)]


def left_out(photo: Photo, format: Format) -> list[str]:
    """What is said where a format has no place for what belongs to a page without being one."""
    if Block.tiff_tags in format.holds or not any(page.metadata.sub_images for page in photo.pages):
        return []
    said = f"its sub-images (smaller copies, masks) were left out: {format.name.upper()} has no place for them"
    return [Note(said, Loss.sub_images)]
