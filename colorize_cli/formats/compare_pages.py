"""Read an output back and compare its pages with its source's: sizes, depth, profile, resolution.

In:  the decoded source, the path of its output, the settings that it was written with
Out: the output, decoded, for those who check its lightness, and what of the source is missing in it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from colorize_cli.errors import counted
from colorize_cli.files.facts import FileFacts
from colorize_cli.formats import strip
from colorize_cli.formats.base import Format
from colorize_cli.formats.declared import Holds
from colorize_cli.formats.decode import DecodeLimits, decode_bytes
from colorize_cli.formats.encode import EncodeSettings, encode_pages
from colorize_cli.formats.photo import AnyPixels, Page, Photo
from colorize_cli.formats.table import FORMATS
from colorize_cli.formats.tiff.tiff_tags import LOSSY_COMPRESSIONS
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.metadata.resolution import Resolution

_NO_LIMITS = DecodeLimits(max_pixels=2**62)


@dataclass(frozen=True)
class ReadBack:
    """An output read back.

    Attributes:
        photo: as decoded again.
        lossless: of each page, whether its pixels are exactly those that the encoder was given.
        faults: what is not as it should be, each a few words; none is good.
    """

    photo: Photo
    lossless: tuple[bool, ...]
    faults: tuple[str, ...]


def compared(source: Photo, back: Photo, settings: EncodeSettings) -> ReadBack:
    """Compare an output that was read back with its source; pixels and transparency are not looked at.

    What stands around the pixels is not compared here: what this reader does not see, it does not miss. That is done
    by `metadata.audit`, from the files.
    """
    expected = strip.strip(source, settings.strip)
    faults = _pages(expected, back)
    if back.metadata.file.mtime_ns // 10**9 != source.metadata.file.mtime_ns // 10**9:
        faults.append("the file's time differs")
    exact = FORMATS[back.format].is_lossless(source, settings.quality)
    lossless = tuple(exact and page.metadata.compression not in LOSSY_COMPRESSIONS for page in back.pages)
    return ReadBack(back, lossless, tuple(faults))


def through_encoder(photo: Photo, pages: Sequence[AnyPixels], settings: EncodeSettings) -> tuple[AnyPixels, ...]:
    """Pixels as they come back from the same encoder with the same settings: what coding alone does to a grey picture.

    Args:
        photo: the source.
        pages: per page (H, W) or (H, W, 3), of the page's size and dtype.
        settings: how.

    Raises:
        EncodeError: they cannot be coded.
        DecodeError: they cannot be read back.
    """
    data = encode_pages(photo, pages, settings, Provenance("colorize-cli", "", "", ""))
    return tuple(page.pixels for page in decode_bytes(data, photo.path, FileFacts(), _NO_LIMITS).pages)


def _pages(source: Photo, back: Photo) -> list[str]:
    if len(back.pages) != len(source.pages):
        return [f"{counted(len(back.pages), 'page')} instead of {len(source.pages)}"]
    faults = []
    for number, (before, after) in enumerate(zip(source.pages, back.pages, strict=True), 1):
        where = f"page {number}: " if len(source.pages) > 1 else ""
        faults += [where + fault for fault in _page(before, after, FORMATS[back.format])]
    return faults


def _page(before: Page, after: Page, format: Format) -> list[str]:
    faults = []
    if before.size != after.size:
        faults.append(f"{after.size[0]} x {after.size[1]} pixels instead of {before.size[0]} x {before.size[1]}")
    if before.pixels.dtype != after.pixels.dtype and format.has_16_bits:
        faults.append(f"{8 * after.pixels.itemsize} bits instead of {8 * before.pixels.itemsize}")
    was_applied = before.metadata.tag_srgb or format.lossy_is_srgb and not after.metadata.lossless and not after.icc
    if before.icc != after.icc and not was_applied and Holds.icc in format.holds:
        faults.append("the color profile differs")
    if Holds.tiff_tags in format.holds and _subs(before) != _subs(after):
        faults.append("the sub-images differ")
    if not _near(before.metadata.resolution, after.metadata.resolution) and Holds.resolution in format.holds:
        faults.append("the resolution differs")
    return faults


def _subs(page: Page) -> list[tuple[int, ...]]:
    """How many sub-images stand where, and their sizes, upright."""
    own = page.metadata
    where = (len(own.before), len(own.after), *map(len, own.inside))
    turned = own.orientation >= 5
    return [where, *(sub.size[::-1] if turned and sub.is_level else sub.size for sub in own.sub_images)]


def _near(a: Resolution | None, b: Resolution | None) -> bool:
    """The same but for the rounding of a format's units; what nothing can have been scanned with is none."""
    if a is None or a.unit == "none" or not a.is_real:
        return True
    step = 2.54 if a.unit == "cm" else 1.0  # JPEG has whole numbers of the source's unit
    return b is not None and all(
        abs(x - y) <= max(0.01 * x, 0.6 * step) for x, y in zip(a.per_inch(), b.per_inch(), strict=True)
    )
