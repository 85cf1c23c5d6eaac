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
from colorize_cli.photos import exif, jp2_file, jpeg_file, mpf, multi_jpeg, png_file, png_text
from colorize_cli.photos.bmp_header import read_header, with_file_header
from colorize_cli.photos.camera_raw import holds_sensor_data, library, size_of
from colorize_cli.photos.decode_others import PILLOW, exif_of
from colorize_cli.photos.decode_ppm import header as ppm_header
from colorize_cli.photos.heif import declared
from colorize_cli.photos.ifd import Data, FileData, TagError
from colorize_cli.photos.photo import PhotoFormat, ProbeResult
from colorize_cli.photos.raw import Damaged
from colorize_cli.photos.sniff import sniff, why_none
from colorize_cli.photos.tiff_pictures import pictures

_HEAD = 1 << 18
_WHOLE = frozenset(
    {PhotoFormat.avif, PhotoFormat.heic, PhotoFormat.webp, PhotoFormat.raw}
)  # their readers want the whole file


def probe(path: Path) -> ProbeResult:
    """Read what the header declares.

    Raises:
        DecodeError: it is no plain file, or no picture.
    """
    format = PhotoFormat.tiff
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise DecodeError("it is no plain file", path=path)
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(number, "rb") as file:
            head = file.read(_HEAD)
            known = sniff(head[:64])
            if known is None:
                raise DecodeError(why_none(head[:64]), path=path)
            format = known
            if format is PhotoFormat.tiff:
                return _probe_tiff(path, FileData(file))
            more = format is PhotoFormat.jpeg and (not _has_frame(head) or len(mpf.entries(head)) > 1)
            if format in _WHOLE or more:
                head += file.read()
        return _probe(path, head, format)
    except DecodeError:
        raise
    except Damaged as error:
        raise DecodeError(error.reason, path=path, hint=error.advice()) from None
    except FileNotFoundError:
        raise DecodeError("the file is gone", path=path) from None
    except MemoryError:
        raise DecodeError("not enough memory to read it", path=path) from None
    except OSError as error:
        reason = f"it cannot be read: {error.strerror}" if error.strerror else _damaged(format, error)
        raise DecodeError(reason, path=path) from None
    except Exception as error:  # every library has its own errors, all of which mean the same here
        raise DecodeError(_damaged(format, error), path=path) from None


def _damaged(format: PhotoFormat, error: Exception) -> str:
    return f"damaged {format.upper()}: {' '.join(str(error).split())[:120]}"


def _has_frame(head: bytes) -> bool:
    try:
        jpeg_file.parse(head, headers_only=True)
    except (jpeg_file.JpegError, struct.error):
        return False
    return True


def _probe(path: Path, head: bytes, format: PhotoFormat) -> ProbeResult:
    if format is PhotoFormat.jpeg:
        parsed = jpeg_file.parse(head, headers_only=True)
        blocks = jpeg_file.exif_blocks(parsed)
        size = (parsed.frame.width, parsed.frame.height)
        packets = parsed.payloads(jpeg_file.APP1, jpeg_file.XMP)
        turned = exif.orientation(blocks[0] if blocks else None, packets[0] if packets else None) >= 5
        size = size[::-1] if turned else size
        pages = multi_jpeg.photos_in(head)
        return ProbeResult(
            path, format, size, pages, parsed.frame.precision, len(parsed.frame.components), pages * size[0] * size[1]
        )
    if format is PhotoFormat.png:
        png = png_file.parse(head, headers_only=True)
        size, found = (png.width, png.height), png_text.around(png.chunks)
        size = size[::-1] if exif.orientation(found.exif, found.xmp) >= 5 else size
        return ProbeResult(path, format, size, 1, png.depth, png.channels, png.width * png.height)
    if format is PhotoFormat.ppm:
        _, width, height, top, _ = ppm_header(head)
        return ProbeResult(
            path, format, (width, height), 1, top.bit_length(), 3 if head[1:2] in b"36" else 1, width * height
        )
    if format is PhotoFormat.jp2 and (jp2 := jp2_file.size_of(head)):
        block, packet = jp2_file.exif_of(head), jp2_file.uuid_of(head, jp2_file.XMP_UUID)
        size = (jp2.width, jp2.height)
        size = size[::-1] if exif.orientation(block, packet) >= 5 else size
        return ProbeResult(path, format, size, 1, jp2.depth, jp2.components, jp2.width * jp2.height)
    if format is PhotoFormat.bmp:
        bmp = read_header(with_file_header(head))
        channels = 3 + bmp.has_alpha if bmp.bits > 8 else 1
        return ProbeResult(path, format, (bmp.width, bmp.height), 1, bmp.depth, channels, bmp.width * bmp.height)
    if format is PhotoFormat.raw:
        size = size_of(head)
        return ProbeResult(path, format, size, 1, 16, 3, size[0] * size[1])
    if format is PhotoFormat.heic:
        size, depth, channels = declared(head)
        return ProbeResult(path, format, size, 1, depth, channels, size[0] * size[1])
    with Image.open(io.BytesIO(head), formats=[PILLOW[format]]) as image:
        depth = 16 if image.mode.startswith("I") else 1 if image.mode == "1" else 8
        size = image.size
        if exif.orientation(exif_of(image.info), image.info.get("xmp")) >= 5:
            size = size[::-1]
        return ProbeResult(path, format, size, 1, depth, len(image.getbands()), size[0] * size[1])


def _probe_tiff(path: Path, data: Data) -> ProbeResult:
    found = pictures(data)[0]
    pages = [picture.ifd for picture in found]
    if not pages:
        raise TagError("no page")
    if holds_sensor_data(found):
        library()  # before the whole file is read for it
        return _probe(path, data[0 : len(data)], PhotoFormat.raw)
    sizes, depths = [], []
    for ifd in pages:
        size, packet = (ifd.integer(256), ifd.integer(257)), ifd.find(700)
        sizes.append(size[::-1] if exif.orientation_of(ifd, packet.value if packet else None) >= 5 else size)
        depths.append(max((int(bits) for bits in ifd.numbers(258)), default=1))
    if not all(width > 0 and height > 0 for width, height in sizes):
        raise TagError("a page of no size")
    return ProbeResult(
        path,
        PhotoFormat.tiff,
        max(sizes, key=lambda size: size[0] * size[1]),
        len(pages),
        max(depths),
        max(pages[0].integer(277, 1), 1),
        sum(width * height for width, height in sizes),
    )
