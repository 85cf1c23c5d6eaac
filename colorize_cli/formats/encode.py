"""Write a photo: colors into a file of the source's kind, with all that stood around its pixels.

In:  a `BlockReader`, what paints its blocks, a path, how to write, and the provenance note
Out: the file, whole or not at all, with the source's times; what was written and what its format could not hold
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from colorize_cli.errors import DecodeError, EncodeError, PhotoError, counted, in_words, printable
from colorize_cli.files.atomic import write_whole_by
from colorize_cli.files.facts import unchanged
from colorize_cli.files.machine import cores
from colorize_cli.formats.ahead import ahead
from colorize_cli.formats.base import Format
from colorize_cli.formats.blocks import Block, BlockReader, strips, with_neighbors
from colorize_cli.formats.carry import fitted, with_new_thumbnail
from colorize_cli.formats.declared import Holds
from colorize_cli.formats.photo import AnyPixels, LumaPlanes, Page, Photo, PhotoFormat, ProbeResult
from colorize_cli.formats.reader import read_provenance
from colorize_cli.formats.seal import seal
from colorize_cli.formats.strip import strip
from colorize_cli.formats.table import FORMATS
from colorize_cli.formats.writer import Writer
from colorize_cli.metadata.ifd import Data, FileData
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, Note

__all__ = ["EncodeSettings", "Provenance", "Written", "read_provenance", "suffix_for", "target_format", "write_photo"]

Paint = Callable[[int, Block], AnyPixels | LumaPlanes]
_MOST_ROWS, _MOST_BYTES = 256, 1 << 62  # of a block that is written at once


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
    """The format that can hold the colored photo.

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
    job, added = _Job(reader, paint, FORMATS[format], on_rows, workers or max(2, cores()), kept, near), list[str]()

    def fill(file: BinaryIO) -> None:
        added.extend(job.fill(file, settings, provenance))
        seal(file)

    try:
        size = write_whole_by(out, fill, reader.photo.metadata.file)
    except MemoryError:
        raise EncodeError("not enough memory to write it", path=source) from None
    return Written(out, format, size, (*([note] if note else []), *added))


def encode_pages(photo: Photo, pages: Sequence[AnyPixels], settings: EncodeSettings, note: Provenance) -> bytes:
    """The bytes of what `write_photo` would write; `pages` are not those of the photo."""
    file, format = io.BytesIO(), FORMATS[target_format(photo, settings)[0]]
    job = _Job(BlockReader(photo), lambda number, _: pages[number], format, lambda _: None, 1, (), 0)
    job.fill(file, settings, note)
    return file.getvalue()


