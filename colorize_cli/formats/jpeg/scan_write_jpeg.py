"""Code a JPEG in strips: each is a restart interval, coded on its own by the usual encoder with the same tables.

In:  strips of RGB rows, uint8 or uint16, or of luma and chroma; the photo that they belong to
Out: one baseline JPEG

Source: ITU-T T.81, F.1.1.5.3 and E.1.4: at a restart marker the prediction of DC starts anew and bits are filled up
to a byte, which is how a scan of its own begins and ends.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

import imagecodecs
import numpy as np

from colorize_cli.formats.around import eight_bits
from colorize_cli.formats.jpeg.encode_jpeg import code_luma, code_pixels, segments_around
from colorize_cli.formats.jpeg.jpeg_file import assemble
from colorize_cli.formats.photo import AnyPixels, LumaPlanes, Page, Photo
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, Note

_ROWS = 256
_MOST_UNITS = 65535  # of a restart interval


class JpegStrips:
    """The one page of a JPEG."""

    def __init__(self, photo: Photo, quality: int | None, note: Provenance) -> None:
        self.page, self.quality = photo.pages[0], quality
        self.segments, left_out = segments_around(photo, self.page, note)
        deep = (
            [Note("16 bits became 8, since JPEG holds no more", Loss.depth)]
            if self.page.pixels.dtype != np.uint8
            else []
        )
        self.notes = [*deep, *left_out]
        traits = self.page.metadata.jpeg
        self.traits = None if traits is None else replace(traits, progressive=False)
        self.width, self.height = self.page.size
        # 8 x 8 pixels are the smallest unit, 16 rows the tallest; strips are whole units of either
        self.rows = max(16, min(_ROWS, _MOST_UNITS // -(-self.width // 8) * 8) // 16 * 16)
        self._count = 0

    def code(self, page: Page, colored: AnyPixels | LumaPlanes) -> list[bytes]:
        """One strip: what stands before its coded data, and these."""
        if isinstance(colored, LumaPlanes):
            coded = code_luma(colored, self.traits, self.quality)
        else:
            coded = code_pixels(np.ascontiguousarray(eight_bits(colored)), self.traits, self.quality)
        at = 2
        while coded[at + 1] != 0xDA:
            at += 2 + struct.unpack_from(">H", coded, at + 2)[0]
        start = at + 2 + struct.unpack_from(">H", coded, at + 2)[0]
        return [coded[:start], coded[start:-2]]  # the last two bytes are the end-of-image marker

    def write(self, file: BinaryIO, coded: Sequence[bytes]) -> None:
        """Append a strip; before the first one, all that stands before the pixels."""
        head, data = coded
        file.write(
            bytes((0xFF, 0xD0 + (self._count - 1) % 8)) if self._count else assemble(self._whole(head), self.segments)
        )
        file.write(data)
        self._count += 1

    def _whole(self, head: bytes) -> bytes:
        """What stands before the first strip's data, made true of the whole picture."""
        out, at = bytearray(head[:2]), 2
        while at < len(head):
            marker, size = head[at + 1], struct.unpack_from(">H", head, at + 2)[0]
            part = bytearray(head[at : at + 2 + size])
            if marker == 0xC0:
                struct.pack_into(">H", part, 5, self.height)
                across, down = (8 * max(part[11 + 3 * i] >> shift & 15 for i in range(part[9])) for shift in (4, 0))
                units = -(-self.width // across) * (self.rows // down)
            if marker == 0xDA and self.height > self.rows:
                out += struct.pack(">HHH", 0xFFDD, 4, units)
            out += part
            at += 2 + size
        return bytes(out)

    def end(self, file: BinaryIO) -> None:
        """Append the end-of-image marker."""
        file.write(b"\xff\xd9")


def recoded(pixels: AnyPixels, page: Page, quality: int | None) -> AnyPixels:
    """A strip of a page, (n, W) or (n, W, 3), as it comes back from the same coding: (n, W, 3), uint8."""
    rgb = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
    traits = page.metadata.jpeg
    traits = None if traits is None else replace(traits, progressive=False)
    back: AnyPixels = imagecodecs.jpeg8_decode(code_pixels(np.ascontiguousarray(eight_bits(rgb)), traits, quality))
    return back
