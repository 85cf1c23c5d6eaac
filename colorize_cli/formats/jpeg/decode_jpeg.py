"""Decode JPEG: grey straight to grey, RGB, and the CMYK kinds.

In:  the bytes of a file that starts as a JPEG
Out: `DecodedPhoto`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import imagecodecs
import numpy as np

from colorize_cli.errors import in_words
from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto, Unsupported
from colorize_cli.formats.halved_chroma import has_hard_edges
from colorize_cli.formats.jpeg import jpeg_file, mpf, multi_jpeg
from colorize_cli.formats.jpeg.encode_jpeg import halves_chroma
from colorize_cli.formats.jpeg.jpeg_file import APP0, APP1, APP2, APP13, APP14, COM, JpegError, JpegFile
from colorize_cli.formats.jpeg.jpeg_pixels import JpegDamage, decode_leniently, decode_strictly
from colorize_cli.formats.photo import AnyPixels, JpegTraits, Metadata, PageMetadata
from colorize_cli.metadata import exif, irb
from colorize_cli.metadata.resolution import Resolution
from colorize_cli.notes import Loss, Note

_KEPT_ELSEWHERE = ((APP1, jpeg_file.EXIF), (APP1, jpeg_file.XMP), (APP1, jpeg_file.XMP_EXTENDED), (APP2, jpeg_file.ICC))
# These describe the old file's coding or point into it: JFIF, its thumbnail, Adobe's transform, multi-picture offsets.
_STALE = (
    (APP0, b"JFIF\0"),
    (APP0, b"JFXX\0"),
    (APP14, b"Adobe"),
    (APP2, jpeg_file.MPF),
    (APP2, multi_jpeg.ISO_GAIN_MAP),
)
_HIERARCHICAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})


def decode_jpeg(data: bytes, salvage: bool, check: Callable[[list[bytes]], None]) -> DecodedPhoto:
    """Decode a JPEG: one photo, or all that it holds; what only goes with the first one is left out with a note.

    Args:
        data: the file.
        salvage: take what is there of a damaged one.
        check: refuses several pictures that take more memory than is allowed.

    Raises:
        Damaged: it is no JPEG that can be read, or its end is missing and `salvage` is not given.
        TooManyPixels: by `check`.
    """
    try:
        parsed = jpeg_file.parse(data)
    except JpegError as error:
        raise Damaged(f"damaged JPEG: {error}") from None
    first = _decode_one(data, parsed, salvage)
    if not parsed.complete or len(data) <= parsed.end:
        return first
    pictures = multi_jpeg.following(data, parsed)
    photos = [picture for picture in pictures if picture.kind == "photo"]
    notes = multi_jpeg.left_out(data, parsed, pictures)
    metadata = multi_jpeg.of_what_is_left(first.metadata) if notes else first.metadata
    if not photos:
        return DecodedPhoto(first.pages, metadata, (*first.notes, *notes))
    check([data, *(picture.data for picture in photos)])
    about = multi_jpeg.first_of_several(parsed, mpf.entries(data)[0].attribute)
    pages = [replace(first.pages[0], metadata=replace(first.pages[0].metadata, multi=about))]
    for number, picture in enumerate(photos, 2):
        try:
            found = _decode_one(picture.data, jpeg_file.parse(picture.data), salvage)
        except JpegError as error:
            raise Damaged(f"damaged JPEG: picture {number}: {error}") from None
        except Damaged as error:
            raise Damaged(f"picture {number}: {error.reason}", salvageable=error.salvageable) from None
        about = multi_jpeg.further(picture.data, picture.attribute, found.metadata)
        pages.append(replace(found.pages[0], metadata=replace(found.pages[0].metadata, multi=about)))
        notes += [multi_jpeg.of_picture(number, note) for note in found.notes]
    return DecodedPhoto(tuple(pages), metadata, (*first.notes, *notes))


def _decode_one(data: bytes, parsed: JpegFile, salvage: bool) -> DecodedPhoto:
    """The first picture of a file."""
    frame, notes = parsed.frame, list[str]()
    if not frame.width or not frame.height or not frame.components:
        raise Damaged(f"damaged JPEG: its header declares {frame.width} x {frame.height} pixels")
    check_kind(parsed)
    if not parsed.complete:
        if not salvage:
            raise Damaged("truncated JPEG: the end of the picture is missing", salvageable=True)
        data += b"\xff\xd9"  # the decoder then fills what is missing
    pixels, space, damage = _pixels(data, parsed, salvage)
    if not parsed.complete:
        lost = _lost_rows(pixels)
        what = f"about {lost:,} of {frame.height:,} rows are missing at the bottom" if lost else "its end is missing"
        notes.append(Note(f"salvaged: {what}", Loss.salvage))
    elif damage:
        notes.append(Note(f"salvaged: part of the picture is damaged ({damage})", Loss.salvage))
    traits = parsed.traits()
    if traits is not None and halves_chroma(traits) and has_hard_edges(pixels):
        traits = replace(traits, sampling="444")
    return photo_of(parsed, pixels, space, notes, traits)


def photo_of(
    parsed: JpegFile, pixels: AnyPixels, space: str, notes: list[str], traits: JpegTraits | None = None
) -> DecodedPhoto:
    """A photo from its pixels, or some of its rows, and what stands around them.

    Args:
        parsed: the file.
        pixels: of the frame.
        space: what they mean.
        notes: what is to be told.
        traits: how a successor is to be compressed; None is as the file was.
    """
    profile = jpeg_file.icc_of(parsed)
    if profile is None and parsed.payloads(APP2, jpeg_file.ICC):
        notes.append(Note("its color profile is damaged and was left out", Loss.profile))
    blocks = jpeg_file.exif_blocks(parsed)
    block = blocks[0] if blocks else None
    packets = parsed.payloads(APP1, jpeg_file.XMP)
    resources = b"".join(parsed.payloads(APP13, jpeg_file.PHOTOSHOP))
    if irb.has_thumbnail(resources) or _has_own_thumbnail(parsed):
        notes.append(exif.THUMBNAIL_LEFT_OUT)
    page = DecodedPage(
        pixels=pixels,
        space=space,  # type: ignore[arg-type]
        icc=profile,
        orientation=exif.orientation(block, packets[0] if packets else None),
        metadata=PageMetadata(
            resolution=_density(parsed) or exif.resolution(block),
            jpeg=traits or parsed.traits(),
            lossless=False,
            depth=parsed.frame.precision,
        ),
    )
    metadata = Metadata(
        exif=block,
        xmp=packets[0] if packets else None,
        xmp_extended=tuple(parsed.payloads(APP1, jpeg_file.XMP_EXTENDED)),
        iptc=irb.without_thumbnail(resources) or None,
        comments=tuple(payload for marker, payload in parsed.segments if marker == COM),
        segments=tuple(_others(parsed)),
    )
    return DecodedPhoto((page,), metadata, tuple(notes))


def _others(parsed: JpegFile) -> list[tuple[int, bytes]]:
    """Segments that are kept verbatim; a second EXIF block or XMP packet is among them."""
    known, packets = (*_KEPT_ELSEWHERE, *_STALE, (APP13, jpeg_file.PHOTOSHOP)), 0
    kept = [part for block in jpeg_file.exif_blocks(parsed)[1:] for part in jpeg_file.exif_segments(block)]
    for marker, payload in parsed.segments:
        prefix = next((start for kind, start in known if marker == kind and payload.startswith(start)), None)
        packets += prefix == jpeg_file.XMP
        if prefix is None and marker != COM or prefix == jpeg_file.XMP and packets > 1:
            kept.append((marker, payload))
    return kept


def _has_own_thumbnail(parsed: JpegFile) -> bool:
    """Whether the JFIF header, or its extension, holds a smaller copy."""
    headers = parsed.payloads(APP0, b"JFIF\0")
    return bool(parsed.payloads(APP0, b"JFXX\0")) or any(len(part) >= 9 and part[7] * part[8] for part in headers)


def check_kind(parsed: JpegFile) -> None:
    """Refuse kinds of JPEG that no reader here knows, though they may be whole."""
    frame = parsed.frame
    if frame.marker in _HIERARCHICAL:
        raise Unsupported("unsupported JPEG: it is hierarchical")
    if len(frame.components) not in (1, 3, 4):
        raise Unsupported(f"unsupported JPEG: {len(frame.components)} components per pixel")
    if frame.precision != 8 and not (9 <= frame.precision <= 16):
        raise Unsupported(f"unsupported JPEG: {frame.precision} bits per sample")


def _pixels(data: bytes, parsed: JpegFile, salvage: bool) -> tuple[AnyPixels, str, str]:
    """The samples, what they mean, and with `salvage` what is damaged."""
    count, precision, damage = len(parsed.frame.components), parsed.frame.precision, ""
    try:
        if precision > 8:
            pixels = _deep(data, precision)
        else:
            try:
                pixels = decode_strictly(data, count)
            except JpegDamage as error:
                damage = str(error)
                pixels = decode_leniently(jpeg_file.mended(data, parsed.scan) if parsed.torn else data, count)
    except Exception as error:  # every codec has its own errors, all of which mean the same here
        raise Damaged(f"damaged JPEG: {damage or reason(error)}", salvageable=False) from None
    if damage and not salvage:
        raise Damaged(f"damaged JPEG: {damage}", salvageable=True)
    if pixels.shape != (parsed.frame.height, parsed.frame.width, *([count] if count > 1 else [])):
        raise Damaged("damaged JPEG: the picture is not of the size that its header declares")
    if count == 4:  # Adobe's inks are stored as what is left of the paper's white, and others follow it
        np.subtract(np.iinfo(pixels.dtype).max, pixels, out=pixels)
    return pixels, {1: "grey", 3: "rgb", 4: "cmyk"}[count], damage


def _deep(data: bytes, precision: int) -> AnyPixels:
    """12 bits, or lossless JPEG of up to 16, stretched to 16; libjpeg's warnings about these are out of reach."""
    deep = imagecodecs.jpeg_decode(data, bitspersample=precision)
    if precision == 16:
        return np.asarray(deep)
    return np.asarray((deep.astype(np.uint32) * 65535 // (2**precision - 1)).astype(np.uint16))


def reason(error: Exception) -> str:
    """An error of a codec, on one line."""
    return in_words(error)[:120]


def _density(parsed: JpegFile) -> Resolution | None:
    for payload in parsed.payloads(APP0, b"JFIF\0"):
        if len(payload) >= 7:
            unit, x, y = payload[2], int.from_bytes(payload[3:5]), int.from_bytes(payload[5:7])
            if x and y and (unit in (1, 2) or x != y):
                return Resolution(x, y, "inch" if unit == 1 else "cm" if unit == 2 else "none")
    return None


def _lost_rows(pixels: AnyPixels) -> int:
    """Rows at the bottom that repeat the one above them, as a decoder fills what is missing."""
    flat = pixels.reshape(len(pixels), -1)
    same = (flat[1:] == flat[:-1]).all(axis=1)[::-1]
    return len(same) if same.all() else int(np.argmin(same))
