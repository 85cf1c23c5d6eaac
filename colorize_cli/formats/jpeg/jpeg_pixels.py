"""Decode the scans of a JPEG, and notice where their bits are damaged; nothing is decoded twice.

In:  the bytes of a JPEG
Out: samples, uint8, (H, W) or (H, W, components); or `JpegDamage` with what libjpeg-turbo has to say

JPEG has no checksums. A wrong bit shows where the code of a scan ends too early or too late, or has no meaning; one
that only changes a value does not show. Two things that libjpeg warns of say nothing about the picture, and pass:
application segments of an unknown version, and zeros that fill up the file before its end.
"""

from __future__ import annotations

import logging
from mmap import mmap
from typing import Any

import cv2
import imagecodecs
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.vips_rows import said_by
from colorize_cli.metadata.lossless_jpeg import is_lossless

logging.getLogger("pyvips").setLevel(logging.CRITICAL)  # what it would warn of is said here

_UNKNOWN_SAMPLING = "subsampling"  # what TurboJPEG says of sampling factors that have no name
_HARMLESS = "Invalid SOS parameters for sequential JPEG"  # old encoders; a sequential scan does not use them
_NOT_ITS_OWN = ("color conversion", "data precision")  # lossless ones that only other decoders read
_END = b"\xff\xd9"


class JpegDamage(ValueError):
    """The scans hold bits that no encoder writes; the message says which, without the word JPEG."""


def decode_strictly(data: bytes | mmap, components: int, factor: int = 1) -> NDArray[np.uint8]:
    """Decode 8-bit samples; three components come as RGB, four as they are stored, but YCCK as CMYK.

    Args:
        data: from its start of image to its end of image.
        components: 1, 3 or 4, as its frame declares.
        factor: 1, or 2, 4 or 8 for a smaller copy, as libjpeg makes it while it decodes.

    Returns:
        (H, W) for one component, else (H, W, components); sides divided by the factor are rounded up.

    Raises:
        JpegDamage: part of it is damaged.
        ValueError: it cannot be decoded at all.
    """
    try:
        return _turbo(data, components, factor)
    except ValueError as error:
        if _UNKNOWN_SAMPLING in str(error):
            return _by_vips(without_harmless(bytes(data), components), components, factor)
        said = str(error)
    if _HARMLESS in said:
        return _turbo(data, components, factor, strict=False)
    try:
        return _turbo(without_harmless(bytes(data), components), components, factor)
    except ValueError:
        raise JpegDamage(plain_words(said)) from None


def decode_leniently(data: bytes, components: int) -> NDArray[np.uint8]:
    """Decode what can be decoded, whatever libjpeg warns of.

    Raises:
        ValueError: it cannot be decoded at all.
    """
    try:
        return _turbo(data, components, strict=False)
    except ValueError:
        if components == 4:
            raise
        found: NDArray[np.uint8] = imagecodecs.jpeg8_decode(data)
        return found


def check_strictly(data: bytes | mmap) -> None:
    """Look for damage without keeping the picture: its code is read, an eighth of its size is made of it.

    Raises:
        JpegDamage: part of it is damaged.
    """
    wanted: dict[str, Any] = {"colorspace": "GRAY", "min_height": 1, "min_width": 1}
    passing = [_UNKNOWN_SAMPLING, _HARMLESS]
    if is_lossless(data):
        wanted = {"colorspace": "GRAY" if _header(data)[2] == "Gray" else "RGB"}
        passing += _NOT_ITS_OWN
    try:
        simplejpeg.decode_jpeg(data, **wanted)
    except ValueError as error:
        said = str(error)
        if any(words in said for words in passing):
            return
        try:
            simplejpeg.decode_jpeg(without_harmless(bytes(data), 3), **wanted)
        except ValueError:
            raise JpegDamage(plain_words(said)) from None


def _turbo(data: bytes | mmap, components: int, factor: int = 1, strict: bool = True) -> NDArray[np.uint8]:
    space, least = {1: "GRAY", 3: "RGB", 4: "CMYK"}[components], {}
    whole = factor > 1 and is_lossless(data)
    if factor > 1 and not whole:
        height, width = _header(data)[:2]
        least = {"min_height": -(-height // factor), "min_width": -(-width // factor)}
    found: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colorspace=space, strict=strict, **least)
    found = found[..., 0] if components == 1 else found
    return _means(found, factor) if whole else found


def _header(data: bytes | mmap) -> tuple[int, int, str, str]:
    """Height, width, color space and sampling."""
    found: tuple[int, int, str, str] = simplejpeg.decode_jpeg_header(data)
    return found


def _means(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """A smaller copy, of the means of squares; at the right and lower end the last pixels are repeated."""
    height, width = (-(-side // factor) for side in pixels.shape[:2])
    beyond = (height * factor - pixels.shape[0], width * factor - pixels.shape[1])
    wide = cv2.copyMakeBorder(pixels, 0, beyond[0], 0, beyond[1], cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(wide, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _by_vips(data: bytes, components: int, factor: int) -> NDArray[np.uint8]:
    """Sampling factors that TurboJPEG refuses to name; libjpeg itself decodes them."""
    import pyvips  # its libraries take a while to load, and such files are rare

    pyvips.cache_set_max(0)  # buffers are told apart by their places in memory, which are used again
    try:
        image = pyvips.Image.jpegload_buffer(data, shrink=factor, fail_on="warning")
        found: NDArray[np.uint8] = np.ascontiguousarray(image.numpy())
    except pyvips.Error as error:
        raise JpegDamage(plain_words(said_by(error))) from None
    if components == 4:  # what libvips turned round for Adobe's marker
        parsed = jpeg_file.parse(data, headers_only=True)
        found = found if parsed.adobe_transform is None else 255 - found
    return found[..., 0] if components == 1 and found.ndim == 3 else found


def plain_words(said: str) -> str:
    """A message of libjpeg without its own prefixes."""
    words = " ".join(said.split())
    for prefix in ("VipsJpeg: ", "Corrupt JPEG data: "):
        words = words.removeprefix(prefix)
    return words[:120]


def without_harmless(data: bytes, components: int) -> bytes:
    """The file without what libjpeg warns of though the picture is whole.

    Args:
        data: the file.
        components: of its frame; an unknown color transform of Adobe's segment is read as the usual one for so many.
    """
    data = jpeg_file.bare(data)
    at = data.find(b"\xff\xee\x00\x0eAdobe")
    if 0 <= at < data.find(b"\xff\xda") and data[at + 15] > 2:
        data = data[: at + 15] + bytes((2 if components == 4 else 1,)) + data[at + 16 :]
    end = data.rfind(_END)
    kept = data[:end].rstrip(b"\0") if end > 0 else data
    if kept.endswith(b"\xff") and len(kept) < end:
        kept += b"\0"  # it belonged to this byte, which is one of the scan
    return kept + data[end:] if end > 0 else data
