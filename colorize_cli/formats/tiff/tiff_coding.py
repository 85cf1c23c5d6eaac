"""Code a picture as the strips or tiles of a TIFF, as its source was coded where that can hold color.

In:  (H, W, samples), uint8 or uint16; the source's directory and how its JPEG streams were compressed
Out: the tags of the layout; coded strips or tiles, one at a time
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import imagecodecs
import numpy as np

from colorize_cli.formats.jpeg.encode_jpeg import code_pixels
from colorize_cli.formats.jpeg.jpeg_file import assemble
from colorize_cli.formats.photo import AnyPixels, JpegTraits
from colorize_cli.formats.tiff.tiff_tags import short
from colorize_cli.metadata.ifd import Ifd, Tag

NONE, LZW, JPEG, DEFLATE, PACKBITS, LZMA, ZSTD = 1, 5, 7, 8, 32773, 34925, 50000
_AS_THEY_WERE = frozenset({NONE, LZW, PACKBITS, LZMA, ZSTD})
_JPEG_KINDS = frozenset({6, 7, 99, 33007})
_PREDICTED = frozenset({LZW, DEFLATE, LZMA, ZSTD})
_NOT_WRITTEN = {
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    34934: "JPEG XR",
    22610: "JPEG XR",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_STRIP = 1 << 20
_LEVEL = 1  # of libdeflate: smaller than zlib's 4 in a third of the time, measured on photos with grain
_LARGEST_JPEG = 65500
_LARGEST_TILE = 1 << 26  # pixels


@dataclass(frozen=True)
class Coding:
    """How one picture is coded.

    Attributes:
        compression: TIFF's number.
        tile: width and height of tiles; None: strips.
        jpeg: how the source's JPEG streams were compressed.
    """

    compression: int = DEFLATE
    tile: tuple[int, int] | None = None
    jpeg: JpegTraits | None = None


def coding_like(source: Ifd | None, compression: int, jpeg: JpegTraits | None, planes: AnyPixels) -> Coding:
    """The coding nearest the source's that holds these planes.

    Args:
        source: its directory; None where it was no TIFF.
        compression: its compression.
        jpeg: how its JPEG streams were compressed.
        planes: what is to be coded, (H, W, samples).
    """
    tile = None
    if source is not None:
        wide, high = source.integer(322), source.integer(323)
        if wide > 0 and high > 0 and wide % 16 == high % 16 == 0 and wide * high <= _LARGEST_TILE:
            tile = (wide, high)
    if compression in _JPEG_KINDS:
        longest = tile[0] if tile else planes.shape[1]
        fits = planes.shape[2] == 3 and planes.dtype == np.uint8 and longest <= _LARGEST_JPEG
        return Coding(JPEG if fits else DEFLATE, tile, jpeg)
    return Coding(compression if compression in _AS_THEY_WERE else DEFLATE, tile)


def coding_note(source: int, coding: Coding) -> str | None:
    """What is said of a compression that is read here but not written."""
    if coding.compression == source or source not in _NOT_WRITTEN:
        return None
    return f"its {_NOT_WRITTEN[source]} compression inside became deflate, which loses nothing"


def layout_tags(planes: AnyPixels, kinds: list[int], coding: Coding, order: str) -> list[Tag]:
    """The tags that say how a colored picture is coded, but for the places of its parts.

    Args:
        planes: (H, W, samples), red, green and blue first.
        kinds: what the samples beyond these are, for ExtraSamples.
        coding: how.
        order: the file's byte order.
    """
    height, width, samples = planes.shape
    is_jpeg = coding.compression == JPEG
    tags = [short(order, 256, width, long=True), short(order, 257, height, long=True)]
    tags += [short(order, 258, *([8 * planes.itemsize] * samples)), short(order, 259, coding.compression)]
    tags += [short(order, 262, 6 if is_jpeg else 2), short(order, 277, samples), short(order, 284, 1)]
    if coding.tile:
        tags += [short(order, 322, coding.tile[0], long=True), short(order, 323, coding.tile[1], long=True)]
    else:
        tags.append(short(order, 278, unit_rows(planes, coding), long=True))
    if coding.compression in _PREDICTED:
        tags.append(short(order, 317, 2))
    if kinds:
        tags.append(short(order, 338, *kinds))
    if is_jpeg:
        tags.append(short(order, 530, *sampling(coding.jpeg)))
    return tags


def segments(planes: AnyPixels, coding: Coding, order: str, quality: int | None = None) -> Iterator[bytes]:
    """The coded strips from top to bottom, or tiles row by row.

    Args:
        planes: (H, W, samples).
        coding: how.
        order: the file's byte order.
        quality: of JPEG, 1 to 100; None: the source's.
    """
    unit = unit_rows(planes, coding)
    for top in range(0, len(planes), unit):
        yield from coded_rows(planes[top : top + unit], coding, order, quality)


def coded_rows(rows: AnyPixels, coding: Coding, order: str, quality: int | None = None) -> Iterator[bytes]:
    """One strip, or one row of tiles: (n, W, samples), with n at most `unit_rows`."""
    return (code(part, coding, order, quality) for part in cut(rows, coding))


def cut(rows: AnyPixels, coding: Coding) -> Iterator[AnyPixels]:
    """A strip as it is; or the tiles of a row of tiles, those at the edge filled up."""
    if coding.tile is None:
        yield rows
        return
    wide, high = coding.tile
    for left in range(0, rows.shape[1], wide):
        part = rows[:, left : left + wide]
        missing = (high - part.shape[0], wide - part.shape[1])
        if any(missing):  # the edge goes on: a black rim would ring in JPEG
            part = np.pad(part, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        yield part


def code(rows: AnyPixels, coding: Coding, order: str, quality: int | None = None) -> bytes:
    """One coded strip or tile of (H, W, samples)."""
    compression, rows = coding.compression, np.ascontiguousarray(rows)
    if compression == JPEG:
        return assemble(code_pixels(rows, coding.jpeg, quality), ())
    raw = raw_of(rows, coding, order)
    if compression == LZW:
        return bytes(imagecodecs.lzw_encode(raw))
    if compression == DEFLATE:
        return bytes(imagecodecs.deflate_encode(raw, level=_LEVEL))
    if compression == LZMA:
        return bytes(imagecodecs.lzma_encode(raw))
    if compression == ZSTD:
        return bytes(imagecodecs.zstd_encode(raw))
    if compression == PACKBITS:
        step = rows.shape[1] * rows.shape[2] * rows.itemsize  # a run must not cross rows
        return b"".join(bytes(imagecodecs.packbits_encode(raw[i : i + step])) for i in range(0, len(raw), step))
    return raw


def raw_of(rows: AnyPixels, coding: Coding, order: str) -> bytes:
    """What of a strip or tile is compressed: its samples in the file's byte order, or their differences."""
    rows = np.ascontiguousarray(rows)
    if coding.compression in _PREDICTED:
        differences = rows.copy()
        differences[:, 1:] -= rows[:, :-1]  # predictor 2: differences along the row, wrapping round
        rows = differences
    return rows.astype(rows.dtype.newbyteorder(">" if order == ">" else "<"), copy=False).tobytes()


def most_bytes(planes: AnyPixels, coding: Coding) -> int:
    """More than the coded picture can take, so that classic TIFF or BigTIFF is chosen before it is coded."""
    height, width, samples = map(int, planes.shape)
    if coding.tile:
        width, height = (-(-side // edge) * edge for side, edge in zip((width, height), coding.tile, strict=True))
    raw = width * height * samples * planes.itemsize
    return raw + raw // (2 if coding.compression in (LZW, PACKBITS) else 32) + 4096


def unit_rows(planes: AnyPixels, coding: Coding) -> int:
    """Rows of a tile, or of a strip: about a megabyte, and for JPEG whole blocks of 16."""
    _, width, samples = map(int, planes.shape)
    if coding.tile is not None:
        return coding.tile[1]
    rows = _STRIP // max(width * samples * planes.itemsize, 1)
    return max(rows // 16 * 16, 16) if coding.compression == JPEG else max(rows, 1)


def sampling(jpeg: JpegTraits | None) -> tuple[int, int]:
    """How often chroma is taken across and down."""
    name = jpeg.sampling if jpeg else None
    return {"444": (1, 1), "422": (2, 1), "440": (1, 2), "411": (4, 1)}.get(name or "420", (2, 2))
