"""What a decoded file is: pages of pixels, and all that was written around them.

In:  nothing; these are the words that decode, encode and the packages above share
Out: frozen dataclasses; pixels are uint8 or uint16, (H, W) grey or (H, W, 3) RGB, upright, C-contiguous
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.files.facts import FileFacts
from colorize_cli.metadata.ifd import Ifd, Tag
from colorize_cli.metadata.resolution import Resolution
from colorize_cli.metadata.thumbnail import ThumbnailPlace

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
AnyPixels = NDArray[Any]


@dataclass(frozen=True)
class LumaPlanes:
    """A colored page as JPEG stores it, with chroma of half the size; uint8.

    Attributes:
        y: luma, (H, W); the last row or column of an odd side is there twice.
        cb, cr: (H / 2, W / 2).
        size: width and height that are shown.
    """

    y: NDArray[np.uint8]
    cb: NDArray[np.uint8]
    cr: NDArray[np.uint8]
    size: tuple[int, int]


class PhotoFormat(StrEnum):
    """The file formats that are read; PSD and cameras' raw files are not written."""

    jpeg = "jpeg"
    png = "png"
    tiff = "tiff"
    webp = "webp"
    bmp = "bmp"
    jp2 = "jp2"
    avif = "avif"
    gif = "gif"
    ppm = "ppm"
    heic = "heic"
    jxl = "jxl"
    psd = "psd"
    raw = "raw"


@dataclass(frozen=True)
class DecodeLimits:
    """What a file may declare before anything is allocated for it.

    Attributes:
        max_pixels: pixels of one page.
        max_memory: bytes that decoding one file may take, all its pages together; None: half of what is available.
    """

    max_pixels: int = 1_000_000_000
    max_memory: int | None = None


@dataclass(frozen=True)
class JpegTraits:
    """How a JPEG was compressed, so that its successor can be compressed alike.

    Attributes:
        tables: quantization tables, 64 values each in natural order, luma first, then chroma where there is one.
        quality: of the tables by the scale of the Independent JPEG Group, 1 to 100; estimated where they are others'.
        exact: the tables are the IJG's of that quality.
        sampling: chroma subsampling as "420", "422", "444", "440" or "411"; None for one component.
        progressive: several scans from coarse to fine.
    """

    tables: tuple[tuple[int, ...], ...]
    quality: int
    exact: bool
    sampling: str | None
    progressive: bool = False


