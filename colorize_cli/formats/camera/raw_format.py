"""Cameras' raw files: developed where rawpy is installed; results are TIFF."""

from __future__ import annotations

from colorize_cli.formats.base import Format
from colorize_cli.formats.camera import camera_raw
from colorize_cli.formats.declared import Declared
from colorize_cli.formats.decoded import DecodedPhoto
from colorize_cli.formats.photo import DecodeLimits, PhotoFormat
from colorize_cli.metadata.ifd import Data


class Raw(Format):
    """Raw files; many start as TIFF, which tells them apart by its tags."""

    name = PhotoFormat.raw
    apart = True
    suffixes = (
        *(".dng", ".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".srf", ".sr2", ".raf", ".orf", ".rw2", ".rwl"),
        *(".pef", ".srw", ".3fr", ".fff", ".iiq", ".erf", ".kdc", ".dcr", ".mrw", ".mef", ".mos", ".x3f"),
    )
    # Of Olympus, Panasonic, Fujifilm, Canon, Minolta, Sigma.
    starts = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"II\x1a\0\0\0HEAPCCDR", b"\0MRM", b"FOVb")
    written_as = (PhotoFormat.tiff, "a camera's raw file is read, but not written")
    header_anywhere = True

    def sniff(self, head: bytes) -> bool:
        """Whether it starts as only raw files do."""
        is_canon = head[4:12] == b"ftypcrx " or head[:4] == b"II*\0" and head[8:11] == b"CR\x02"
        return is_canon or head.startswith(self.starts)

    def declared(self, data: Data) -> Declared:
        """The developed picture."""
        return Declared.of(camera_raw.size_of(data[:]), 16, 3, 36)

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """Develop it."""
        return camera_raw.decode_raw(data, limits)
