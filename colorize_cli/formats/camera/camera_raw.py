"""Camera raw files: told from photos whatever their names say, and developed where rawpy is installed.

In:  a TIFF's directories, or the file
Out: whether it is one; `DecodedPhoto`, 16 bits, upright, sRGB; or `Unsupported` with the way out

A raw file's TIFF directories begin with a thumbnail that must not pass for the photo.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto, Unsupported
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.limits import check_size
from colorize_cli.formats.photo import DecodeLimits, Metadata, PageMetadata, PhotoFormat
from colorize_cli.formats.tiff.tiff_pictures import Picture
from colorize_cli.metadata import exif
from colorize_cli.metadata.ifd import Ifd
from colorize_cli.metadata.ifd_write import exif_block

_SENSOR = frozenset({32803, 34892})  # photometric interpretations: color filter array, linear raw
# Compressions of Nikon, Sony, Samsung, Epson, Kodak, Panasonic and Pentax.
_SENSOR_CODED = frozenset({262, 32767, 32769, 32770, 32772, 32867, 34316, 34713, 65000, 65535})
_ABOUT = frozenset({270, 271, 272, 305, 306, 315, 33432, 34665, 34853})


class CameraRaw(Unsupported):
    """It is a camera's raw file, and rawpy is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "camera raw: convert it first", hint="Or install rawpy, and it is read at full size: pip install rawpy"
        )


def holds_sensor_data(pictures: Iterable[Picture]) -> bool:
    """Whether one of a TIFF's directories holds what a sensor saw, not yet a picture."""
    return any(
        ifd.integer(262, 1) in _SENSOR or ifd.integer(259, 1) in _SENSOR_CODED
        for picture in pictures
        for ifd in _directories(picture)
    )


def _directories(picture: Picture) -> Iterator[Ifd]:
    yield from (picture.ifd, *picture.before, *picture.after)
    for chain in picture.inside:
        yield from chain


def library() -> ModuleType:
    """The reader of raw files.

    Raises:
        CameraRaw: it is not installed.
    """
    try:
        return import_module("rawpy")
    except ImportError:
        raise CameraRaw from None


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height of the developed picture, upright.

    Raises:
        Unsupported: it cannot be read.
    """
    rawpy = library()
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            width, height = raw.sizes.iwidth, raw.sizes.iheight
            return (height, width) if raw.sizes.flip in (5, 6) else (width, height)
    except (rawpy.LibRawError, ValueError, OSError) as error:
        raise _refused(error) from None


def decode_raw(data: bytes, limits: DecodeLimits, first: Ifd | None = None) -> DecodedPhoto:
    """Develop a raw file: the camera's white balance, no brightening, sRGB.

    Args:
        data: the file.
        limits: what it may declare.
        first: its first directory, where it is built as a TIFF: date, camera and place are there.

    Raises:
        Unsupported: it cannot be read.
        TooManyPixels: it declares more pixels than the limits allow.
    """
    rawpy = library()
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            check_size(raw.sizes.iwidth, raw.sizes.iheight, 6, limits)
            pixels = raw.postprocess(
                use_camera_wb=True, no_auto_bright=True, output_bps=16, gamma=(2.4, 12.92), output_color=_srgb(rawpy)
            )
            block = _exif_of_preview(rawpy, raw)
    except (rawpy.LibRawError, ValueError, OSError) as error:
        raise _refused(error) from None
    if block is None and first is not None:
        block = exif_block(first.order, [tag for tag in first.tags if tag.code in _ABOUT])
    page = DecodedPage(
        pixels=np.ascontiguousarray(pixels),
        space="rgb",
        metadata=PageMetadata(resolution=exif.resolution(block), depth=16),
    )
    return DecodedPhoto(
        (page,), Metadata(exif=block), ("developed from a camera's raw file, with its white balance",), PhotoFormat.raw
    )


def _srgb(rawpy: ModuleType) -> Any:
    return rawpy.ColorSpace.sRGB


def _exif_of_preview(rawpy: ModuleType, raw: Any) -> bytes | None:
    """The EXIF block of the embedded JPEG, which most cameras write in full."""
    try:
        found = raw.extract_thumb()
        if found.format != rawpy.ThumbFormat.JPEG:
            return None
        blocks = jpeg_file.parse(bytes(found.data), headers_only=True).payloads(jpeg_file.APP1, jpeg_file.EXIF)
        return blocks[0] if blocks else None
    except (rawpy.LibRawError, jpeg_file.JpegError, struct.error):
        return None


def _refused(error: Exception) -> Damaged:
    if type(error).__name__ in ("LibRawIOError", "LibRawDataError", "LibRawUnpackError"):
        return Damaged("damaged camera raw: its end is missing, or part of it is damaged")
    said = error.args[0] if error.args else ""
    said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return Unsupported(f"camera raw: rawpy cannot read it ({said[:60]}); convert it first")
