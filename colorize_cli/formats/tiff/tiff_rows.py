"""Read a TIFF's pages a few rows at a time: a row of tiles, or some strips, decoded on several cores.

In:  a path
Out: the photo with a single pixel in each page, their true sizes, and what reads their rows
"""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from colorize_cli.files.machine import cores
from colorize_cli.formats.declared import OpenedRows, Rows
from colorize_cli.formats.decoded import Damaged, DecodedPhoto
from colorize_cli.formats.jpeg.decode_jpeg import reason
from colorize_cli.formats.limits import check_size
from colorize_cli.formats.photo import AnyPixels, DecodeLimits
from colorize_cli.formats.tiff.decode_tiff import metadata_of, page_of, with_sub_images
from colorize_cli.formats.tiff.tiff_kind import check_kind, check_tags
from colorize_cli.formats.tiff.tiff_pictures import pictures
from colorize_cli.formats.tiff.tiff_segments import Samples, decode_segment, decodes_to_rgb
from colorize_cli.formats.tiff.tiff_tags import XMP
from colorize_cli.metadata.exif import orientation_of
from colorize_cli.metadata.ifd import FileData, Ifd, Room, TagError, read_header

_BLOCK_BYTES = 8 << 20  # of rows that are read at once, where the strips are no larger
_WORKERS = max(2, min(cores(), 8))


def open_tiff(path: Path, limits: DecodeLimits, block_bytes: int = 0) -> OpenedRows:
    """Open a TIFF whose samples are whole numbers.

    Raises:
        Damaged: its tags are damaged, or it is no picture.
        TooManyPixels: a page declares more than the limits allow.
    """
    with open(path, "rb") as file:
        data = FileData(file)
        try:
            header = read_header(data)
            found, whole = pictures(data)
        except (TagError, struct.error) as error:
            raise Damaged(f"damaged TIFF: {error}") from None
        if not whole:
            raise Damaged("truncated TIFF: not all of its pages are there", salvageable=True)
        pages, shapes, readers, notes, room = [], [], [], list[str](), Room(len(data))
        for picture in found:
            ifd = picture.ifd
            check_kind(ifd)
            check_tags(ifd)
            height, width, bits = ifd.integer(257), ifd.integer(256), bits_of(ifd)
            check_size(width, height, 0, limits)
            pixel = np.zeros((1, 1, max(ifd.integer(277, 1), 1)), np.uint8 if bits <= 8 else np.uint16)
            page = page_of(Samples(pixel, min(bits, 16), False, decodes_to_rgb(ifd)), data, ifd, notes)
            page = with_sub_images(page, data, picture, notes, room)
            pages.append(page)
            shapes.append((height, width))
            readers.append(_reader(path, picture.number, ifd, block_bytes))
    metadata = metadata_of(header, pages[0].metadata.tags)
    return OpenedRows(DecodedPhoto(tuple(pages), metadata, tuple(dict.fromkeys(notes))), shapes, readers)


def bits_of(ifd: Ifd) -> int:
    """Bits per sample.

    Raises:
        Damaged: the samples have different depths.
    """
    bits = {int(b) for b in ifd.numbers(258)} or {1}
    if len(bits) > 1:
        raise Damaged("its samples have different depths, which no reader here knows")
    return bits.pop()


def _reader(path: Path, index: int, ifd: Ifd, block_bytes: int) -> Callable[[], Rows]:
    packet = ifd.find(XMP)
    from_below = orientation_of(ifd, packet.value if packet else None) in (3, 4)

    def read() -> Rows:
        top = 0
        with open(path, "rb") as file:
            data = FileData(file)
            for samples in _samples(path, index, ifd, from_below, block_bytes):
                count = len(samples.pixels)
                yield top, page_of(samples, data, ifd, [])
                top += count
                del samples  # before the next are read

    return read


def _samples(path: Path, index: int, ifd: Ifd, from_below: bool, block_bytes: int) -> Iterator[Samples]:
    """The rows of a page as stored, in blocks; from the last block to the first where it stands on its head."""
    try:
        with tifffile.TiffFile(path) as tiff:
            yield from rows_as_stored(path, tiff.pages[index], ifd, from_below, block_bytes)
    except (Damaged, MemoryError, OSError):
        raise
    except Exception as error:  # tifffile and its codecs raise a dozen kinds, all of which mean the same here
        raise Damaged(f"damaged TIFF: {reason(error)}", salvageable=True) from None


def rows_as_stored(
    path: Path, page: Any, ifd: Ifd, from_below: bool = False, block_bytes: int = 0
) -> Generator[Samples, None, None]:
    """The rows of a `TiffPage`, in blocks; what its codecs raise is not translated."""
    with closing(_Segments(path, page, ifd, block_bytes or _BLOCK_BYTES)) as segments:
        groups = segments.groups()
        order = range(len(groups) - 1, -1, -1) if from_below else range(len(groups))
        yield from segments.read([groups[i] for i in order])