@dataclass(frozen=True)
class SubImage:
    """What belongs to a page of a TIFF without being a page: a smaller copy, or a mask.

    Attributes:
        tags: its directory.
        is_level: a smaller copy of the page, to be made anew of the colored one.
        places: the same as its file has it, which says where its strips or tiles are, whatever is stripped from `tags`.
        can_copy: it can be copied as its file has it.
        jpeg: how its JPEG streams were compressed.
    """

    tags: Ifd
    places: Ifd
    is_level: bool = False
    can_copy: bool = False
    jpeg: JpegTraits | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored, not yet upright."""
        return self.tags.integer(256), self.tags.integer(257)


@dataclass(frozen=True)
class MultiPicture:
    """What a JPEG with several pictures says of one of them.

    Attributes:
        attribute: its flags and type, as the file's index has them.
        order: byte order of the tags.
        tags: what its own segment says of it: its number, its angle.
        around: metadata of a picture behind the first; the first one's are the file's.
    """

    attribute: int
    order: str = "<"
    tags: tuple[Tag, ...] = ()
    around: Metadata | None = None


@dataclass(frozen=True)
class PageMetadata:
    """What encode needs to write one page back.

    Attributes:
        resolution: as the file gives it, already turned with the pixels.
        orientation: the EXIF orientation that was undone, 1 to 8.
        tag_srgb: the pixels were brought to sRGB by a grey or CMYK profile, so the output says sRGB.
        premultiplied: color was multiplied by alpha, and still is.
        tags: a TIFF page's own tags; empty for other formats.
        compression: a TIFF page's compression code; 0 for other formats.
        predictor: a TIFF page's predictor code.
        jpeg: how the page's JPEG stream was compressed, where it has one.
        extra: planes beyond color and alpha (spot colors, masks), (H, W, n), or None.
        lossless: the source's coding loses nothing (WebP and JPEG 2000 have both kinds).
        depth: bits per sample as stored, before normalizing to 8 or 16.
        can_copy: a TIFF page can be copied as its file has it, if it stays as it is.
        before: sub-images that stand before the page in the file's chain (thumbnails).
        after: those that follow it (the levels of a pyramid, masks).
        inside: its SubIFDs; most have one directory each, some are chains.
        multi: of a JPEG that holds several pictures, what it says of this one.
    """

    resolution: Resolution | None = None
    orientation: int = 1
    tag_srgb: bool = False
    premultiplied: bool = False
    tags: Ifd | None = None
    compression: int = 0
    predictor: int = 1
    jpeg: JpegTraits | None = None
    extra: AnyPixels | None = None
    lossless: bool = True
    depth: int = 8
    can_copy: bool = False
    before: tuple[SubImage, ...] = ()
    after: tuple[SubImage, ...] = ()
    inside: tuple[tuple[SubImage, ...], ...] = ()
    multi: MultiPicture | None = None

    @property
    def sub_images(self) -> tuple[SubImage, ...]:
        """All of them."""
        return (*self.before, *(sub for chain in self.inside for sub in chain), *self.after)


@dataclass(frozen=True)
class Metadata:
    """What stands around the pixels of a whole file.

    Attributes:
        exif: an EXIF block from its TIFF header on; orientation 1 and no pointer to a thumbnail, else as it was.
        thumbnail: where in it a thumbnail of the result is to stand; None where there was none that can be made anew.
        xmp: the XMP packet.
        xmp_extended: JPEG's ExtendedXMP, its APP1 payloads verbatim.
        iptc: Photoshop image resources, which hold IPTC-IIM, without their thumbnails.
        comments: JPEG or GIF comments.
        text: PNG chunks (type, payload) that go back verbatim: text, time, gamma and the like.
        segments: JPEG segments (marker, payload) that go back verbatim.
        boxes: JPEG 2000 boxes that go back verbatim, each whole.
        byte_order: "<" or ">", of a TIFF file.
        big: the source is a BigTIFF.
        file: times and permissions.
    """

    exif: bytes | None = None
    thumbnail: ThumbnailPlace | None = None
    xmp: bytes | None = None
    xmp_extended: tuple[bytes, ...] = ()
    iptc: bytes | None = None
    comments: tuple[bytes, ...] = ()
    text: tuple[tuple[bytes, bytes], ...] = ()
    segments: tuple[tuple[int, bytes], ...] = ()
    boxes: tuple[bytes, ...] = ()
    byte_order: str = "<"
    big: bool = False
    file: FileFacts = field(default_factory=FileFacts)


@dataclass(frozen=True)
class Page:
    """One picture of a file.

    Attributes:
        pixels: (H, W) grey or (H, W, 3) RGB, uint8 or uint16, upright, C-contiguous; never palette, CMYK or bilevel.
        alpha: (H, W) of the same dtype, or None.
        icc: the RGB profile that the pixels are in; None is sRGB. Grey and CMYK profiles have been applied already.
        metadata: what encode needs to write this page back.
    """

    pixels: AnyPixels
    alpha: AnyPixels | None = None
    icc: bytes | None = None
    metadata: PageMetadata = field(default_factory=PageMetadata)

    @property
    def hides(self) -> bool:
        """Whether alpha hides anything; a plane that is all opaque need not be kept."""
        return self.alpha is not None and bool(self.alpha.min() < np.iinfo(self.alpha.dtype).max)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[0])


@dataclass(frozen=True)
class Photo:
    """A decoded file.

    Attributes:
        path: where it was read.
        format: what it is, whatever its name says.
        pages: at least one.
        metadata: what stands around the pixels.
        notes: what was odd, each a few words for the report.
    """

    path: Path
    format: PhotoFormat
    pages: tuple[Page, ...]
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProbeResult:
    """What a file's header declares, found without decoding.

    Attributes:
        path: the file.
        format: what it is, whatever its name says.
        size: width and height of the largest page, upright.
        pages: how many.
        depth: bits per sample of the deepest page, as stored.
        channels: samples per pixel of the first page, alpha and palette as stored.
        total_pixels: of all pages.
        memory: bytes that decoding it as a whole takes at its peak, its own bytes included.
    """

    path: Path
    format: PhotoFormat
    size: tuple[int, int]
    pages: int = 1
    depth: int = 8
    channels: int = 1
    total_pixels: int = 0
    memory: int = 0
