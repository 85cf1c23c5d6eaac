"""Read a baseline JPEG or a PNG a few rows at a time, by libvips.

In:  a path
Out: the photo with a single pixel, its true size, and what reads its rows; libvips keeps a few rows, not the picture
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from colorize_cli.formats.jpeg import decode_jpeg, jpeg_file
from colorize_cli.formats.jpeg.jpeg_pixels import JpegDamage, check_strictly, decode_strictly
from colorize_cli.formats.limits import check_size
from colorize_cli.formats.photo import DecodeLimits
from colorize_cli.formats.png import decode_png, png_file
from colorize_cli.formats.raw import Damaged, RawPage, RawPhoto
from colorize_cli.notes import Loss, Note

_BLOCK = 1 << 19  # bytes of rows that are fetched at once; with 2 MB libvips takes twice the time
_HEAD = 1 << 20
_SMALL = 1 << 26  # pixels of a reduced copy that is decoded at once

Rows = Iterator[tuple[int, RawPage]]
Opened = tuple[RawPhoto, list[tuple[int, int]], list[Callable[[], Rows]], Callable[[int], Rows] | None]


def open_jpeg(path: Path, limits: DecodeLimits) -> Opened:
    """Open a JPEG of one or three components; its end and damage are looked for when its rows are read.

    Raises:
        Damaged: it is no JPEG that can be read so.
        TooManyPixels: its header declares more than the limits allow.
    """
    parsed = jpeg_head(path)
    frame, count = parsed.frame, len(parsed.frame.components)
    check_size(frame.width, frame.height, 0, limits)
    if frame.precision != 8 or count not in (1, 3) or not frame.width or not frame.height:
        raise Damaged("a JPEG that cannot be read in strips")
    channels = () if count == 1 else (3,)
    space = "grey" if count == 1 else "rgb"
    photo = decode_jpeg.photo_of(parsed, np.zeros((1, 1, *channels), np.uint8), space, [])

    read = JpegRows(path, parsed)
    # a mirrored one would lose an odd column on the other side; chroma is reduced by itself, and comes out different
    reduced = read if photo.pages[0].orientation == 1 and count == 1 else None
    return photo, [_stored(frame.height, frame.width, photo)], [read], reduced


class JpegRows:
    """The rows of a baseline JPEG, read as often as wanted; the first reading looks for damage.

    libvips does not say what libjpeg warns of at the end of a picture, so the code is read once more, fast.
    """

    def __init__(self, path: Path, parsed: jpeg_file.JpegFile) -> None:
        self.path, self.parsed = path, parsed
        self.count = len(parsed.frame.components)
        self._checked = False

    def __call__(self, factor: int = 1) -> Rows:
        """Rows from top to bottom; by a factor, of a smaller copy."""
        frame, channels = self.parsed.frame, () if self.count == 1 else (3,)
        shape = (frame.height // factor, frame.width // factor, *channels)
        if factor > 1 and self.count == 1 and shape[0] * shape[1] <= _SMALL:
            yield from self._blocks(self._decoded(factor)[: shape[0], : shape[1]])
            return
        for top, rows in _rows(self.path, "jpegload", shape, np.dtype(np.uint8), factor):
            yield top, self._page(rows)
        if not self._checked:
            try:
                with _held(self.path) as data:
                    check_strictly(data)
            except JpegDamage as error:
                raise Damaged(f"damaged JPEG: {error}", salvageable=True) from None
            self._checked = True

    def whole(self) -> Rows:
        """The rows of a picture that is meant to stay in memory: decoded at once, which is faster."""
        yield from self._blocks(self._decoded(1))

    def _decoded(self, factor: int) -> Any:
        try:
            with _held(self.path) as data:
                found = decode_strictly(data, self.count, factor)
        except ValueError as error:
            raise Damaged(f"damaged JPEG: {decode_jpeg.reason(error)}", salvageable=True) from None
        frame = self.parsed.frame
        if found.shape[:2] != (-(-frame.height // factor), -(-frame.width // factor)):
            raise Damaged("damaged: the picture is not of the size that its header declares")
        self._checked = True
        return found

    def _blocks(self, pixels: Any) -> Rows:
        step = max(16, _BLOCK // max(pixels[0].size, 1))
        for top in range(0, len(pixels), step):
            yield top, self._page(pixels[top : top + step])

    def _page(self, rows: Any) -> RawPage:
        space = "grey" if self.count == 1 else "rgb"
        return decode_jpeg.photo_of(self.parsed, rows, space, []).pages[0]


@contextmanager
def _held(path: Path) -> Iterator[mmap.mmap]:
    """A file in memory that is the system's again at once; not the file mapped, which may be cut short meanwhile."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise Damaged("truncated JPEG: it is empty")
        with mmap.mmap(-1, size) as data:
            if file.readinto(data) != size:
                raise Damaged("the file changed while it was read; try again")
            yield data


