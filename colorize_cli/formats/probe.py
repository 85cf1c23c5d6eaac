"""Say what a file is from its header alone, for dry runs, batching and the prediction of memory.

In:  a path
Out: a `ProbeResult`; no pixel is decoded
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from colorize_cli.errors import DecodeError, in_words
from colorize_cli.files.machine import half_of_memory
from colorize_cli.files.plain import kind_of
from colorize_cli.formats import exif, webp_file
from colorize_cli.formats.camera_raw import holds_sensor_data, library
from colorize_cli.formats.declared import declared
from colorize_cli.formats.heif import heif, heif_boxes
from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.formats.jpeg import jpeg_file, mpf, multi_jpeg
from colorize_cli.formats.jxl.jxl import left_to_undo
from colorize_cli.formats.photo import PhotoFormat, ProbeResult
from colorize_cli.formats.png import png_file, png_text
from colorize_cli.formats.raw import Damaged
from colorize_cli.formats.sniff import sniff, why_none
from colorize_cli.formats.tiff.tiff_cost import cost
from colorize_cli.formats.tiff.tiff_pictures import pictures
from colorize_cli.metadata.ifd import Data, FileData, TagError

_HEAD = 1 << 18
_BOXES = frozenset(
    {
        PhotoFormat.avif,
        PhotoFormat.heic,
        PhotoFormat.jp2,
        PhotoFormat.jxl,
        PhotoFormat.psd,
        PhotoFormat.raw,
        PhotoFormat.webp,
    }
)  # whose header may stand anywhere


def probe(path: Path) -> ProbeResult:
    """Read what the header declares.

    Raises:
        DecodeError: it is no plain file, or no picture.
    """
    format = PhotoFormat.tiff
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise DecodeError(f"it is {kind_of(mode)}, not a file", path=path)
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(number, "rb") as file:
            head = file.read(_HEAD)
            known = sniff(head[:64])
            if known is None:
                raise DecodeError(why_none(head[:64]), path=path)
            format = known
            size = os.fstat(number).st_size
            if format is PhotoFormat.tiff:
                return _probe_tiff(path, FileData(file))
            if format in _BOXES:
                return _probe(path, FileData(file), format, size)
            room = len(head) < size <= half_of_memory()
            if room and format is PhotoFormat.jpeg and len(mpf.entries(head)) > 1:
                head += file.read()  # where its other pictures are
            try:
                return _probe(path, head, format, size)
            except Damaged:
                if not room:
                    raise
                file.seek(0)
                return _probe(path, file.read(), format, size)  # much stands before its header
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
    return f"damaged {format.upper()}: {in_words(error)}"


def _probe(path: Path, head: Data, format: PhotoFormat, file_size: int) -> ProbeResult:
    found = declared(head, format)
    assert found is not None  # it is no TIFF
    size = (found.width, found.height)
    if _orientation(head, format) >= 5:
        size = size[::-1]
    pages = 1
    if format in (PhotoFormat.jpeg, PhotoFormat.heic):
        pages = (multi_jpeg if format is PhotoFormat.jpeg else heif).photos_in(head[:])
    return ProbeResult(
        path, format, size, pages, found.depth, found.channels, pages * found.pixels, pages * found.peak(file_size)
    )


def _orientation(head: Data, format: PhotoFormat) -> int:
    """What EXIF says, or XMP where there is none, in the formats whose readers do not turn the picture themselves."""
    if format is PhotoFormat.jpeg:
        parsed = jpeg_file.parse(head[:], headers_only=True)
        blocks, packets = jpeg_file.exif_blocks(parsed), parsed.payloads(jpeg_file.APP1, jpeg_file.XMP)
        return exif.orientation(blocks[0] if blocks else None, packets[0] if packets else None)
    if format is PhotoFormat.png:
        found = png_text.around(png_file.parse(head[:], headers_only=True).chunks)
        return exif.orientation(found.exif, found.xmp)
    if format is PhotoFormat.jp2:
        return exif.orientation(jp2_file.exif_of(head), jp2_file.uuid_of(head, jp2_file.XMP_UUID))
    if format is PhotoFormat.webp:
        around = {kind: part for kind, part in webp_file.chunks(head) if kind in (b"EXIF", b"XMP ")}
        return exif.orientation(around.get(b"EXIF", b"").removeprefix(b"Exif\0\0") or None, around.get(b"XMP "))
    if format is PhotoFormat.jxl:
        return left_to_undo(head[:])
    if format is PhotoFormat.avif:
        own = heif_boxes.around(head[:])
        return own.orientation if own.orientation != 1 else exif.orientation(own.exif, own.xmp)
    return 1


def _probe_tiff(path: Path, data: Data) -> ProbeResult:
    found = pictures(data)[0]
    pages = [picture.ifd for picture in found]
    if not pages:
        raise TagError("no page")
    if holds_sensor_data(found):
        library()  # before the whole file is read for it
        return _probe(path, data, PhotoFormat.raw, len(data))
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
        len(data) + cost(pages),
    )
