"""Code a PNG in strips: each is filtered and deflated on its own, up to a flush; together they are one zlib stream.

In:  strips of RGB rows, uint8 or uint16; the photo that they belong to
Out: one PNG of 8 or 16 bits

Source: PNG Specification, third edition, for filter 1; RFC 1950 for the checksum, of which the parts' are joined.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from colorize_cli.photos.encode_png import chunks_around
from colorize_cli.photos.photo import AnyPixels, Page, Photo
from colorize_cli.photos.png_file import SIGNATURE, chunk
from colorize_cli.photos.provenance import Provenance

_STRIP_BYTES = 8 << 20
_LEVEL = 3  # with filter 1: smaller than libpng's choice of filters at the same level, in 60 % of the time
_BASE = 65521


class PngStrips:
    """The one page of a PNG."""

    near = 0

    def __init__(self, photo: Photo, note: Provenance) -> None:
        self.page = photo.pages[0]
        self.chunks = chunks_around(photo, self.page, note)
        self.width, self.height = self.page.size
        self.samples = 3 if self.page.alpha is None else 4
        line = self.width * self.samples * self.page.pixels.itemsize
        self.rows = max(16, min(256, _STRIP_BYTES // line))
        self._sum = 1

    def start(self, file: BinaryIO) -> None:
        """Write all that stands before the pixels."""
        bits, color = 8 * self.page.pixels.itemsize, 2 if self.samples == 3 else 6
        file.write(SIGNATURE)
        file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", self.width, self.height, bits, color, 0, 0, 0)))
        for kind, payload in self.chunks:
            file.write(chunk(kind, payload))
        file.write(chunk(b"IDAT", b"\x78\x01"))  # zlib's header: deflate, a window of 32 KiB, a fast level

    def code(self, page: Page, rgb: AnyPixels) -> list[bytes]:
        """One strip: its chunk, its checksum and its length."""
        planes = rgb if page.alpha is None else np.dstack((rgb, page.alpha))
        rows = np.ascontiguousarray(planes.astype(planes.dtype.newbyteorder(">"), copy=False))
        flat = rows.view(np.uint8).reshape(len(rows), -1)
        step = self.samples * planes.itemsize
        filtered = np.empty((len(flat), 1 + flat.shape[1]), np.uint8)
        filtered[:, 0] = 1  # differences to the pixel on the left: no strip looks into another
        filtered[:, 1 : 1 + step] = flat[:, :step]
        np.subtract(flat[:, step:], flat[:, :-step], out=filtered[:, 1 + step :])
        machine = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15, 9)
        coded = machine.compress(filtered.data) + machine.flush(zlib.Z_FULL_FLUSH)
        return [chunk(b"IDAT", coded), struct.pack(">IQ", zlib.adler32(filtered.data), filtered.size)]

    def write(self, file: BinaryIO, coded: Sequence[bytes]) -> None:
        """Append a strip."""
        file.write(coded[0])
        self._sum = _joined(self._sum, *struct.unpack(">IQ", coded[1]))

    def end(self, file: BinaryIO) -> None:
        """Append an empty last block of deflate, the checksum, and the end."""
        file.write(chunk(b"IDAT", b"\x03\x00" + struct.pack(">I", self._sum)))
        file.write(chunk(b"IEND", b""))


def _joined(first: int, second: int, length: int) -> int:
    """Adler-32 of two runs of bytes from theirs; `length` is the second's."""
    low, high, more = first & 0xFFFF, first >> 16, length % _BASE
    total = (low + (second & 0xFFFF) - 1) % _BASE
    return ((more * low + high + (second >> 16) - more) % _BASE) << 16 | total