@dataclass(frozen=True)
class _Job:
    """One file that is written; see `write_blocks`."""

    reader: BlockReader
    paint: Paint
    format: Format
    on_rows: Callable[[int], None]
    workers: int
    kept: Collection[int]
    near: int

    def fill(self, file: BinaryIO, settings: EncodeSettings, provenance: Provenance) -> list[str]:
        """Write all of it; gives what is to be said of the file."""
        original, first = self.reader.photo, None
        photo = strip(original, settings.strip)
        added = photo.notes[len(original.notes) :]
        if not self.reader.in_strips:
            first = self._painted(0, Block(0, original.pages[0]))
            photo = with_new_thumbnail(photo, self.format, first)
        photo, notes = fitted(photo, self.format)
        rows = min(_MOST_ROWS, self.reader.rows_of(0, _MOST_BYTES, 16)) if self.reader.in_strips else 0
        with self._source() as source:
            with self._coding(OSError):
                writer = self.format.writer(photo, settings.quality, provenance, rows)
                writer.start(file)
            for number, page in enumerate(original.pages):
                stays = number in self.kept
                with self._coding(OSError):
                    writer.begin(number, stays)
                    copied = stays and source is not None and self._copied(file, writer, source, page)
                if copied:
                    self.on_rows(page.size[1])
                    continue
                self._fill_page(file, number, writer, first if number == 0 else None)
                with self._coding(OSError):
                    writer.end(file, source)
            with self._coding(OSError):
                writer.finish(file)
        if self.reader.readers:
            unchanged(original.path, original.metadata.file)
        return [*added, *notes, *writer.notes, *left_out(photo, self.format)]

    def _fill_page(self, file: BinaryIO, number: int, writer: Writer, first: AnyPixels | LumaPlanes | None) -> None:
        def work(block: Block) -> tuple[int, Any]:
            colored = self._painted(number, block) if first is None else first
            with self._coding():
                return len(block.rows.pixels), writer.code(block.rows, colored)

        if not self.reader.in_strips:
            count, coded = work(Block(0, self.reader.photo.pages[number]))
            with self._coding(OSError):
                writer.write(file, coded)
            self.on_rows(count)
            return
        blocks = with_neighbors(strips(self.reader.blocks(number), writer.rows), self.near)
        with (
            ThreadPoolExecutor(self.workers, "write") as pool,
            closing(ahead(pool, work, blocks, self.workers + 1)) as done,
        ):
            for count, coded in done:
                with self._coding(OSError):
                    writer.write(file, coded)
                del coded  # or it stays while the next is made
                self.on_rows(count)

    def _painted(self, number: int, block: Block) -> AnyPixels | LumaPlanes:
        page, pixels = block.rows, self.paint(number, block)
        if isinstance(pixels, LumaPlanes):
            right = pixels.size == page.size
            is_, was = f"{pixels.size}", f"{page.size}"
        else:
            right = pixels.shape[:2] == page.pixels.shape[:2] and pixels.dtype == page.pixels.dtype
            is_, was = f"{pixels.shape} {pixels.dtype}", f"{page.pixels.shape} {page.pixels.dtype}"
            pixels = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
            pixels = np.ascontiguousarray(pixels)
        if not right:
            raise EncodeError(f"the colored page is {is_}, the photo {was}", path=self.reader.photo.path)
        return pixels

    def _copied(self, file: BinaryIO, writer: Writer, source: Data, page: Page) -> bool:
        try:
            return writer.copy(file, source, page)
        except struct.error:
            reason = "damaged TIFF: its tags contradict each other"
            raise DecodeError(reason, path=self.reader.photo.path) from None

    @contextmanager
    def _source(self) -> Iterator[Data | None]:
        """The source's bytes, where the result has parts of them: pages and masks of a TIFF that are copied.

        Raises:
            DecodeError: the source is not what it was, or is gone.
        """
        photo = self.reader.photo
        subs = [sub for page in photo.pages for sub in page.metadata.sub_images]
        copies = self.kept or any(sub.can_copy and not sub.is_level for sub in subs)
        if not copies or photo.pages[0].metadata.tags is None or Holds.tiff_tags not in self.format.holds:
            yield None
            return
        unchanged(photo.path, photo.metadata.file)
        with open(photo.path, "rb") as file:
            yield FileData(file)
        unchanged(photo.path, photo.metadata.file)

    @contextmanager
    def _coding(self, *passing: type[Exception]) -> Iterator[None]:
        """What encoders raise, in words; where a file is written, `OSError` is the disk's."""
        as_they_are: tuple[type[Exception], ...] = (PhotoError, MemoryError, *passing)
        try:
            yield
        except as_they_are:
            raise
        except Exception as error:  # each encoder has its own errors, all of which mean the same here
            reason = f"it cannot be written as {self.format.name.upper()}: {in_words(error)}"
            raise EncodeError(reason, path=self.reader.photo.path) from error


def left_out(photo: Photo, format: Format) -> list[str]:
    """What is said where a format has no place for what belongs to a page without being one."""
    if Holds.tiff_tags in format.holds or not any(page.metadata.sub_images for page in photo.pages):
        return []
    said = f"its sub-images (smaller copies, masks) were left out: {format.name.upper()} has no place for them"
    return [Note(said, Loss.sub_images)]
