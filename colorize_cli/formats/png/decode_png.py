"""Decode PNG of every depth and kind.

In:  the bytes of a file that starts as a PNG
Out: `DecodedPhoto`; 16 bits stay 16, fewer than 8 become 8, a palette becomes its colors
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Iterator, Sequence

import imagecodecs
import numpy as np

from colorize_cli.formats.code_points import profile_named
from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto
from colorize_cli.formats.jpeg.decode_jpeg import reason
from colorize_cli.formats.photo import AnyPixels, Metadata, PageMetadata
from colorize_cli.formats.png import png_about, png_file, png_text
from colorize_cli.formats.png.png_file import PngError, PngFile
from colorize_cli.metadata import exif, irb
from colorize_cli.metadata.resolution import Resolution
from colorize_cli.notes import Loss, Note

logging.getLogger("imagecodecs").setLevel(logging.CRITICAL)  # what it would warn of is checked and said here

# Said anew by encode, or true of the old pixels only.
_NOT_KEPT = frozenset({b"PLTE", b"tRNS", b"iCCP", b"pHYs", b"hIST"})

_CUT, _WRONG = "truncated PNG: its end is missing", "damaged PNG: wrong checksums"


def decode_png(data: bytes, salvage: bool) -> DecodedPhoto:
    """Decode a PNG.

    Raises:
        Damaged: it is damaged or cut short, and `salvage` is not given or does not help.
    """
    try:
        parsed = png_file.parse(data)
    except PngError as error:
        raise Damaged(f"damaged PNG: {error}") from None
    coded, notes = parsed.coded, list[str]()
    if parsed.faults:
        if not salvage:
            raise Damaged(_CUT if parsed.faults == "truncated" else _WRONG, salvageable=True)
        coded = _repair(parsed, notes)
    if parsed.animated:
        notes.append(Note("animated: only the first picture was taken", Loss.frames))
    if (extra := len(data) - parsed.end) > 0 and not parsed.faults and data[parsed.end :].strip(b"\0"):
        notes.append(Note(f"{extra:,} bytes after the picture were left out", Loss.bytes_after))
    pixels, alpha = _pixels(parsed, coded, salvage, notes)
    return photo_of(parsed, pixels, alpha, notes)


def photo_of(parsed: PngFile, pixels: AnyPixels, alpha: AnyPixels | None, notes: list[str]) -> DecodedPhoto:
    """A photo from its pixels, or some of its rows, and what stands around them."""
    found = png_text.around(parsed.chunks)
    block, packet = found.exif, found.xmp
    page = DecodedPage(
        pixels=pixels,
        space="grey" if pixels.ndim == 2 else "rgb",
        alpha=alpha,
        icc=png_file.icc_of(parsed.chunks) or _profile_named(parsed, pixels.ndim == 2, notes),
        orientation=exif.orientation(block, packet),
        metadata=PageMetadata(resolution=_resolution(parsed) or exif.resolution(block), depth=parsed.depth),
    )
    if page.icc is None and (parsed.find(b"iCCP") is not None or b"iCCP" in parsed.lost):
        notes.append(Note("its color profile is damaged and was left out", Loss.profile))
    for kind in sorted(set(parsed.lost) - {b"iCCP"}):
        name = kind.decode("latin-1")
        notes.append(Note(f"a chunk of it ({name}) has a wrong checksum and was left out", Loss.metadata))
    text = tuple(_about(parsed, found.rest, page))
    if pixels.ndim == 2 and parsed.find(b"iCCP") is None:  # of grey they say nothing; the result's colors are sRGB's
        text = tuple(item for item in text if item[0] != b"cICP" or png_about.is_hdr(item[1]))
    if parsed.find(b"hIST") is not None:
        notes.append(Note("the histogram of its palette was left out with the palette", Loss.metadata))
    resources = found.resources
    if resources and irb.has_thumbnail(resources):
        notes.append(exif.THUMBNAIL_LEFT_OUT)
    resources = irb.without_thumbnail(resources) or None if resources else None
    return DecodedPhoto((page,), Metadata(exif=block, xmp=packet, iptc=resources, text=text), tuple(notes))


def _profile_named(parsed: PngFile, is_grey: bool, notes: list[str]) -> bytes | None:
    """The profile of a color space that is named by code points; what cannot be read is told."""
    payload = parsed.find(b"cICP")
    if payload is None or len(payload) != 4 or parsed.find(b"iCCP") is not None:
        return None
    profile, told = profile_named(1 if is_grey and not png_about.is_hdr(payload) else payload[0], payload[1], "PNG")
    if is_grey and profile is not None:
        notes.append(Note("its grey has a curve that is not read from PNG: it is taken as sRGB", Loss.profile))
        return None
    notes += told
    return profile


def _about(parsed: PngFile, chunks: Sequence[tuple[bytes, bytes]], page: DecodedPage) -> Iterator[tuple[bytes, bytes]]:
    """The chunks that go back; those that speak of samples speak of the result's."""
    for kind, payload in chunks:
        if kind in (b"sBIT", b"bKGD"):
            said = png_about.anew(parsed, kind, payload, 8 * page.pixels.itemsize, page.alpha is not None)
            if said is not None:
                yield kind, said
        elif kind not in _NOT_KEPT:
            yield kind, payload


