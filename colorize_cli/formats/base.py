"""What a file format says of itself and can do: the base of the objects in `table`.

In:  the start of a file, or the whole; later a photo and its colored pages
Out: what it declares, its decoded pages, the pieces of a new file

A new format is a package with one of these, and its line in `table`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Flag, auto
from pathlib import Path
from typing import BinaryIO, ClassVar

from colorize_cli.errors import in_words
from colorize_cli.files.atomic import Patch
from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto
from colorize_cli.formats.limits import check_need, check_size
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, LumaPlanes, Page, Photo, PhotoFormat, ProbeResult
from colorize_cli.formats.strip import Strip
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.provenance import NAMESPACE, Provenance, parse

Rows = Iterator[tuple[int, DecodedPage]]
Piece = bytes | Patch
_MARK = NAMESPACE.encode()
_NEAR = 256 << 10  # bytes from either end, where formats without places of their own keep text
_MOST_TEXT = 64 << 20


class Block(Flag):
    """A kind of metadata that a format has a place for.

    `exif` is the block, byte for byte; `tiff_tags` are the tags that it holds, as a TIFF's own. Of comments a format
    may hold the first alone.
    """

    exif = auto()
    tiff_tags = auto()
    extended_xmp = auto()
    damaged_xmp = auto()
    iptc = auto()
    first_comment = auto()
    comments = auto()
    png_chunks = auto()
    png_texts = auto()
    jpeg_segments = auto()
    jp2_boxes = auto()
    icc = auto()
    resolution = auto()


@dataclass(frozen=True)
class Declared:
    """What a header declares, before anything is decoded.

    Attributes:
        width, height: of its picture, or its largest one, as stored; not yet upright.
        depth: bits per sample.
        channels: samples per pixel as stored.
        need: bytes that decoding its pixels takes at its peak, beside the file's own bytes.
        copies: how often the file's bytes are in memory at that time.
    """

    width: int
    height: int
    depth: int
    channels: int
    need: int
    copies: int = 2

    @classmethod
    def of(
        cls, size: tuple[int, int], depth: int, channels: int, each: int, copies: int = 2, more: int = 0
    ) -> Declared:
        """By the bytes that each pixel takes, and `more` beside them.

        Raises:
            Damaged: it declares no pixels.
        """
        if size[0] <= 0 or size[1] <= 0:
            raise Damaged(f"damaged picture: its header declares {size[0]:,} x {size[1]:,} pixels")
        return cls(size[0], size[1], depth, channels, size[0] * size[1] * each + more, copies)

    @property
    def pixels(self) -> int:
        """Pixels of the picture."""
        return self.width * self.height

    def peak(self, file_size: int) -> int:
        """Bytes that decoding a file of that size takes."""
        return self.need + self.copies * file_size


@dataclass(frozen=True)
class OpenedRows:
    """A file whose rows are read a few at a time.

    Attributes:
        photo: pages of a single pixel, and what stands around them.
        shapes: height and width of each page, as stored.
        readers: of each page, what starts reading its rows as they are stored.
        reduced: of a grey JPEG, what starts reading the rows of a copy that is smaller by a factor, 2, 4 or 8.
        whole: of a JPEG, what reads the rows that are to stay in memory, which is faster.
    """

    photo: DecodedPhoto
    shapes: list[tuple[int, int]]
    readers: list[Callable[[], Rows]]
    reduced: Callable[[int], Rows] | None = None
    whole: Callable[[], Rows] | None = None


class FileParts:
    """Pieces of an open file; those near its start are there already.

    Args:
        file: it.
        head: its first bytes.
        size: of the file.
    """

    def __init__(self, file: BinaryIO, head: bytes, size: int) -> None:
        self.file, self.head, self.size = file, head, size

    def at(self, start: int, count: int) -> bytes:
        """Some bytes; fewer where the file ends."""
        if start + count <= len(self.head):
            return self.head[start : start + count]
        self.file.seek(start)
        return self.file.read(min(count, _MOST_TEXT))


@dataclass(frozen=True)
class Stripped:
    """A file with less around its pictures.

    Attributes:
        data: its bytes.
        changed: something went; else it is the source's file, but for our note.
        notes: what was left out besides what was asked for.
    """

    data: bytes
    changed: bool
    notes: list[str] = field(default_factory=list)


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
        header_anywhere: the header need not stand near the file's start.
        has_end: whether a whole file can be told by its end.
        coder_bytes: that its encoder takes for a sample of a pixel, beyond the result's own.
        in_strips: it is written a strip at a time.
    """

    name: ClassVar[PhotoFormat]
    suffixes: ClassVar[tuple[str, ...]]
    read_suffixes: ClassVar[frozenset[str]] = frozenset()
    starts: ClassVar[tuple[bytes, ...]] = ()
    holds: ClassVar[Block] = Block.exif | Block.icc | Block.damaged_xmp
    written_as: ClassVar[tuple[PhotoFormat, str] | None] = None
    longest_side: ClassVar[int] = 2**31
    has_alpha: ClassVar[bool] = True
    has_16_bits: ClassVar[bool] = True
    deep_as_png: ClassVar[str] = ""
    lossless: ClassVar[bool] = False
    header_anywhere: ClassVar[bool] = False
    has_end: ClassVar[bool] = True
    coder_bytes: ClassVar[int] = 0
    in_strips: ClassVar[bool] = False

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
        for start, count in ((0, _NEAR), (max(parts.size - _NEAR, 0), _NEAR), (0, min(parts.size, _MOST_TEXT))):
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

    def encode(
        self, photo: Photo, colored: Sequence[AnyPixels | LumaPlanes], quality: int | None, note: Provenance
    ) -> tuple[Iterable[Piece], list[str]]:
        """The pieces of a new file.

        Args:
            photo: its metadata are as `holds` allows.
            colored: each page, (H, W, 3); of a JPEG luma and chroma may stand for it.
            quality: 1 to 100, of a lossy coding; None is near the source's.
            note: says how the file was made.

        Returns:
            The pieces; what is to be said of the file.
        """
        raise NotImplementedError

    def strip(self, data: Data, what: Strip, note: Provenance) -> Stripped | list[Patch] | None:
        """A file without its place (`gps`), or all metadata, and with its coded picture as it is.

        Returns:
            The new file, or what is to be laid over a copy of it; None where that cannot be done.

        Raises:
            ValueError, struct.error, IndexError: its structure cannot be followed.
        """
        return None
