"""What a file's header declares, and how much memory decoding it would take: known before anything is allocated.

In:  the file's bytes, or those at its begin
Out: `Declared`; no decoder is made, for some take memory when they are

The bytes a pixel were measured on each kind of file, and rounded up; a test holds them against what decoding takes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from colorize_cli.formats import camera_raw, webp_file
from colorize_cli.formats.bmp import bmp_header
from colorize_cli.formats.decode_ppm import header as ppm_header
from colorize_cli.formats.gif import gif_file
from colorize_cli.formats.heif import heif, heif_sizes
from colorize_cli.formats.jp2 import jp2_cost, jp2_file
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.jxl import jxl_file, jxl_header
from colorize_cli.formats.limits import check_need, check_size
from colorize_cli.formats.photo import DecodeLimits, PhotoFormat
from colorize_cli.formats.png import png_file
from colorize_cli.formats.psd import psd_header
from colorize_cli.formats.raw import Damaged
from colorize_cli.metadata.ifd import Data

_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_CMYK, _DEEP_JPEG, _PROGRESSIVE_RESULT = 24, 13, 15


@dataclass(frozen=True)
class Declared:
    """A file before it is decoded.

    Attributes:
        width, height: of its picture, or its largest one, as stored; not yet upright.
        depth: bits per sample.
        channels: samples per pixel as stored.
        need: bytes that decoding its pixels takes at its peak, beside the file's own bytes.
        copies: how often the file's bytes are in memory at that time.
    """

    width: int
    height: int
    depth: int
    channels: int
    need: int
    copies: int = 2

    @property
    def pixels(self) -> int:
        """Pixels of the picture."""
        return self.width * self.height

    def peak(self, file_size: int) -> int:
        """Bytes that decoding a file of that size takes."""
        return self.need + self.copies * file_size


def declared(data: Data, format: PhotoFormat) -> Declared | None:
    """Read a header.

    Args:
        data: the file, or as much of it as holds the header.
        format: what it is; of a TIFF nothing is said here, since each of its pages has a header: see `tiff_cost`.

    Raises:
        Damaged: it has none that can be read.
    """
    try:
        if format in _BY_BOXES:
            return _BY_BOXES[format](data)
        return _BY_HEAD[format](data[:]) if format in _BY_HEAD else None
    except (
        jpeg_file.JpegError,
        png_file.PngError,
        jxl_file.JxlError,
        gif_file.GifError,
        heif_sizes.BoxError,
        struct.error,
    ) as error:
        raise Damaged(f"damaged {format.upper()}: {error}") from None


def check(data: bytes, format: PhotoFormat, limits: DecodeLimits) -> None:
    """Refuse what a file declares, where that is more than the limits allow.

    Raises:
        Damaged: it has no header that can be read.
        TooManyPixels: it declares more.
    """
    found = declared(data, format)
    if found is not None:
        check_size(found.width, found.height, 0, limits)
        check_need(found.width, found.height, found.peak(len(data)), limits)


def check_all(pictures: Sequence[bytes], format: PhotoFormat, limits: DecodeLimits) -> None:
    """Refuse several pictures that are kept together, where they need more than the limits allow.

    Raises:
        Damaged: one of them has no header that can be read.
        TooManyPixels: they declare more.
    """
    need, largest = 0, (0, 0)
    for data in pictures:
        check(data, format, limits)
        found = declared(data, format)
        if found is not None:
            need += found.peak(len(data))
            largest = max(largest, (found.width, found.height), key=lambda size: size[0] * size[1])
    check_need(*largest, need, limits)


def _jpeg(data: bytes) -> Declared:
    frame = jpeg_file.parse(data, headers_only=True).frame
    count = len(frame.components)
    each = _CMYK if count == 4 else _DEEP_JPEG * count if frame.precision > 8 else count
    if frame.marker in _PROGRESSIVE:  # its coefficients are kept until the last scan, and the result's, too
        each += 2 * count + _PROGRESSIVE_RESULT
    return _of((frame.width, frame.height), frame.precision, count, each, copies=4)


def _png(data: bytes) -> Declared:
    png = png_file.parse(data, headers_only=True)
    sample, clear = 2 if png.depth == 16 else 1, png.find(b"tRNS") is not None
    if png.color == 3:
        each = 9 if clear else 5
    else:
        each = sample * png.channels * (2 if png.color in (4, 6) else 1) + 1 + (14 if clear else 0)
    return _of((png.width, png.height), png.depth, png.channels, each, copies=4)


def _gif(data: bytes) -> Declared:
    return _of(gif_file.parse(data, most=1).canvas, 8, 1, 16)


def _webp(data: bytes) -> Declared:
    width, height, alpha = webp_file.declared_size(data)
    return _of((width, height), 8, 4 if alpha else 3, 24)


def _bmp(data: bytes) -> Declared:
    data = bmp_header.with_file_header(data)
    header = bmp_header.read_header(data)
    if header.coding in ("jpeg", "png"):
        return (_jpeg if header.coding == "jpeg" else _png)(data[header.offset :])
    channels = 3 + header.has_alpha if header.bits > 8 else 1
    return _of((header.width, header.height), header.depth, channels, 40 if header.depth > 8 else 28)


def _jp2(data: Data) -> Declared:
    size = jp2_file.size_of(data)
    if size is None:
        raise Damaged("damaged JPEG 2000: it has no picture header")
    each = size.components * (12 if size.depth > 8 else 8)
    found = _of((size.width, size.height), size.depth, size.components, each)
    return Declared(
        found.width, found.height, found.depth, found.channels, found.need + jp2_cost.cost(data), found.copies
    )


def _heif(data: Data) -> Declared:
    found = heif_sizes.pictures(data)
    return _of(found.size, found.depth, 3, 60 if found.depth > 8 else 18)


def _jxl(data: Data) -> Declared:
    header = jxl_header.header_of(jxl_file.start_of(data))
    channels = (1 if header.grey else 3) + header.channels
    return _of(header.size, min(header.bits, 16), channels, 48 + 4 * header.channels)


def _psd(data: Data) -> Declared:
    psd = psd_header.header_of(data[:26])
    each = (psd.channels + 8) * max(psd.depth // 8, 1) * 2
    return _of((psd.width, psd.height), min(psd.depth, 16), min(psd.channels, 4), each)


def _raw(data: Data) -> Declared:
    return _of(camera_raw.size_of(data[:]), 16, 3, 36)


def _heic(data: Data) -> Declared:
    heif.require()
    return _heif(data)


def _ppm(data: bytes) -> Declared:
    kind, width, height, top, _ = ppm_header(data)
    channels = 3 if kind in (3, 6) else 1
    each = channels * (2 if top > 255 else 1) * 2 + (12 * channels if kind in (1, 2, 3) else 1)
    return _of((width, height), top.bit_length(), channels, each, copies=3)


def _of(size: tuple[int, int], depth: int, channels: int, each: int, copies: int = 2) -> Declared:
    if size[0] <= 0 or size[1] <= 0:
        raise Damaged(f"damaged picture: its header declares {size[0]:,} x {size[1]:,} pixels")
    return Declared(size[0], size[1], depth, channels, size[0] * size[1] * each, copies)


_BY_BOXES = {
    PhotoFormat.webp: lambda data: _webp(data[:64]),
    PhotoFormat.jp2: _jp2,
    PhotoFormat.avif: _heif,
    PhotoFormat.heic: _heic,
    PhotoFormat.jxl: _jxl,
    PhotoFormat.psd: _psd,
    PhotoFormat.raw: _raw,
}
_BY_HEAD = {
    PhotoFormat.jpeg: _jpeg,
    PhotoFormat.png: _png,
    PhotoFormat.gif: _gif,
    PhotoFormat.bmp: _bmp,
    PhotoFormat.ppm: _ppm,
}
