"""Write a large photo while its colours are made: rows are painted and coded on several cores, and written in order.

In:  a `Scan`, what paints its rows, a path, how to write, and the provenance note
Out: the file, whole or not at all, with all that stood around the pixels; a TIFF has tiles

Strips are coded by the codecs of the road through memory (imagecodecs, Pillow, zlib) and joined by the formats' own
means: tiles of a TIFF, restart intervals of a JPEG, flushed blocks of a PNG. So the quantisation tables of a JPEG, the
private tags of a TIFF and every core are used, none of which libvips or tifffile would do in writing.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from colorize_cli.errors import DecodeError, EncodeError, PhotoError, printable
from colorize_cli.files.atomic import write_whole_by
from colorize_cli.files.facts import unchanged
from colorize_cli.files.machine import cores
from colorize_cli.formats.ahead import ahead
from colorize_cli.formats.carry import fitted
from colorize_cli.formats.encode import EncodeSettings, Written, left_out, target_format
from colorize_cli.formats.jpeg.scan_write_jpeg import JpegStrips
from colorize_cli.formats.photo import AnyPixels, LumaPlanes, Page, PhotoFormat
from colorize_cli.formats.png.encode_png import PngStrips
from colorize_cli.formats.scan import Block, Scan, strips, with_neighbours
from colorize_cli.formats.seal import seal
from colorize_cli.formats.strip import strip
from colorize_cli.formats.table import FORMATS
from colorize_cli.formats.tiff.scan_write_tiff import TiffTiles
from colorize_cli.metadata.ifd import FileData
from colorize_cli.metadata.provenance import Provenance

Paint = Callable[[int, Block], AnyPixels | LumaPlanes]
Watch = Callable[[int], None]


class Strips(Protocol):
    """One format's way to take a page in strips of `rows` rows."""

    rows: int

    def code(self, page: Page, colored: Any) -> Any:
        """Code one strip, RGB or (of a JPEG) luma and chroma; may run in any thread."""

    def write(self, file: BinaryIO, coded: Any) -> None:
        """Write a coded strip; strips come from top to bottom."""

    def end(self, file: BinaryIO) -> None:
        """Write what follows the last strip of the page."""


def write_scan(
    scan: Scan,
    paint: Paint,
    out: Path,
    settings: EncodeSettings,
    provenance: Provenance,
    on_rows: Watch = lambda _: None,
    workers: int = 0,
    kept: Collection[int] = (),
    near: int = 0,
) -> Written:
    """Write the coloured photo.

    Args:
        scan: the source; its path is never written over, its times are given to the output.
        paint: gives the colours of a block of a page (by its number), (n, W, 3), in any thread; or, where `takes_luma`
            says so, luma and chroma.
        out: the file; its folder exists.
        settings: how; the format must be written in strips.
        provenance: the note that it carries.
        on_rows: told how many more rows were written; what it raises ends the writing, and nothing is left behind.
        workers: threads that paint and code; 0 is one for each core.
        kept: pages that are not painted; of a TIFF they are copied as they are coded, where that can be.
        near: rows above and below a block that `paint` looks at.

    Raises:
        DecodeError: the source is damaged.
        EncodeError: it could not be written, or `out` is the source itself. Nothing half-written is left.
    """
    source = scan.photo.path
    try:
        if os.path.samefile(out, source):
            raise EncodeError(f"{printable(out)} is the photo itself, which is never written over", path=source)
    except OSError:
        pass  # one of them is not there; the writing will say so if it matters
    format, note = target_format(scan.photo, settings)
    photo = strip(scan.photo, settings.strip)
    added = photo.notes[len(scan.photo.notes) :]
    photo, notes = fitted(photo, FORMATS[format])
    workers = workers or max(2, cores())

    def fill(file: BinaryIO) -> None:
        if format is PhotoFormat.tiff:
            tiles = TiffTiles(photo, settings.quality, provenance)
            notes.extend(tiles.notes)
            tiles.start(file)
            for number in range(len(photo.pages)):
                tiles.begin(number)
                if number in kept and _copied(file, scan, number, tiles):
                    on_rows(scan.photo.pages[number].size[1])
                    continue
                _fill_page(file, scan, number, tiles, paint, on_rows, workers, near)
        elif format is PhotoFormat.jpeg:
            jpeg = JpegStrips(photo, settings.quality, provenance)
            notes.extend(jpeg.notes)
            _fill_page(file, scan, 0, jpeg, paint, on_rows, workers, near)
        else:
            png = PngStrips(photo, photo.pages[0], provenance)
            png.start(file)
            _fill_page(file, scan, 0, png, paint, on_rows, workers, near)
        seal(file)
        unchanged(source, scan.photo.metadata.file)

    try:
        size = write_whole_by(out, fill, scan.photo.metadata.file)
    except PhotoError:
        raise
    except MemoryError:
        raise EncodeError("not enough memory to write it", path=source) from None
    notes += left_out(photo, FORMATS[format])
    return Written(out, format, size, (*([note] if note else []), *added, *notes))


def _copied(file: BinaryIO, scan: Scan, number: int, tiles: TiffTiles) -> bool:
    """Copy a page of a TIFF as it is coded, a strip or tile at a time; whether it could be done."""
    path = scan.photo.path
    if scan.photo.format is not PhotoFormat.tiff:
        return False
    unchanged(path, scan.photo.metadata.file)
    try:
        with open(path, "rb") as source:
            return tiles.copy(file, FileData(source), scan.photo.pages[number])
    except struct.error:
        raise DecodeError("damaged TIFF: its tags contradict each other", path=path) from None


def _fill_page(
    file: BinaryIO, scan: Scan, number: int, way: Strips, paint: Paint, on_rows: Watch, workers: int, near: int
) -> None:
    def work(block: Block) -> tuple[int, Any]:
        return len(block.rows.pixels), way.code(block.rows, paint(number, block))

    blocks = with_neighbours(strips(scan.blocks(number), way.rows), near)
    with (
        ThreadPoolExecutor(workers, "scan") as pool,
        closing(ahead(pool, work, blocks, workers + 1)) as done,
    ):
        for count, coded in done:
            way.write(file, coded)
            del coded  # or it stays while the next is made
            on_rows(count)
    way.end(file)
