"""TIFF and BigTIFF, pyramids included: strips and tiles by tifffile and imagecodecs."""

from __future__ import annotations

from pathlib import Path

from colorize_cli.files.atomic import Patch
from colorize_cli.formats.base import Format
from colorize_cli.formats.camera.camera_raw import holds_sensor_data, library
from colorize_cli.formats.camera.raw_format import Raw
from colorize_cli.formats.declared import FileParts, Holds, OpenedRows
from colorize_cli.formats.decoded import DecodedPhoto
from colorize_cli.formats.jpeg.multi_jpeg import lost_around
from colorize_cli.formats.limits import amount
from colorize_cli.formats.photo import DecodeLimits, Photo, PhotoFormat, ProbeResult
from colorize_cli.formats.tiff import tiff_rows
from colorize_cli.formats.tiff.decode_tiff import decode_tiff
from colorize_cli.formats.tiff.strip_tiff import strip_tiff
from colorize_cli.formats.tiff.tiff_cost import cost
from colorize_cli.formats.tiff.tiff_pictures import is_reduced, pictures
from colorize_cli.formats.tiff.tiff_tags import XMP
from colorize_cli.formats.tiff.tiff_writer import TiffWriter
from colorize_cli.metadata import exif
from colorize_cli.metadata.ifd import Data, FileData, Ifd, TagError, walk
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, parse

_MOST_SEGMENT = 256 << 20  # bytes of one strip or row of tiles, decoded, above which reading it is no streaming
_TURNED = 5  # from this orientation on rows become columns


class Tiff(Format):
    """TIFF; a camera's raw file may be one, and is told apart by its tags."""

    name = PhotoFormat.tiff
    suffixes = (".tif", ".tiff", ".btf")
    starts = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    holds = Holds.tiff_tags | Holds.damaged_xmp | Holds.iptc | Holds.first_comment | Holds.icc | Holds.resolution
    lossless = True
    header_anywhere = True
    has_end = False
    in_strips = True

    def several(self, source: PhotoFormat, deep: bool) -> bool:
        """Always."""
        return True

    def check(self, data: bytes, limits: DecodeLimits) -> None:
        """Nothing yet: each page has a header, which `decode` checks."""

    def probe(self, path: Path, data: Data, file_size: int) -> ProbeResult:
        """What the directories declare, of all pages."""
        found = pictures(data)[0]
        pages = [picture.ifd for picture in found]
        if not pages:
            raise TagError("no page")
        if holds_sensor_data(found):
            library()  # before the whole file is read for it
            return Raw().probe(path, data, file_size)
        sizes, depths = [], []
        for ifd in pages:
            size = (ifd.integer(256), ifd.integer(257))
            sizes.append(size[::-1] if _orientation(ifd) >= 5 else size)
            depths.append(max((int(bits) for bits in ifd.numbers(258)), default=1))
        if not all(width > 0 and height > 0 for width, height in sizes):
            raise TagError("a page of no size")
        return ProbeResult(
            path,
            self.name,
            max(sizes, key=lambda size: size[0] * size[1]),
            len(pages),
            max(depths),
            max(pages[0].integer(277, 1), 1),
            sum(width * height for width, height in sizes),
            file_size + cost(pages),
        )

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """All pages."""
        return decode_tiff(data, limits, salvage)

    def why_whole(self, found: ProbeResult) -> tuple[str, int]:
        """Whole numbers of 16 bits or fewer, in pieces that are not too large, are read in strips."""
        with open(found.path, "rb") as file:
            seen = [_why_whole(picture.ifd) for picture in pictures(FileData(file))[0]]
        return next((reason for reason, _ in seen if reason), ""), max(segment for _, segment in seen)

    def open_rows(self, path: Path, limits: DecodeLimits, block_bytes: int = 0) -> OpenedRows:
        """Rows of all pages."""
        return tiff_rows.open_tiff(path, limits, block_bytes)

    def note(self, parts: FileParts) -> Provenance | None:
        """The note of the first page, before which a thumbnail may stand."""
        tag = next(ifd for ifd in walk(FileData(parts.file)) if not is_reduced(ifd)).find(XMP)
        return parse(tag.value) if tag else None

    def is_lossless(self, photo: Photo, quality: int | None) -> bool:
        """But for the pages that are JPEG inside."""
        return True

    def writer(self, photo: Photo, quality: int | None, note: Provenance, block_rows: int) -> TiffWriter:
        """All pages, and what belongs to them."""
        writer = TiffWriter(photo, quality, note, block_rows)
        writer.notes += lost_around(photo)
        return writer

    def strip(self, data: Data, what: Strip, note: Provenance) -> list[Patch]:
        """Tag by tag."""
        return strip_tiff(data, what, note)


def _orientation(ifd: Ifd) -> int:
    packet = ifd.find(XMP)
    return exif.orientation_of(ifd, packet.value if packet else None)


def _why_whole(ifd: Ifd) -> tuple[str, int]:
    compression, kinds = ifd.integer(259, 1), {int(kind) for kind in ifd.numbers(339)}
    bits, samples = ifd.integer(258, 1), max(ifd.integer(277, 1), 1)
    width, height = ifd.integer(256), ifd.integer(257)
    if compression == 6:
        return "it is a TIFF with JPEG of the old kind", 0
    if kinds - {1, 4} or bits > 16:
        return "its samples are no whole numbers of 16 bits or fewer", 0
    if (turned := _orientation(ifd)) >= _TURNED:
        return f"its orientation tag ({turned}) turns it", 0
    tiled = ifd.find(324) is not None
    rows = ifd.integer(323) if tiled else min(ifd.integer(278, height) or height, height)
    segment = rows * width * samples * max(bits, 8) // 8
    plain = compression == 1 and not tiled and ifd.integer(317, 1) == 1 and bits in (8, 16)
    if plain and ifd.integer(262, 1) != 6:
        return "", 0
    if segment > _MOST_SEGMENT:
        return f"one {'row of tiles' if tiled else 'strip'} of it has {amount(segment, 1024)}", segment
    return "", segment
