"""Say what a file is from its header alone, for dry runs, batching and the prediction of memory.

In:  a path
Out: a `ProbeResult`; no pixel is decoded
"""

from __future__ import annotations

import io
import os
import stat
import struct
from pathlib import Path

from PIL import Image

from colorize_cli.errors import DecodeError
from colorize_cli.photos import exif, jpeg_file, png_file
from colorize_cli.photos.decode_others import PILLOW
from colorize_cli.photos.ifd import TagError, walk
from colorize_cli.photos.photo import PhotoFormat, ProbeResult
from colorize_cli.photos.sniff import sniff, why_none

_HEAD = 1 << 18


def probe(path: Path) -> ProbeResult:
    """Read what the header declares.

    Raises:
        DecodeError: it is no plain file, or no picture.
    """
    try:
        info = os.stat(path)
        if not stat.S_ISREG(info.st_mode):
            raise DecodeError(f"{path}: not a file", path=path)
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(number, "rb") as file:
            head = file.read(_HEAD)
            format = sniff(head[:64])
            if format is None:
                raise DecodeError(f"{path}: {why_none(head[:64])}", path=path)
            if format is PhotoFormat.tiff or format is PhotoFormat.jpeg and not _has_frame(head):
                head += file.read()
    except FileNotFoundError:
        raise DecodeError(f"{path}: the file is gone", path=path) from None
    except OSError as error:
        raise DecodeError(f"{path}: {error.strerror or error}", path=path) from None
    except ValueError as error:
        raise DecodeError(f"{path}: {error}", path=path) from None
    try:
        return _probe(path, head, format)
    except (ValueError, OSError, SyntaxError, struct.error, IndexError, KeyError, TypeError, EOFError) as error:
        raise DecodeError(
            f"{path}: damaged {format.upper()}: {' '.join(str(error).split())[:120]}", path=path
        ) from None


def _has_frame(head: bytes) -> bool:
    try:
        jpeg_file.parse(head, headers_only=True)
    except (jpeg_file.JpegError, struct.error):
        return False
    return True


def _probe(path: Path, head: bytes, format: PhotoFormat) -> ProbeResult:
    if format is PhotoFormat.jpeg:
        parsed = jpeg_file.parse(head, headers_only=True)
        blocks = parsed.payloads(jpeg_file.APP1, jpeg_file.EXIF)
        size = (parsed.frame.width, parsed.frame.height)
        size = size[::-1] if blocks and exif.orientation(blocks[0]) >= 5 else size
        return ProbeResult(
            path, format, size, 1, parsed.frame.precision, len(parsed.frame.components), size[0] * size[1]
        )
    if format is PhotoFormat.png:
        png = png_file.parse(head, headers_only=True)
        size = (png.width, png.height)
        size = size[::-1] if exif.orientation(png.find(b"eXIf")) >= 5 else size
        return ProbeResult(path, format, size, 1, png.depth, png.channels, png.width * png.height)
    if format is PhotoFormat.tiff:
        return _probe_tiff(path, head)
    with Image.open(io.BytesIO(head), formats=[PILLOW[format]]) as image:
        depth = 16 if image.mode.startswith("I") else 1 if image.mode == "1" else 8
        return ProbeResult(path, format, image.size, 1, depth, len(image.getbands()), image.size[0] * image.size[1])


def _probe_tiff(path: Path, data: bytes) -> ProbeResult:
    pages = list(walk(data))
    if not pages:
        raise TagError("no page")
    sizes, depths = [], []
    for ifd in pages:
        size = (ifd.integer(256), ifd.integer(257))
        sizes.append(size[::-1] if exif.orientation_of(ifd) >= 5 else size)
        depths.append(max((int(bits) for bits in ifd.numbers(258)), default=1))
    return ProbeResult(
        path,
        PhotoFormat.tiff,
        max(sizes, key=lambda size: size[0] * size[1]),
        len(pages),
        max(depths),
        max(pages[0].integer(277, 1), 1),
        sum(width * height for width, height in sizes),
    )
