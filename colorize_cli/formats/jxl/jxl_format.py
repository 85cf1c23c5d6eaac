"""JPEG XL: read and written by imagecodecs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from colorize_cli.color.icc_convert import rgb_to_srgb
from colorize_cli.formats.around import Around, rgb_of, with_alpha
from colorize_cli.formats.base import Format
from colorize_cli.formats.declared import Declared, Holds, Stripped
from colorize_cli.formats.decoded import DecodedPhoto
from colorize_cli.formats.jxl import jxl, jxl_file, jxl_header
from colorize_cli.formats.jxl.strip_jxl import strip_jxl
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, LumaPlanes, Photo, PhotoFormat
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, Note


class Jxl(Format):
    """JPEG XL: files, and bare codestreams."""

    name = PhotoFormat.jxl
    apart = True
    suffixes = (".jxl",)
    starts = (b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a")
    holds = Holds.exif | Holds.icc | Holds.damaged_xmp | Holds.resolution
    header_anywhere = True
    lossy_is_srgb = True
    coder_bytes = 24

    def declared(self, data: Data) -> Declared:
        """The canvas."""
        header = jxl_header.header_of(jxl_file.start_of(data))
        channels = (1 if header.grey else 3) + header.channels
        return Declared.of(header.size, min(header.bits, 16), channels, 48 + 4 * header.channels)

    def orientation(self, data: Data) -> int:
        """XMP's, where neither the codestream nor EXIF gives one: libjxl undoes theirs."""
        return jxl.left_to_undo(data[:])

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """The first picture."""
        return jxl.decode_jxl(data)

    def encode(
        self, photo: Photo, colored: Sequence[AnyPixels | LumaPlanes], quality: int | None, note: Provenance
    ) -> tuple[bytes, list[str]]:
        """In the source's color space where nothing is lost, else in sRGB."""
        page, notes = photo.pages[0], list[str]()
        array, own, around = with_alpha(page, rgb_of(colored)), page.metadata.lossless, Around.of(photo, page, note)
        profile = page.icc if page.icc and jxl.holds(page.icc, quality, own) else None
        if page.icc and profile is None:
            color = rgb_to_srgb(array[..., :3], page.icc)
            if color is None:
                notes.append(Note("its color profile could not be applied and was left out", Loss.profile))
            else:
                notes.append(Note("its color profile was applied: JXL is written in sRGB", Loss.profile))
                array = color if array.shape[2] == 3 else np.dstack((color, array[..., 3]))
        return jxl.encode_jxl(array, quality, own, around.exif, around.xmp, profile), notes

    def strip(self, data: Data, what: Strip, note: Provenance) -> Stripped:
        """Its boxes without what is to go."""
        return strip_jxl(data[:], what, note)
