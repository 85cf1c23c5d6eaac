"""JPEG: read by simplejpeg, in strips by libvips; written by imagecodecs, simplejpeg or Pillow."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from colorize_cli.formats.base import Format
from colorize_cli.formats.declared import Declared, FileParts, Holds, OpenedRows, Stripped
from colorize_cli.formats.decoded import DecodedPhoto
from colorize_cli.formats.jpeg import jpeg_file, jpeg_rows, mpf, multi_jpeg
from colorize_cli.formats.jpeg.decode_jpeg import check_kind, decode_jpeg
from colorize_cli.formats.jpeg.encode_jpeg import halves_chroma
from colorize_cli.formats.jpeg.jpeg_writer import JpegWriter
from colorize_cli.formats.jpeg.strip_jpeg import strip_jpeg
from colorize_cli.formats.limits import check_need
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, LumaPlanes, Page, Photo, PhotoFormat, ProbeResult
from colorize_cli.formats.writer import Writer
from colorize_cli.metadata import exif
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, parse

_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_BASELINE = (0xC0, 0xC1)
_CMYK, _DEEP, _PROGRESSIVE_RESULT = 24, 13, 15  # bytes a pixel, or a sample
_MOST_SEGMENTS = 100_000
_TURNED = 3  # from this orientation on rows do not come from top to bottom


class Jpeg(Format):
    """JPEG, baseline and progressive, and MPO."""

    name = PhotoFormat.jpeg
    suffixes = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")
    starts = (b"\xff\xd8\xff",)
    holds = Holds.exif | Holds.extended_xmp | Holds.damaged_xmp | Holds.iptc | Holds.comments | Holds.icc
    holds |= Holds.png_texts | Holds.jpeg_segments | Holds.resolution
    longest_side = 65500
    has_alpha = False
    has_16_bits = False
    deep_as_png = "12-bit JPEG is read, but not written"
    in_strips = True
    faster_whole = True

    def sniff(self, head: bytes) -> bool:
        """Whether it starts as a JPEG, and is no JPEG-LS."""
        return head.startswith(self.starts) and not is_jpeg_ls(head)

    def suffix_of(self, suffix: str, pages: int) -> str:
        """A file named `.mpo` whose one photo is left without its companions becomes a plain JPEG."""
        return ".jpg" if suffix == ".mpo" and pages == 1 else super().suffix_of(suffix, pages)

    def several(self, source: PhotoFormat, deep: bool) -> bool:
        """Of a JPEG of several pictures."""
        return source is self.name and not deep

    def declared(self, data: Data) -> Declared:
        """The first picture's frame."""
        parsed = jpeg_file.parse(data[:], headers_only=True)
        check_kind(parsed)
        frame = parsed.frame
        count = len(frame.components)
        each = _CMYK if count == 4 else _DEEP * count if frame.precision > 8 else count
        if frame.marker in _PROGRESSIVE:  # its coefficients are kept until the last scan, and the result's, too
            each += 2 * count + _PROGRESSIVE_RESULT
        return Declared.of((frame.width, frame.height), frame.precision, count, each, copies=4)

    def orientation(self, data: Data) -> int:
        """EXIF's, or else XMP's."""
        return _orientation(jpeg_file.parse(data[:], headers_only=True))

    def pages(self, data: Data) -> int:
        """The photos, by the file's index."""
        return multi_jpeg.photos_in(data[:])

    def is_short(self, head: bytes) -> bool:
        """Where there is an index, the other pictures stand behind."""
        return len(mpf.entries(head)) > 1

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """All photos of the file."""

        def check(pictures: list[bytes]) -> None:
            need, largest = 0, (0, 0)
            for picture in pictures:
                self.check(picture, limits)
                found = self.header(picture)
                need += found.peak(len(picture))
                largest = max(largest, (found.width, found.height), key=lambda size: size[0] * size[1])
            check_need(*largest, need, limits)

        return decode_jpeg(data, salvage, check)

    def why_whole(self, found: ProbeResult) -> tuple[str, int]:
        """Baseline JPEGs of 8 bits that stand upright are read in strips."""
        return "it holds several pictures" if found.pages > 1 else _why_whole(jpeg_rows.head_of(found.path)), 0

    def open_rows(self, path: Path, limits: DecodeLimits, block_bytes: int = 0) -> OpenedRows:
        """Rows of one or three components."""
        return jpeg_rows.open_jpeg(path, limits, block_bytes)

    def note(self, parts: FileParts) -> Provenance | None:
        """The note in a segment of XMP, or a comment."""
        at = 2
        for _ in range(_MOST_SEGMENTS):
            lead = parts.at(at, 4)
            if len(lead) < 4 or lead[0] != 0xFF or lead[1] == 0xDA:
                return None
            if lead[1] == 0xFF:  # a fill byte
                at += 1
                continue
            length = struct.unpack(">H", lead[2:])[0]
            if lead[1] == 0xFE or lead[1] == 0xE1 and parts.at(at + 4, len(jpeg_file.XMP)) == jpeg_file.XMP:
                payload = parts.at(at + 4, length - 2)
                if (note := parse(payload.removeprefix(jpeg_file.XMP))) is not None:
                    return note
            at += 2 + length
        return None

    def ends(self, parts: FileParts) -> bool:
        """Whether its end marker is there."""
        return parts.at(parts.size - 2, 2) == b"\xff\xd9"

    def takes_luma(self, page: Page) -> bool:
        """Where chroma is to have half the size, from 8 bits."""
        return page.pixels.dtype == np.uint8 and (page.metadata.jpeg is None or halves_chroma(page.metadata.jpeg))

    def writer(self, photo: Photo, quality: int | None, note: Provenance, block_rows: int) -> Writer:
        """One picture, or several, each with its own metadata."""
        if len(photo.pages) == 1:
            return JpegWriter(photo, quality, note, block_rows)
        return super().writer(photo, quality, note, block_rows)

    def encode(
        self, photo: Photo, colored: Sequence[AnyPixels | LumaPlanes], quality: int | None, note: Provenance
    ) -> tuple[bytes, list[str]]:
        """Several pictures."""
        notes = list[str]()

        def encode(one: Photo, number: int) -> bytes:
            file, writer = io.BytesIO(), JpegWriter(one, quality, note, 0)
            writer.write(file, writer.code(one.pages[0], colored[number]))
            notes.extend(writer.notes)
            return file.getvalue()

        return multi_jpeg.joined(photo, encode), list(dict.fromkeys(notes))

    def strip(self, data: Data, what: Strip, note: Provenance) -> Stripped:
        """Segment by segment."""
        return strip_jpeg(data[:], what, note)


def is_jpeg_ls(head: bytes) -> bool:
    """JPEG-LS starts like JPEG; it has a frame of its own kind, at once or after a SPIFF header."""
    return head.startswith(b"\xff\xd8\xff\xf7") or head[6:11] == b"SPIFF" and b"\xff\xd8\xff\xf7" in head[12:]


def _orientation(parsed: jpeg_file.JpegFile) -> int:
    blocks, packets = jpeg_file.exif_blocks(parsed), parsed.payloads(jpeg_file.APP1, jpeg_file.XMP)
    return exif.orientation(blocks[0] if blocks else None, packets[0] if packets else None)


def _why_whole(parsed: jpeg_file.JpegFile) -> str:
    frame = parsed.frame
    if frame.marker not in _BASELINE:
        return "it is a progressive JPEG"
    if frame.precision != 8:
        return f"it is a JPEG of {frame.precision} bits"
    if len(frame.components) not in (1, 3):
        return "it is a CMYK JPEG"
    if multi_jpeg.is_followed(parsed):
        return "a gain map, another picture or a video follows it"
    turned = _orientation(parsed)
    return f"its orientation tag ({turned}) turns it" if turned >= _TURNED else ""
