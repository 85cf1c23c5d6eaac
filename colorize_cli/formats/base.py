"""What a file format says of itself and can do: the base of the objects in `table`.

In:  the start of a file, or the whole; later a photo and its colored pages
Out: what it declares, its decoded pages, a new file

A new format is a package with one of these, and its line in `table`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from colorize_cli.errors import in_words
from colorize_cli.files.atomic import Patch
from colorize_cli.formats.declared import MOST_TEXT, Declared, FileParts, Holds, OpenedRows, Stripped
from colorize_cli.formats.decoded import Damaged, DecodedPhoto
from colorize_cli.formats.limits import check_need, check_size
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, LumaPlanes, Page, Photo, PhotoFormat, ProbeResult
from colorize_cli.formats.writer import OneBlock, Writer
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import NAMESPACE, Provenance, parse

_MARK = NAMESPACE.encode()
_NEAR = 256 << 10  # bytes from either end, where formats without places of their own keep text


class Format:
    """One file format.

    Attributes:
        name: its key in the table.
        suffixes: of its files, in lower case; the first is that of new ones.
        read_suffixes: those of `suffixes` that no colored result has.
        starts: bytes that its files start with.
        holds: the metadata that it has a place for.
        written_as: the format of a result whose source, or wish, is this one, and why; None where it is written itself.
        longest_side: pixels.
        has_alpha, has_16_bits: what its pixels may have.
        deep_as_png: why a source of more bits than it is written with becomes PNG; "" where its bits become 8.
        lossless: whether nothing is ever lost in its files.
        lossy_is_srgb: its lossy files hold sRGB alone, and no profile.
        header_anywhere: the header need not stand near the file's start.
        has_end: whether a whole file can be told by its end.
        coder_bytes: that its encoder takes for a sample of a pixel, beyond the result's own.
        in_strips: it is written a strip at a time.
        apart: its decoder is less tried than others', and may crash: it gets a process of its own.
        faster_whole: it is read faster at once than a strip at a time, and looked through as a whole for damage.
    """

    name: ClassVar[PhotoFormat]
    suffixes: ClassVar[tuple[str, ...]]
    read_suffixes: ClassVar[frozenset[str]] = frozenset()
    starts: ClassVar[tuple[bytes, ...]] = ()
    holds: ClassVar[Holds] = Holds.exif | Holds.icc | Holds.damaged_xmp
    written_as: ClassVar[tuple[PhotoFormat, str] | None] = None
    longest_side: ClassVar[int] = 2**31
    has_alpha: ClassVar[bool] = True
    has_16_bits: ClassVar[bool] = True
    deep_as_png: ClassVar[str] = ""
    lossless: ClassVar[bool] = False
    lossy_is_srgb: ClassVar[bool] = False
    header_anywhere: ClassVar[bool] = False
    has_end: ClassVar[bool] = True
    coder_bytes: ClassVar[int] = 0
    in_strips: ClassVar[bool] = False
    faster_whole: ClassVar[bool] = False
    apart: ClassVar[bool] = False

    def sniff(self, head: bytes) -> bool:
        """Whether a file with these first 64 bytes is of this format."""
        return bool(self.starts) and head.startswith(self.starts)

    def suffix_of(self, suffix: str, pages: int) -> str:
        """The suffix of a result, in lower case: its source's, in lower case, where that names the format."""
        return suffix if suffix in self.suffixes and suffix not in self.read_suffixes else self.suffixes[0]

    def several(self, source: PhotoFormat, deep: bool) -> bool:
        """Whether a result holds more than one page; `deep` for 16 bits."""
        return False

    # Reading.

    def declared(self, data: Data) -> Declared:
        """What the header declares; what it raises of its own kinds is told apart by `header`."""
        raise NotImplementedError

    def header(self, data: Data) -> Declared:
        """What the header declares.

        Raises:
            Damaged: it cannot be read.
        """
        try:
            return self.declared(data)
        except (ValueError, struct.error) as error:
            raise self.damaged(error) from None

    def check(self, data: bytes, limits: DecodeLimits) -> None:
        """Refuse what a file declares, where that is more than the limits allow.

        Raises:
            Damaged: it has no header that can be read.
            TooManyPixels: it declares more.
        """
        found = self.header(data)
        check_size(found.width, found.height, 0, limits)
        check_need(found.width, found.height, found.peak(len(data)), limits)

    def damaged(self, error: Exception) -> Damaged:
        """What is said where a library, or a reader of this format's structure, raised its own kind of error."""
        return Damaged(f"damaged {self.name.upper()}: {in_words(error)[:120]}")

    def orientation(self, data: Data) -> int:
        """The orientation that is yet to be undone, 1 to 8."""
        return 1

    def pages(self, data: Data) -> int:
        """How many photos a file holds."""
        return 1

    def is_short(self, head: bytes) -> bool:
        """Whether more than a file's first bytes has to be read to know its pages."""
        return False

    def probe(self, path: Path, data: Data, file_size: int) -> ProbeResult:
        """What the header declares, upright.

        Raises:
            Damaged: it cannot be read.
        """
        found, pages = self.header(data), self.pages(data)
        size = (found.width, found.height)
        size = size[::-1] if self.orientation(data) >= 5 else size
        need = pages * found.peak(file_size)
        return ProbeResult(path, self.name, size, pages, found.depth, found.channels, pages * found.pixels, need)

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """Decode a file whose header is within the limits.

        Raises:
            Damaged: it cannot be read.
            TooManyPixels: something in it declares more than the limits allow.
        """
        raise NotImplementedError

    def why_whole(self, found: ProbeResult) -> tuple[str, int]:
        """Why a file cannot be read in strips, "" where it can; and bytes of the largest piece that is decoded at once.

        Raises:
            Damaged: its header cannot be read.
        """
        return f"{self.name.upper()} is not read in strips", 0

    def open_rows(self, path: Path, limits: DecodeLimits, block_bytes: int = 0) -> OpenedRows:
        """Open a file that can be read in strips; `block_bytes` are about those of a block, 0 for what is fast.

        Raises:
            Damaged: it cannot be read.
            TooManyPixels: it declares more than the limits allow.
        """
        raise Damaged("it is no TIFF, JPEG or PNG")

    # Results that stand already.

    def note(self, parts: FileParts) -> Provenance | None:
        """The provenance note of a file; by default near its start, near its end, or between."""
        for start, count in ((0, _NEAR), (max(parts.size - _NEAR, 0), _NEAR), (0, min(parts.size, MOST_TEXT))):
            data = parts.at(start, count)
            if (at := data.find(_MARK)) < 0:
                if not self.has_end and start or parts.size <= _NEAR:
                    return None
                continue
            begin = max(data.rfind(b"<?xpacket begin", 0, at), data.rfind(b"<x:xmpmeta", 0, at), at - 65536, 0)
            end = data.find(b"</rdf:RDF>", at)
            if (note := parse(self.packet_of(data[begin : end if end >= 0 else at + 65536]))) is not None:
                return note
        return None

    def packet_of(self, text: bytes) -> bytes:
        """An XMP packet as it stands in the file."""
        return text

    def ends(self, parts: FileParts) -> bool:
        """Whether a file ends as the format ends; of one without an end, whether all is there that it speaks of."""
        return parts.size > 64

    # Writing.

    def takes_luma(self, page: Page) -> bool:
        """Whether luma and chroma may be given for a colored page, instead of RGB."""
        return False

    def is_lossless(self, photo: Photo, quality: int | None) -> bool:
        """Whether a result holds exactly the pixels that the encoder was given."""
        return self.lossless

    def writer(self, photo: Photo, quality: int | None, note: Provenance, block_rows: int) -> Writer:
        """What writes a file, a block at a time.

        Args:
            photo: its metadata are as `holds` allows.
            quality: 1 to 100, of a lossy coding; None is near the source's.
            note: says how the file was made.
            block_rows: rows of a block at most, of a format that is written in strips; 0 where a page is one block.
        """
        return OneBlock(self.encode, photo, quality, note)

    def encode(
        self, photo: Photo, colored: Sequence[AnyPixels | LumaPlanes], quality: int | None, note: Provenance
    ) -> tuple[bytes, list[str]]:
        """A file whose pages are one block each, and what is to be said of it; for the rest see `writer`."""
        raise NotImplementedError

    def strip(self, data: Data, what: Strip, note: Provenance) -> Stripped | list[Patch] | None:
        """A file without its place (`gps`), or all metadata, and with its coded picture as it is.

        Returns:
            The new file, or what is to be laid over a copy of it; None where that cannot be done.

        Raises:
            ValueError, struct.error, IndexError: its structure cannot be followed.
        """
        return None
