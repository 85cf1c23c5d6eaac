"""Write a JPEG: at once; or in strips, each a restart interval that is coded on its own with the same tables.

In:  blocks of RGB rows, uint8 or uint16, or of luma and chroma; the photo that they belong to
Out: a JPEG; in strips, a baseline one

Source: ITU-T T.81, F.1.1.5.3 and E.1.4: at a restart marker the prediction of DC starts anew and bits are filled up
to a byte, which is how a scan of its own begins and ends.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import BinaryIO

import imagecodecs
import numpy as np

from colorize_cli.formats.around import eight_bits, shallow
from colorize_cli.formats.jpeg.encode_jpeg import code_luma, code_pixels, segments_around
from colorize_cli.formats.jpeg.jpeg_file import assemble
from colorize_cli.formats.photo import AnyPixels, LumaPlanes, Page, Photo, PhotoFormat
from colorize_cli.formats.writer import Writer
from colorize_cli.metadata.provenance import Provenance

_MOST_UNITS = 65535  # of a restart interval


class JpegWriter(Writer):
    """Writes a JPEG of one picture."""

    def __init__(self, photo: Photo, quality: int | None, note: Provenance, block_rows: int) -> None:
        super().__init__(photo)
        page = photo.pages[0]
        shallow(page.pixels[:1, :1], PhotoFormat.jpeg, self.notes)
        self._quality, self._in_strips, self._count = quality, block_rows > 0, 0
        self._segments, left_out = segments_around(photo, page, note)
        self.notes += left_out
        self._traits = page.metadata.jpeg
        self._width, self._height = page.size
        if self._in_strips:
            self._traits = None if self._traits is None else replace(self._traits, progressive=False)
            # 8 x 8 pixels are the smallest unit, 16 rows the tallest; strips are whole units of either
            self._strip_rows = max(16, min(block_rows, _MOST_UNITS // -(-self._width // 8) * 8) // 16 * 16)

    def begin(self, number: int, unchanged: bool = False) -> None:
        """A block is a restart interval, or the whole page."""
        super().begin(number)
        self.rows = self._strip_rows if self._in_strips else self.rows

    def code(self, rows: Page, colored: AnyPixels | LumaPlanes) -> bytes:
        """A JPEG of the block alone."""
        if isinstance(colored, LumaPlanes):
            return code_luma(colored, self._traits, self._quality)
        return code_pixels(np.ascontiguousarray(eight_bits(colored)), self._traits, self._quality)

    def write(self, file: BinaryIO, coded: bytes) -> None:
        """Append a block's data; before the first one, all that stands before the pixels."""
        if not self._in_strips:
            file.write(assemble(coded, self._segments))
            return
        at = 2
        while coded[at + 1] != 0xDA:
            at += 2 + struct.unpack_from(">H", coded, at + 2)[0]
        start = at + 2 + struct.unpack_from(">H", coded, at + 2)[0]
        restart = bytes((0xFF, 0xD0 + (self._count - 1) % 8))
        file.write(restart if self._count else assemble(self._whole(coded[:start]), self._segments))
        file.write(coded[start:-2])  # the last two bytes are the end-of-image marker
        self._count += 1

    def _whole(self, head: bytes) -> bytes:
        """What stands before the first strip's data, made true of the whole picture."""
        out, at = bytearray(head[:2]), 2
        while at < len(head):
            marker, size = head[at + 1], struct.unpack_from(">H", head, at + 2)[0]
            part = bytearray(head[at : at + 2 + size])
            if marker == 0xC0:
                struct.pack_into(">H", part, 5, self._height)
                across, down = (8 * max(part[11 + 3 * i] >> shift & 15 for i in range(part[9])) for shift in (4, 0))
                units = -(-self._width // across) * (self._strip_rows // down)
            if marker == 0xDA and self._height > self._strip_rows:
                out += struct.pack(">HHH", 0xFFDD, 4, units)
            out += part
            at += 2 + size
        return bytes(out)

    def finish(self, file: BinaryIO) -> None:
        """Append the end-of-image marker of strips."""
        if self._in_strips:
            file.write(b"\xff\xd9")


def recoded(pixels: AnyPixels, page: Page, quality: int | None) -> AnyPixels:
    """A strip of a page, (n, W) or (n, W, 3), as it comes back from the same coding: (n, W, 3), uint8."""
    rgb = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
    traits = page.metadata.jpeg
    traits = None if traits is None else replace(traits, progressive=False)
    back: AnyPixels = imagecodecs.jpeg8_decode(code_pixels(np.ascontiguousarray(eight_bits(rgb)), traits, quality))
    return back
