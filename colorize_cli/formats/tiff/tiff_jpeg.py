"""Decode the JPEG streams of a TIFF's strips and tiles strictly.

In:  a coded strip or tile, the tables that the page's streams share, and the color space that its tags name
Out: samples, uint8, (H, W, samples); or why not

Source: Adobe's TIFF Technical Note 2.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from colorize_cli.formats.jpeg.jpeg_file import APP0, APP14, JpegError, JpegFile, assemble, bare, parse
from colorize_cli.formats.jpeg.jpeg_pixels import JpegDamage, check_strictly, decode_strictly
from colorize_cli.metadata.ifd import Ifd

_KNOWN = frozenset({0, 1, 2, 5, 6})
_RGB = 2
_INTERCHANGE = 513
_END = b"\xff\xd9"


def decode_jpeg_segment(coded: bytes, tables: bytes | None, photometric: int, samples: int) -> NDArray[np.uint8] | None:
    """Decode a strip or tile of 8-bit JPEG.

    Args:
        coded: its stream.
        tables: the page's JPEGTables, an abbreviated stream.
        photometric: of the page; YCbCr becomes RGB.
        samples: in a pixel of the stream.

    Returns:
        None where the stream is of a kind that other readers have to try.

    Raises:
        ValueError: it is damaged.
    """
    if samples not in (1, 3, 4) or photometric not in _KNOWN:
        return None
    stream = coded.rstrip(b"\0")
    stream = stream if stream.endswith(_END) else coded + _END  # writers may leave it out, and pad
    if tables and len(tables) > 4:
        stream = tables[: -2 if tables.endswith(_END) else None] + stream[2:]
    try:
        parsed = parse(stream, headers_only=True)
    except JpegError as error:
        raise ValueError(str(error)) from None
    if parsed.frame.precision != 8 or len(parsed.frame.components) != samples:
        return None
    if photometric == _RGB and samples == 3 and not parsed.payloads(APP0, b"JFIF\0"):
        stream = _as_rgb(stream, parsed)
    found = decode_strictly(stream, samples)
    return found if found.ndim == 3 else found[..., None]


def _as_rgb(stream: bytes, parsed: JpegFile) -> bytes:
    """The stream with an Adobe segment that says RGB, as the page's tags do; what it said itself goes."""
    stream = bare(stream)
    for payload in parsed.payloads(APP14, b"Adobe"):
        stream = stream.replace(struct.pack(">HH", 0xFFEE, len(payload) + 7) + b"Adobe" + payload, b"", 1)
    return assemble(stream, [(APP14, b"Adobe\0\x64\0\0\0\0\0")])


def fault_of_interchange(data: bytes, ifd: Ifd) -> str:
    """What is wrong with the whole JPEG that a page of the old kind points to; "" where nothing is, or there is none.

    Args:
        data: the file.
        ifd: the page's directory; its JPEGInterchangeFormat says where the JPEG stands.
    """
    start, size = ifd.integer(_INTERCHANGE), ifd.integer(_INTERCHANGE + 1) or ifd.integer(279)
    stream = data[start : start + size]
    if not start or not stream.startswith(b"\xff\xd8"):
        return ""
    try:
        parsed = parse(stream)
        if (
            not parsed.scan
            or not parsed.complete
            or (parsed.frame.width, parsed.frame.height)
            != (
                ifd.integer(256),
                ifd.integer(257),
            )
        ):
            return ""  # tables alone: the picture is in strips
        check_strictly(stream)
    except (JpegError, JpegDamage) as error:
        return str(error)
    return ""
