"""BMP: all kinds are read, 24 bits a pixel are written."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

from PIL import Image

from colorize_cli.formats.around import rgb_of, shallow
from colorize_cli.formats.base import Format
from colorize_cli.formats.bmp import bmp_file, bmp_header
from colorize_cli.formats.bmp.decode_bmp import decode_bmp
from colorize_cli.formats.declared import Declared, FileParts, Holds
from colorize_cli.formats.decoded import DecodedPhoto
from colorize_cli.formats.jpeg.jpeg_format import Jpeg
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, LumaPlanes, Photo, PhotoFormat
from colorize_cli.formats.png.png_format import Png
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.provenance import Provenance, merge


class Bmp(Format):
    """BMP, and bitmaps without their file header; it has no place for XMP, which readers find behind the pixels."""

    name = PhotoFormat.bmp
    suffixes = (".bmp", ".dib")
    holds = Holds.icc | Holds.damaged_xmp | Holds.resolution
    has_alpha = False
    has_16_bits = False
    lossless = True
    has_end = False

    def sniff(self, head: bytes) -> bool:
        """Whether it starts as a bitmap, an array of them, or a bitmap's header."""
        bitmap = head[14:] if head[:2] == b"BA" else head
        is_file = (
            bitmap[:2] == b"BM" and bitmap[14:15] and bitmap[15:18] == b"\0\0\0" and bitmap[14] in bmp_header.SIZES
        )
        return bool(is_file) or bmp_header.starts_as_dib(head)

    def declared(self, data: Data) -> Declared:
        """The picture, which may be a JPEG or PNG inside."""
        whole = bmp_header.with_file_header(data[:])
        header = bmp_header.read_header(whole)
        if header.coding in ("jpeg", "png"):
            return (Jpeg() if header.coding == "jpeg" else Png()).declared(whole[header.offset :])
        channels = 3 + header.has_alpha if header.bits > 8 else 1
        return Declared.of((header.width, header.height), header.depth, channels, 40 if header.depth > 8 else 28)

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """The picture."""
        return decode_bmp(data, limits, salvage)

    def ends(self, parts: FileParts) -> bool:
        """Whether it is as long as its header says."""
        return parts.size >= int(struct.unpack("<I", parts.at(2, 4))[0])

    def encode(
        self, photo: Photo, colored: Sequence[AnyPixels | LumaPlanes], quality: int | None, note: Provenance
    ) -> tuple[bytes, list[str]]:
        """24 bits a pixel, and the packet behind them."""
        page, notes, packet = photo.pages[0], list[str](), merge(photo.metadata.xmp, note)
        rgb, resolution = shallow(rgb_of(colored), self.name, notes), page.metadata.resolution
        if page.icc:
            return bmp_file.with_profile(rgb, page.icc, resolution) + packet, notes
        out, (x, y) = io.BytesIO(), resolution.per_metre() if resolution else (0, 0)
        Image.fromarray(rgb).save(out, "BMP", dpi=(x * 0.0254, y * 0.0254))
        return out.getvalue() + packet, notes
