"""Fill one file: blocks are painted, coded on several cores, and written in order.

In:  a `BlockReader`, what paints its blocks, the format
Out: the bytes of a file; what is to be said of it
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from colorize_cli.errors import DecodeError, EncodeError, PhotoError, in_words
from colorize_cli.files.facts import unchanged
from colorize_cli.formats.ahead import ahead
from colorize_cli.formats.base import Format
from colorize_cli.formats.blocks import Block, BlockReader, strips, with_neighbors
from colorize_cli.formats.carry import fitted, with_new_thumbnail
from colorize_cli.formats.declared import Holds
from colorize_cli.formats.photo import AnyPixels, LumaPlanes, Page, Photo
from colorize_cli.formats.strip import strip
from colorize_cli.formats.writer import Writer
from colorize_cli.metadata.ifd import Data, FileData
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, Note

Paint = Callable[[int, Block], AnyPixels | LumaPlanes]
_MOST_ROWS, _MOST_BYTES = 256, 1 << 62  # of a block that is written at once


@dataclass(frozen=True)
class Writing:
    """One file on its way; for the arguments see `encode.write_blocks`."""

    reader: BlockReader
    paint: Paint
    format: Format
    on_rows: Callable[[int], None]
    workers: int
    kept: Collection[int]
    near: int

    def fill(self, file: BinaryIO, quality: int | None, without: Strip, note: Provenance) -> list[str]:
        """Write all of it; gives what is to be said of the file."""
        original, first = self.reader.photo, None
        photo = strip(original, without)
        added = photo.notes[len(original.notes) :]
        if not self.reader.in_strips:
            first = self._painted(0, Block(0, original.pages[0]))
            photo = with_new_thumbnail(photo, self.format, first)
        photo, notes = fitted(photo, self.format)
        rows = min(_MOST_ROWS, self.reader.rows_of(0, _MOST_BYTES, 16)) if self.reader.in_strips else 0
        with self._source() as source:
            with self._coding(OSError):
                writer = self.format.writer(photo, quality, note, rows)
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
