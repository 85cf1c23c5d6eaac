"""Read a PNG a few rows at a time.

In:  a path
Out: `OpenedRows`: the photo with a single pixel, its true size, and what reads its rows
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from colorize_cli.formats import vips_rows
from colorize_cli.formats.by_pillow import ANIMATED
from colorize_cli.formats.declared import OpenedRows, Rows
from colorize_cli.formats.decoded import Damaged, DecodedPhoto
from colorize_cli.formats.limits import check_size
from colorize_cli.formats.photo import DecodeLimits
from colorize_cli.formats.png import decode_png, png_file


def open_png(path: Path, limits: DecodeLimits, block_bytes: int = 0) -> OpenedRows:
    """Open a PNG of 8 or 16 bits without a palette.

    Raises:
        Damaged: it is no PNG that can be read so.
        TooManyPixels: its header declares more than the limits allow.
    """
    parsed = head_of(path)
    check_size(parsed.width, parsed.height, 0, limits)
    if parsed.interlaced or parsed.color == 3 or parsed.depth not in (8, 16) or parsed.find(b"tRNS"):
        raise Damaged("a PNG that cannot be read in strips")
    dtype = np.dtype(np.uint16 if parsed.depth == 16 else np.uint8)
    notes: list[str] = [ANIMATED] if parsed.animated else []
    shape = (parsed.height, parsed.width) if parsed.channels == 1 else (parsed.height, parsed.width, parsed.channels)

    def page(rows: Any) -> DecodedPhoto:
        alpha = None
        if parsed.channels in (2, 4):
            alpha = np.ascontiguousarray(rows[..., -1])
            rows = np.ascontiguousarray(rows[..., 0] if parsed.channels == 2 else rows[..., :3])
        return decode_png.photo_of(parsed, rows, alpha, notes)

    def read() -> Rows:
        for top, rows in vips_rows.read_rows(path, "pngload", shape, dtype, block_bytes=block_bytes):
            yield top, page(rows).pages[0]

    photo = page(np.zeros((1, 1, *shape[2:]), dtype))
    return OpenedRows(photo, [(parsed.height, parsed.width)], [read])


def head_of(path: Path) -> png_file.PngFile:
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
