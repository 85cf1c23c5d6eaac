"""PNG: read by imagecodecs, in strips by libvips; written a strip at a time."""

from __future__ import annotations

import struct
from pathlib import Path

from colorize_cli.formats.base import Format
from colorize_cli.formats.declared import Declared, FileParts, Holds, OpenedRows, Stripped
from colorize_cli.formats.decoded import DecodedPhoto, Unsupported
from colorize_cli.formats.photo import DecodeLimits, Photo, PhotoFormat, ProbeResult
from colorize_cli.formats.png import png_file, png_rows, png_text
from colorize_cli.formats.png.decode_png import decode_png
from colorize_cli.formats.png.encode_png import PngWriter
from colorize_cli.formats.png.strip_png import strip_png
from colorize_cli.metadata import exif
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, parse

_MOST_CHUNKS = 100_000
_LONGEST = 1_000_000  # pixels of a side: libpng takes no more
_TURNED = 3  # from this orientation on rows do not come from top to bottom


class Png(Format):
    """PNG; of an animated one the first picture."""

    name = PhotoFormat.png
    suffixes = (".png", ".apng")
    read_suffixes = frozenset({".apng"})
    starts = (png_file.SIGNATURE,)
    longest_side = _LONGEST
    holds = Holds.exif | Holds.damaged_xmp | Holds.iptc | Holds.comments | Holds.icc | Holds.resolution
    holds |= Holds.png_chunks
    lossless = True
    in_strips = True

    def declared(self, data: Data) -> Declared:
        """The picture."""
        png = png_file.parse(data[:], headers_only=True)
        if max(png.width, png.height) > _LONGEST:
            raise Unsupported(f"unsupported PNG: a side of more than {_LONGEST:,} pixels")
        sample, clear = 2 if png.depth == 16 else 1, png.find(b"tRNS") is not None
        if png.color == 3:
            each = 9 if clear else 5
        else:
            each = sample * png.channels * (2 if png.color in (4, 6) else 1) + 1 + (14 if clear else 0)
        return Declared.of((png.width, png.height), png.depth, png.channels, each, copies=4)

    def orientation(self, data: Data) -> int:
        """EXIF's, or else XMP's."""
        return _orientation(png_file.parse(data[:], headers_only=True))

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """The first picture."""
        return decode_png(data, salvage)

    def why_whole(self, found: ProbeResult) -> tuple[str, int]:
        """Those of 8 or 16 bits without a palette that stand upright are read in strips."""
        parsed = png_rows.head_of(found.path)
        if parsed.interlaced:
            return "it is an interlaced PNG", 0
        if parsed.color == 3 or parsed.depth < 8 or parsed.find(b"tRNS"):
            return "it is a PNG with a palette, few bits or a transparent color", 0
        turned = _orientation(parsed)
        return f"its orientation tag ({turned}) turns it" if turned >= _TURNED else "", 0

    def open_rows(self, path: Path, limits: DecodeLimits, block_bytes: int = 0) -> OpenedRows:
        """Rows of 8 or 16 bits."""
        return png_rows.open_png(path, limits, block_bytes)

    def note(self, parts: FileParts) -> Provenance | None:
        """The note in a chunk of text."""
        at = 8
        for _ in range(_MOST_CHUNKS):
            lead = parts.at(at, 8)
            if len(lead) < 8:
                return None
            length, kind = struct.unpack(">I4s", lead)
            if kind == b"iTXt" and (note := parse(parts.at(at + 8, length))) is not None:
                return note
            at += 12 + length
        return None

    def ends(self, parts: FileParts) -> bool:
        """Whether its last chunk is there."""
        return parts.at(parts.size - 12, 12)[:8] == b"\0\0\0\0IEND"

    def writer(self, photo: Photo, quality: int | None, note: Provenance, block_rows: int) -> PngWriter:
        """RGB, and alpha."""
        return PngWriter(photo, note, block_rows)

    def strip(self, data: Data, what: Strip, note: Provenance) -> Stripped:
        """Chunk by chunk."""
        return strip_png(data[:], what, note)


def _orientation(parsed: png_file.PngFile) -> int:
    found = png_text.around(parsed.chunks)
    return exif.orientation(found.exif, found.xmp)