def open_png(path: Path, limits: DecodeLimits) -> Opened:
    """Open a PNG of 8 or 16 bits without a palette.

    Raises:
        Damaged: it is no PNG that can be read so.
        TooManyPixels: its header declares more than the limits allow.
    """
    parsed = png_head(path)
    check_size(parsed.width, parsed.height, 0, limits)
    if parsed.interlaced or parsed.color == 3 or parsed.depth not in (8, 16) or parsed.find(b"tRNS"):
        raise Damaged("a PNG that cannot be read in strips")
    dtype = np.dtype(np.uint16 if parsed.depth == 16 else np.uint8)
    notes: list[str] = [Note("animated: only the first picture was taken", Loss.frames)] if parsed.animated else []
    shape = (parsed.height, parsed.width) if parsed.channels == 1 else (parsed.height, parsed.width, parsed.channels)

    def page(rows: Any) -> RawPhoto:
        alpha = None
        if parsed.channels in (2, 4):
            alpha = np.ascontiguousarray(rows[..., -1])
            rows = np.ascontiguousarray(rows[..., 0] if parsed.channels == 2 else rows[..., :3])
        return decode_png.photo_of(parsed, rows, alpha, notes)

    def read() -> Rows:
        for top, rows in _rows(path, "pngload", shape, dtype):
            yield top, page(rows).pages[0]

    photo = page(np.zeros((1, 1, *shape[2:]), dtype))
    return photo, [_stored(parsed.height, parsed.width, photo)], [read], None


def jpeg_head(path: Path) -> jpeg_file.JpegFile:
    """All that stands before a JPEG's first scan.

    Raises:
        Damaged: it has no header that can be read.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = b""
        while True:
            head += file.read(max(_HEAD, len(head)))
            try:
                parsed = jpeg_file.parse(head, headers_only=True)
                if parsed.complete or len(head) >= size:  # "complete" means here: it came to the first scan
                    return parsed
            except (jpeg_file.JpegError, struct.error) as error:
                if len(head) >= size:
                    raise Damaged(f"damaged JPEG: {error}") from None


def png_head(path: Path) -> png_file.PngFile:
    """A PNG without its pixels: its header and all chunks, those after the pixels included.

    Raises:
        Damaged: its structure is damaged.
    """
    kept, at = [], 8
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        signature = file.read(8)
        while at + 12 <= size:
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind == b"IEND":
                break
            if at + 12 + length > size:
                raise Damaged("truncated PNG: its end is missing", salvageable=True)
            if kind not in (b"IDAT", b"fdAT"):
                file.seek(at)
                kept.append(file.read(12 + length))
            at += 12 + length
        else:
            raise Damaged("truncated PNG: its end is missing", salvageable=True)
    try:
        parsed = png_file.parse(signature + b"".join(kept) + png_file.chunk(b"IEND", b""))
    except png_file.PngError as error:
        raise Damaged(f"damaged PNG: {error}") from None
    if parsed.faults:
        raise Damaged("damaged PNG: wrong checksums", salvageable=True)
    return parsed


def _stored(height: int, width: int, photo: RawPhoto) -> tuple[int, int]:
    return (width, height) if photo.pages[0].orientation >= 5 else (height, width)


def _source(file: BinaryIO) -> Any:
    """A file for libvips to read. It would map a JPEG's, and the process would die if somebody cut that meanwhile."""
    import pyvips

    source = pyvips.SourceCustom()
    source.on_read(lambda count: b"" if file.closed else file.read(count))
    source.on_seek(lambda offset, whence: -1 if file.closed else file.seek(offset, whence))
    return source


def _rows(
    path: Path, loader: str, shape: tuple[int, ...], dtype: np.dtype[Any], factor: int = 1
) -> Iterator[tuple[int, Any]]:
    """Rows of a picture as stored, from top to bottom, (n, W) or (n, W, samples).

    By a factor they are those of a smaller copy, as the decoder of a JPEG makes it, without what it has beyond `shape`.
    """
    import pyvips  # its libraries take a while to load, and few files are large

    height, width = shape[:2]
    step = max(16, _BLOCK // max(width * (shape[2] if len(shape) > 2 else 1) * dtype.itemsize, 1))
    source = image = region = None
    file = open(path, "rb", buffering=1 << 18)  # noqa: SIM115 - closed below, once libvips has let go of it
    try:
        pyvips.cache_set_max(0)  # nothing is read twice in the same way
        options: dict[str, Any] = {"shrink": factor} if factor > 1 else {}
        options |= {"access": "sequential", "fail_on": "error", "unlimited": True}
        if loader == "jpegload":
            source = _source(file)
            image = pyvips.Image.jpegload_source(source, **options)
        else:
            image = pyvips.Image.pngload(str(path), **options)
        bands = shape[2] if len(shape) > 2 else 1
        beyond = (image.height - height, image.width - width)
        if image.bands != bands or not all(0 <= rest < min(factor, 2) for rest in beyond):
            raise Damaged("damaged: the picture is not of the size that its header declares")
        region = pyvips.Region.new(image)
        for top in range(0, height, step):
            count = min(step, height - top)
            rows = np.frombuffer(region.fetch(0, top, width, count), dtype)
            yield top, rows.reshape(count, *shape[1:])
    except pyvips.Error as error:
        format = "JPEG" if loader == "jpegload" else "PNG"
        lines = [line for line in str(error.detail or error).splitlines() if line.strip()]
        reason = decode_jpeg.reason(ValueError(lines[-1] if lines else "it cannot be decoded"))
        raise Damaged(f"damaged {format}: {reason}", salvageable=True) from None
    finally:
        region = image = None  # before the source: libvips asks that until it lets go
        source = None
        file.close()
