"""Decode WebP, BMP, JPEG 2000, AVIF, GIF, PPM and HEIC.

In:  the bytes of a file of one of these formats
Out: `RawPhoto`; the first picture where there are several
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import Image

from colorize_cli.photos import exif, jp2_file
from colorize_cli.photos.decode_jpeg import reason
from colorize_cli.photos.limits import check_size
from colorize_cli.photos.photo import AnyPixels, DecodeLimits, Metadata, PageMetadata, PhotoFormat, Resolution
from colorize_cli.photos.raw import Damaged, RawPage, RawPhoto

Image.MAX_IMAGE_PIXELS = None  # limits.py asks before anything is allocated, and says which option to raise

PILLOW = {
    PhotoFormat.webp: "WEBP",
    PhotoFormat.bmp: "BMP",
    PhotoFormat.jp2: "JPEG2000",
    PhotoFormat.avif: "AVIF",
    PhotoFormat.gif: "GIF",
    PhotoFormat.ppm: "PPM",
    PhotoFormat.heic: "HEIF",
}
_MANY = frozenset({PhotoFormat.webp, PhotoFormat.gif, PhotoFormat.avif})


def decode_other(data: bytes, format: PhotoFormat, limits: DecodeLimits) -> RawPhoto:
    """Decode a file by Pillow.

    Raises:
        Damaged: it cannot be read.
        TooManyPixels: its header declares more than the limits allow.
    """
    try:
        with Image.open(io.BytesIO(data), formats=[PILLOW[format]]) as image:
            check_size(*image.size, len(image.getbands()), limits)
            pages = getattr(image, "n_frames", 1)
            info = dict(image.info)
            image.load()
            pixels, alpha = _split(image)
    except (Damaged, MemoryError):
        raise
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        IndexError,
        TypeError,
        KeyError,
        struct.error,
        OverflowError,
    ) as error:
        raise Damaged(f"damaged {format.upper()}: {reason(error)}") from None
    notes = ("animated: only the first picture was taken",) if pages > 1 and format in _MANY else ()
    block = _exif(info)
    if format is PhotoFormat.jp2:
        info["xmp"], info["icc_profile"] = jp2_file.uuid_of(data, jp2_file.XMP_UUID), jp2_file.icc_of(data)
        block = jp2_file.uuid_of(data, jp2_file.EXIF_UUID)
    page = RawPage(
        pixels=pixels,
        space="grey" if pixels.ndim == 2 else "rgb",
        alpha=alpha,
        icc=info.get("icc_profile") or None,
        orientation=exif.orientation(block),
        metadata=PageMetadata(
            resolution=jp2_file.resolution_of(data) if format is PhotoFormat.jp2 else _resolution(info, block),
            depth=8 * pixels.itemsize,
        ),
    )
    comment = info.get("comment")
    metadata = Metadata(
        exif=block,
        xmp=info.get("xmp") or None,
        comments=(comment,) if isinstance(comment, bytes) and format is PhotoFormat.gif else (),
    )
    return RawPhoto((page,), metadata, notes)


def _split(image: Image.Image) -> tuple[AnyPixels, AnyPixels | None]:
    if image.mode.startswith("I;16") or image.mode == "I":
        array = np.asarray(image)
        return np.ascontiguousarray(np.clip(array, 0, 65535).astype(np.uint16)), None
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode in ("P", "PA") or image.mode not in ("L", "LA", "RGB", "RGBA"):
        transparent = "transparency" in image.info or image.mode in ("PA", "RGBa", "La")
        image = image.convert("RGBA" if transparent else "RGB")
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] in (2, 4):
        colour = array[..., 0] if array.shape[2] == 2 else array[..., :3]
        return np.ascontiguousarray(colour), np.ascontiguousarray(array[..., -1])
    return np.ascontiguousarray(array), None


def _exif(info: dict[Any, Any]) -> bytes | None:
    block = info.get("exif")
    return block.removeprefix(b"Exif\0\0") if isinstance(block, bytes) and block else None


def _resolution(info: dict[Any, Any], block: bytes | None) -> Resolution | None:
    dpi = info.get("dpi")
    if isinstance(dpi, tuple) and len(dpi) == 2 and dpi[0] > 0 and dpi[1] > 0:
        return Resolution(float(dpi[0]), float(dpi[1]), "inch")
    return exif.resolution(block)
