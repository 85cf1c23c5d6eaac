"""Photoshop documents: their flattened picture is read; results are TIFF."""

from __future__ import annotations

from colorize_cli.formats.base import Format
from colorize_cli.formats.declared import Declared, Stripped
from colorize_cli.formats.decoded import DecodedPhoto
from colorize_cli.formats.photo import DecodeLimits, PhotoFormat
from colorize_cli.formats.psd import psd_header
from colorize_cli.formats.psd.decode_psd import decode_psd, orientation_of
from colorize_cli.formats.psd.strip_psd import strip_psd
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance


class Psd(Format):
    """PSD, and PSB for large documents."""

    name = PhotoFormat.psd
    suffixes = (".psd", ".psb")
    starts = (b"8BPS\0\1", b"8BPS\0\2")
    written_as = (PhotoFormat.tiff, "PSD is read, but not written")
    header_anywhere = True

    def declared(self, data: Data) -> Declared:
        """The canvas."""
        psd = psd_header.header_of(data[:26])
        each = (psd.channels + 8) * max(psd.depth // 8, 1) * 2
        return Declared.of((psd.width, psd.height), min(psd.depth, 16), min(psd.channels, 4), each)

    def orientation(self, data: Data) -> int:
        """EXIF's, or else XMP's, in the resources."""
        return orientation_of(data)

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """The flattened picture."""
        return decode_psd(data, salvage)

    def strip(self, data: Data, what: Strip, note: Provenance) -> Stripped | None:
        """Its resources without the place, or nothing but its picture."""
        return strip_psd(data[:], what, note)
