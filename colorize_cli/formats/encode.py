"""Write a photo: colors into a file of the source's kind, with all that stood around its pixels.

In:  a `BlockReader`, what paints its blocks, a path, how to write, and the provenance note
Out: the file, whole or not at all, with the source's times; what was written and what its format could not hold
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from colorize_cli.errors import EncodeError, counted, printable
from colorize_cli.files.atomic import write_whole_by
from colorize_cli.files.machine import cores
from colorize_cli.formats.blocks import BlockReader
from colorize_cli.formats.photo import AnyPixels, LumaPlanes, Photo, PhotoFormat, ProbeResult
from colorize_cli.formats.reader import read_provenance
from colorize_cli.formats.seal import seal
from colorize_cli.formats.table import FORMATS
from colorize_cli.formats.writing import Paint, Writing
from colorize_cli.metadata.places import Strip
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


def target_format(
    photo: Photo | ProbeResult, settings: EncodeSettings, scale: int = 1
) -> tuple[PhotoFormat, Note | None]:
    """The format that can hold the colored photo.

    Args:
        photo: as decoded, or what its header says.
        settings: what is asked for.
        scale: by how much the result will be larger.

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
    if scale * longest > FORMATS[form].longest_side:
        form = PhotoFormat.tiff
    if wanted.written_as is not None and pages == 1:
        form, why = wanted.written_as
    elif pages > 1 and not wanted.several(photo.format, deep):
        form, why = PhotoFormat.tiff, f"{name} holds one page, this has {pages}"
    elif deep and wanted.deep_as_png and settings.format is None:
        why = wanted.deep_as_png
    elif scale * longest > wanted.longest_side:
        why = f"{name} holds at most {wanted.longest_side:,} pixels a side"
    elif alpha and not wanted.has_alpha:
        why = f"{name} holds no transparency"
    return (form, Note(f"written as {form.upper()}: {why}", Loss.format)) if why else (wanted.name, None)


def takes_luma(photo: Photo, settings: EncodeSettings) -> bool:
    """Whether the colored page may be given as `LumaPlanes`."""
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
    """Write a photo whose pages are in memory.

    Args:
        photo: as decoded; its path is never written over, its times are given to the output.
        colored: per page (H, W, 3), or (H, W) for a page that stays grey, of the page's size and dtype; or, where
            `takes_luma` says so, luma and chroma. A page's own pixels stand for a page that is not colored.
        out: the file; its folder exists.
        settings: how.
        provenance: the note that it carries.

    Raises:
        EncodeError: it could not be written, or `out` is the source itself. Nothing half-written is left.
    """
    if len(colored) != len(photo.pages):
        raise EncodeError(f"{counted(len(colored), 'page')} for a photo of {len(photo.pages)}", path=photo.path)
    kept = {number for number, page in enumerate(photo.pages) if colored[number] is page.pixels}
    return write_blocks(BlockReader(photo), lambda number, _: colored[number], out, settings, provenance, kept=kept)


def write_blocks(
    reader: BlockReader,
    paint: Paint,
    out: Path,
    settings: EncodeSettings,
    provenance: Provenance,
    on_rows: Callable[[int], None] = lambda _: None,
    workers: int = 0,
    kept: Collection[int] = (),
    near: int = 0,
) -> Written:
    """Write a photo while its colors are made: blocks are painted and coded, and written in order.

    Args:
        reader: the source; its path is never written over, its times are given to the output.
        paint: gives the colors of a block of a page (by its number), (n, W, 3), in any thread; or, where `takes_luma`
            says so, luma and chroma.
        out: the file; its folder exists.
        settings: how.
        provenance: the note that it carries.
        on_rows: told how many more rows were written; what it raises ends the writing, and nothing is left behind.
        workers: threads that paint and code the strips of a large photo; 0 is one for each core.
        kept: pages that are not painted; of a TIFF they are copied as they are coded, where that can be.
        near: rows above and below a block that `paint` looks at.

    Raises:
        DecodeError: the source is damaged.
        EncodeError: it could not be written, or `out` is the source itself. Nothing half-written is left.
    """
    source = reader.photo.path
    with suppress(OSError):  # one of them is not there; the writing will say so if it matters
        if os.path.samefile(out, source):
            raise EncodeError(f"{printable(out)} is the photo itself, which is never written over", path=source)
    format, note = target_format(reader.photo, settings)
    writing, added = (
        Writing(reader, paint, FORMATS[format], on_rows, workers or max(2, cores()), kept, near),
        list[str](),
    )

    def fill(file: BinaryIO) -> None:
        added.extend(writing.fill(file, settings.quality, settings.strip, provenance))
        seal(file)

    try:
        size = write_whole_by(out, fill, reader.photo.metadata.file)
    except MemoryError:
        raise EncodeError("not enough memory to write it", path=source) from None
    return Written(out, format, size, (*([note] if note else []), *added))


def encode_pages(photo: Photo, pages: Sequence[AnyPixels], settings: EncodeSettings, note: Provenance) -> bytes:
    """The bytes of what `write_photo` would write; `pages` are not those of the photo."""
    file, format = io.BytesIO(), FORMATS[target_format(photo, settings)[0]]
    writing = Writing(BlockReader(photo), lambda number, _: pages[number], format, lambda _: None, 1, (), 0)
    writing.fill(file, settings.quality, settings.strip, note)
    return file.getvalue()