class _Segments:
    """The strips or tiles of one page."""

    def __init__(self, path: Path, page: Any, ifd: Ifd, block_bytes: int) -> None:
        self.page, self.ifd, self.bits, self.block_bytes = page, ifd, bits_of(ifd), block_bytes
        self.height, self.width = ifd.integer(257), ifd.integer(256)
        self.separate, deep, _, _, self.contiguous = page.shaped
        samples = max(ifd.integer(277, 1), 1)
        if page.dtype is None or page.dtype.kind not in "bu":
            raise Damaged("its samples are of a kind that is not read in strips")
        if deep != 1 or self.separate * self.contiguous != samples:
            raise Damaged("damaged TIFF: its tags contradict each other")
        if (page.imagewidth, page.imagelength) != (self.width, self.height):
            raise Damaged("damaged TIFF: its tags contradict each other")
        self.rows = page.tilelength if page.is_tiled else min(max(page.rowsperstrip, 1), self.height)
        self.line = self.width * self.separate * self.contiguous * page.dtype.itemsize
        self.across = -(-self.width // page.tilewidth) if page.is_tiled else 1
        self.down = -(-self.height // self.rows)
        self.places = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        if len(self.places) < self.separate * self.across * self.down:
            raise Damaged("damaged TIFF: not all of its strips are there", salvageable=True)
        self.file = open(path, "rb")  # noqa: SIM115 - see close
        self.size = self.file.seek(0, 2)
        self.pool = ThreadPoolExecutor(_WORKERS, "decode")

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)
        self.file.close()

    def groups(self) -> list[tuple[int, int]]:
        """Rows that are read at once, (top, bottom): whole rows of tiles or strips, enough of them to be worth it."""
        if self._is_plain():
            step = max(1, self.block_bytes // max(self.line, 1))
        else:
            step = self.rows * max(1, self.block_bytes // max(self.line * self.rows, 1))
        return [(top, min(top + step, self.height)) for top in range(0, self.height, step)]

    def read(self, groups: list[tuple[int, int]]) -> Iterator[Samples]:
        """Blocks of samples; one is read ahead while another is worked on, unless they are large."""
        one = self._plain if self._is_plain() else self._coded
        ahead: deque[tuple[AnyPixels | None, list[Future[AnyPixels | None]]]] = deque()
        for group in groups:
            ahead.append(one(*group))
            if len(ahead) > 1 or (group[1] - group[0]) * self.line > 2 * self.block_bytes:
                yield self._done(*ahead.popleft())
        while ahead:
            yield self._done(*ahead.popleft())

    def _done(self, out: AnyPixels | None, tasks: list[Future[AnyPixels | None]]) -> Samples:
        for task in tasks:
            part = task.result()
            out = part if out is None else out
        assert out is not None
        pixels = out[0] if self.separate == 1 else np.moveaxis(out[..., 0], 0, -1)
        pixels = pixels.astype(np.uint8) if pixels.dtype.kind == "b" else pixels
        return Samples(pixels, self.bits, False, decodes_to_rgb(self.ifd))

    def _empty(self, top: int, bottom: int) -> AnyPixels:
        return np.zeros((self.separate, bottom - top, self.width, self.contiguous), self.page.dtype)

    def _is_plain(self) -> bool:
        """Whether rows lie in the file as they are: then not even a strip has to be read whole."""
        page = self.page
        plain = int(page.compression) == 1 and int(page.predictor) == 1 and int(page.fillorder) == 1
        plain = plain and int(page.photometric) != 6  # its samples may stand in data units
        return plain and not page.is_tiled and page.dtype.kind == "u" and self.bits == 8 * page.dtype.itemsize

    def _plain(self, top: int, bottom: int) -> tuple[AnyPixels, list[Future[AnyPixels | None]]]:
        out = self._empty(top, bottom)
        line = self.line // self.separate
        order = self.page.parent.byteorder
        for plane in range(self.separate):
            row = top
            while row < bottom:
                strip, inside = divmod(row, self.rows)
                count = min(self.rows - inside, bottom - row)
                offset, _ = self._place(plane * self.down + strip, (inside + count) * line)
                raw = self._bytes(offset + inside * line, count * line)
                values = np.frombuffer(raw, self.page.dtype.newbyteorder(order))
                out[plane, row - top : row - top + count] = values.reshape(count, self.width, self.contiguous)
                row += count
        return out, []

    def _coded(self, top: int, bottom: int) -> tuple[AnyPixels | None, list[Future[AnyPixels | None]]]:
        first, last = top // self.rows, -(-bottom // self.rows)
        numbers = [
            plane * self.down * self.across + row * self.across + column
            for plane in range(self.separate)
            for row in range(first, last)
            for column in range(self.across)
        ]
        out = self._empty(top, bottom) if len(numbers) > 1 else None
        return out, [self.pool.submit(self._decode_into, out, (top, bottom), number) for number in numbers]

    def _decode_into(self, out: AnyPixels | None, group: tuple[int, int], number: int) -> AnyPixels | None:
        """Decode a strip or a tile to its place; one that is alone is given back itself, for it may be large."""
        offset, size = self._place(number, 1)
        found = decode_segment(self.page, self._bytes(offset, size), number, salvage=False)
        if found is None:
            raise Damaged("damaged TIFF: not all of its strips are there", salvageable=True)
        (plane, _, row, left, _), part = found
        top, bottom = group
        if out is None and part.shape[1:3] == (bottom - top, self.width):
            return part
        whole = self._empty(top, bottom) if out is None else out
        rows, columns = min(part.shape[1], bottom - row), min(part.shape[2], self.width - left)
        if rows > 0 and columns > 0 and plane < self.separate:
            whole[plane, row - top : row - top + rows, left : left + columns] = part[0, :rows, :columns]
        return whole

    def _place(self, number: int, least: int) -> tuple[int, int]:
        offset, size = self.places[number]
        if not size or offset <= 0:
            raise Damaged("damaged TIFF: not all of its strips are there", salvageable=True)
        if offset + max(size, least) > self.size:
            raise Damaged("truncated TIFF: the end of the picture is missing", salvageable=True)
        return int(offset), int(size)

    def _bytes(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):  # threads share the file without sharing a position in it
            return os.pread(self.file.fileno(), size, offset)
        with open(self.file.name, "rb") as file:
            file.seek(offset)
            return file.read(size)