def _pixels(parsed: PngFile, coded: bytes, salvage: bool, notes: list[str]) -> tuple[AnyPixels, AnyPixels | None]:
    before = [item for item in parsed.chunks if parsed.color == 3 and item[0] in (b"PLTE", b"tRNS")]
    if parsed.color == 3 and not parsed.find(b"PLTE"):
        raise Damaged("damaged PNG: it has no palette")
    bare = png_file.assemble(parsed.header(), before, coded, ())
    try:
        pixels: AnyPixels = imagecodecs.png_decode(bare)
    except Exception as error:  # every codec has its own errors, all of which mean the same here
        if salvage and not parsed.faults:
            return _pixels(parsed, _repair(parsed, notes), False, notes)
        raise Damaged(f"damaged PNG: {reason(error)}", salvageable=True) from None
    if pixels.shape[:2] != (parsed.height, parsed.width):
        raise Damaged("damaged PNG: the picture is not of the size that its header declares")
    alpha: AnyPixels | None = None
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        alpha = np.ascontiguousarray(pixels[..., -1])
        pixels = np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :3])
    elif parsed.color in (0, 2) and (key := parsed.find(b"tRNS")):
        alpha = _key_alpha(pixels, parsed, key)
    if parsed.color == 3 and _grey_palette(parsed.find(b"PLTE") or b""):
        pixels = np.ascontiguousarray(pixels[..., 0])
    return pixels, alpha


def _key_alpha(pixels: AnyPixels, parsed: PngFile, key: bytes) -> AnyPixels | None:
    """One value is transparent; it is given in the stored depth."""
    wanted = parsed.channels
    if len(key) < 2 * wanted:
        return None
    top = int(np.iinfo(pixels.dtype).max)
    values = np.array(struct.unpack_from(f">{wanted}H", key), np.int64) & (2**parsed.depth - 1)
    values = (values * (top // (2**parsed.depth - 1))).astype(pixels.dtype)
    same = pixels == values[0] if wanted == 1 else (pixels == values).all(axis=2)
    result: AnyPixels = np.where(same, 0, top).astype(pixels.dtype)
    return result


def _grey_palette(palette: bytes) -> bool:
    return palette[0::3] == palette[1::3] == palette[2::3]


def _repair(parsed: PngFile, notes: list[str]) -> bytes:
    size = parsed.raw_size()
    rows, _ = png_file.inflate(parsed.coded, size)
    if not rows:
        raise Damaged("damaged PNG: nothing of the picture is left")
    got = len(rows) / size
    what = f"{got:.0%} of the picture was there, the rest is black" if got < 1 else "its checksum is wrong"
    notes.append(Note(f"salvaged: {what}", Loss.salvage))
    return zlib.compress(rows.ljust(size, b"\0"), 1)


def _resolution(parsed: PngFile) -> Resolution | None:
    payload = parsed.find(b"pHYs")
    if payload is None or len(payload) < 9:
        return None
    x, y, unit = struct.unpack(">IIB", payload[:9])
    if not x or not y:
        return None
    return Resolution(x * 0.0254, y * 0.0254, "inch") if unit == 1 else Resolution(x, y, "none")
