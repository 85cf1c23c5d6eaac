"""JPEG 2000: read by Pillow, and imagecodecs where it is deep or CMYK; written by the same."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from colorize_cli.color.icc import space_of
from colorize_cli.formats.around import Around, rgb_of, with_alpha
from colorize_cli.formats.base import Format
from colorize_cli.formats.boxes import boxes, end_of
from colorize_cli.formats.by_pillow import by_pillow, deep, stretched
from colorize_cli.formats.declared import Declared, FileParts, Holds, Stripped
from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto, Unsupported
from colorize_cli.formats.jp2 import jp2_cost, jp2_file
from colorize_cli.formats.jp2.strip_jp2 import strip_jp2
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, LumaPlanes, Metadata, PageMetadata, Photo, PhotoFormat
from colorize_cli.metadata import exif, irb
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, parse
from colorize_cli.notes import Loss, Note

_NO_HEADER = "damaged JPEG 2000: it has no picture header"


class Jp2(Format):
    """JPEG 2000: files, and bare codestreams."""

    name = PhotoFormat.jp2
    apart = True
    suffixes = (".jp2", ".j2k", ".jpx", ".j2c")
    read_suffixes = frozenset({".j2k", ".j2c", ".jpx"})
    starts = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
    holds = Holds.exif | Holds.icc | Holds.damaged_xmp | Holds.iptc | Holds.jp2_boxes | Holds.resolution
    header_anywhere = True
    coder_bytes = 20

    def declared(self, data: Data) -> Declared:
        """The picture, and what a decoder notes of its tiles."""
        size = jp2_file.size_of(data)
        if size is None:
            raise Damaged(_NO_HEADER)
        each = size.components * (12 if size.depth > 8 else 8)
        more = jp2_cost.cost(data) if size.width > 0 and size.height > 0 else 0
        return Declared.of((size.width, size.height), size.depth, size.components, each, more=more)

    def orientation(self, data: Data) -> int:
        """EXIF's, or else XMP's."""
        return exif.orientation(jp2_file.exif_of(data), jp2_file.uuid_of(data, jp2_file.XMP_UUID))

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """Grey, RGB or CMYK, of any depth to 16 bits."""
        size, notes = jp2_file.size_of(data), list[str]()
        if size is None:
            raise Damaged(_NO_HEADER)
        if not jp2_file.is_complete(data):
            if not salvage:
                raise Damaged("truncated JPEG 2000: its end is missing", salvageable=True)
            notes.append(
                Note("salvaged: the end of the file is missing, the picture may be blurred or cut", Loss.salvage)
            )
        if size.components > 4:
            raise Unsupported(f"unsupported JPEG 2000: {size.components} components per pixel")
        profile = jp2_file.icc_of(data)
        is_ink = size.components == 4 and (jp2_file.is_cmyk(data) or space_of(profile) == "cmyk")
        pixels, alpha = _pixels(data, size.depth, is_ink)
        block, packet = jp2_file.exif_of(data), jp2_file.uuid_of(data, jp2_file.XMP_UUID)
        resources, (kept, left) = jp2_file.resources_of(data), jp2_file.kept_boxes(data)
        if left:
            names = ", ".join(sorted({kind.decode("latin-1").strip() for kind in left}))
            notes.append(Note(f"JPEG 2000 boxes that tell of several pictures were left out ({names})", Loss.structure))
        if resources and irb.has_thumbnail(resources):
            notes.append(exif.THUMBNAIL_LEFT_OUT)
        resources = irb.without_thumbnail(resources) or None if resources else None
        resolution = jp2_file.resolution_of(data) or exif.resolution(block)
        page = DecodedPage(
            pixels=pixels,
            space="cmyk" if is_ink else "grey" if pixels.ndim == 2 else "rgb",
            alpha=alpha,
            icc=profile,
            orientation=exif.orientation(block, packet),
            metadata=PageMetadata(resolution=resolution, lossless=jp2_file.is_reversible(data), depth=size.depth),
        )
        return DecodedPhoto((page,), Metadata(exif=block, xmp=packet, iptc=resources, boxes=kept), tuple(notes))

    def note(self, parts: FileParts) -> Provenance | None:
        """The note in the box of XMP."""
        for kind, start, length in boxes(parts):
            is_xmp = kind == b"uuid" and parts.at(start, 16) == jp2_file.XMP_UUID
            if is_xmp and (note := parse(parts.at(start + 16, length - 16))):
                return note
        return None

    def ends(self, parts: FileParts) -> bool:
        """Whether the last box ends the file; of a codestream, whether its end marker is there."""
        if parts.at(4, 4) == b"jP  ":
            return end_of(parts) == parts.size
        return parts.at(parts.size - 2, 2) == b"\xff\xd9"

    def is_lossless(self, photo: Photo, quality: int | None) -> bool:
        """Of a lossless source."""
        return quality is None and photo.pages[0].metadata.lossless

    def encode(
        self, photo: Photo, colored: Sequence[AnyPixels | LumaPlanes], quality: int | None, note: Provenance
    ) -> tuple[bytes, list[str]]:
        """Without loss where the source was; else as many bits a grey pixel as it had, and a quarter more for color."""
        page, around = photo.pages[0], Around.of(photo, photo.pages[0], note)
        array, own = with_alpha(page, rgb_of(colored)), page.metadata
        if array.dtype == np.uint16:
            coded = bytes(imagecodecs.jpeg2k_encode(np.ascontiguousarray(array), reversible=True, codecformat="jp2"))
        else:
            out, options = io.BytesIO(), dict[str, Any]()
            if quality is not None and quality < 100:
                options = {"irreversible": True, "quality_mode": "dB", "quality_layers": [25 + quality / 4]}
            elif quality is None and not own.lossless and photo.format is self.name and photo.metadata.file.size:
                ratio = page.pixels.size / photo.metadata.file.size
                ratio *= array.size / page.pixels.size / (1.25 if page.pixels.ndim == 2 else 1.0)
                options = {"irreversible": True, "quality_mode": "rates", "quality_layers": [max(ratio, 1.0)]}
            Image.fromarray(np.ascontiguousarray(array)).save(out, "JPEG2000", **options)
            coded = out.getvalue()
        metadata = photo.metadata
        whole = jp2_file.with_metadata(
            coded, around.xmp, around.exif, around.icc, own.resolution, metadata.iptc, metadata.boxes
        )
        return whole, []

    def strip(self, data: Data, what: Strip, note: Provenance) -> Stripped:
        """Its boxes without what is to go."""
        return strip_jp2(data[:], what, note)


def _by_openjpeg(data: bytes) -> AnyPixels:
    """The samples as they are stored: OpenJPEG's reader would convert them by a profile."""
    return np.asarray(imagecodecs.jpeg2k_decode(jp2_file.without_profile(data)))


def _pixels(data: bytes, depth: int, is_ink: bool) -> tuple[AnyPixels, AnyPixels | None]:
    if is_ink:
        inks = _by_openjpeg(data)
        return (stretched(inks, depth) if depth > 8 else inks), None
    if depth > 8:
        return deep(_by_openjpeg(data), depth, None)
    found = by_pillow(data, "JPEG2000")
    if depth == 8:
        return found.pixels, found.alpha
    return _few_bits(found.pixels, depth), None if found.alpha is None else _few_bits(found.alpha, depth)


def _few_bits(pixels: AnyPixels, depth: int) -> AnyPixels:
    """Fewer than 8 bits at 8: Pillow only shifts them up."""
    return np.asarray(((pixels >> (8 - depth)).astype(np.uint16) * 255 // (2**depth - 1)).astype(np.uint8))
