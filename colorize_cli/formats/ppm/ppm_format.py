"""The netpbm family: PBM, PGM and PPM are read, PPM is written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from colorize_cli.formats.around import rgb_of
from colorize_cli.formats.base import Format
from colorize_cli.formats.declared import Declared, Holds
from colorize_cli.formats.decoded import DecodedPhoto
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, LumaPlanes, Photo, PhotoFormat
from colorize_cli.formats.ppm import decode_ppm
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.provenance import Provenance, merge


class Ppm(Format):
    """PBM, PGM and PPM; XMP goes into comments."""

    name = PhotoFormat.ppm
    suffixes = (".ppm", ".pgm", ".pnm", ".pbm")
    read_suffixes = frozenset({".pgm", ".pbm"})
    holds = Holds.comments | Holds.damaged_xmp
    has_alpha = False
    lossless = True
    has_end = False

    def sniff(self, head: bytes) -> bool:
        """Whether it starts with P and a number, and a blank or comment follows."""
        return head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in (b" ", b"\t", b"\n", b"\r", b"#")

    def declared(self, data: Data) -> Declared:
        """The picture."""
        kind, width, height, top, _ = decode_ppm.header(data[:])
        channels = 3 if kind in (3, 6) else 1
        each = channels * (2 if top > 255 else 1) * 2 + (12 * channels if kind in (1, 2, 3) else 1)
        return Declared.of((width, height), top.bit_length(), channels, each, copies=3)

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """The first picture."""
        return decode_ppm.decode_ppm(data, salvage)

    def packet_of(self, text: bytes) -> bytes:
        """A packet without the signs that make its lines comments."""
        return text.replace(b"\n# ", b"\n")

    def encode(
        self, photo: Photo, colored: Sequence[AnyPixels | LumaPlanes], quality: int | None, note: Provenance
    ) -> tuple[bytes, list[str]]:
        """A PPM whose comments hold the source's comments and the packet."""
        rgb, packet = rgb_of(colored), merge(photo.metadata.xmp, note)
        kept = [line for line in photo.metadata.comments if not _is_packet(line)]
        lines = b"".join(b"# " + line + b"\n" for line in (*kept, *packet.splitlines()))
        size = f"{rgb.shape[1]} {rgb.shape[0]}\n{np.iinfo(rgb.dtype).max}\n".encode()
        return b"P6\n" + lines + size + rgb.astype(rgb.dtype.newbyteorder(">"), copy=False).tobytes(), []


def _is_packet(line: bytes) -> bool:
    return line.startswith(b"<") or b"colorize:" in line or b"rdf:" in line
