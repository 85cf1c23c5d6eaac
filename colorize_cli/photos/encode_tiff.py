"""Encode TIFF: every page with its own depth, compression and tags.

In:  RGB pixels per page, (H, W, 3), uint8 or uint16; the photo that they belong to
Out: the pieces of a TIFF, classic or, where 4 GB do not hold it, BigTIFF
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import imagecodecs
import numpy as np

from colorize_cli.photos import exif, irb, profiles
from colorize_cli.photos.encode_jpeg import code_pixels
from colorize_cli.photos.ifd import Tag, TagError, read_header, read_ifd
from colorize_cli.photos.ifd_write import directory, header
from colorize_cli.photos.jpeg_file import assemble
from colorize_cli.photos.photo import AnyPixels, Page, Photo
from colorize_cli.photos.provenance import Provenance, merge

NONE, LZW, JPEG, DEFLATE, PACKBITS = 1, 5, 7, 8, 32773
_STRIP = 1 << 20
_LEVEL = 4
# Said anew, or true of the old pixels only. 330: smaller copies; 34377, 700, 34675: changed below.
_NOT_KEPT = frozenset(
    {256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 288, 289, 290, 291}
    | {292, 293, 296, 301, 317, 320, 322, 323, 324, 325, 330, 332, 333, 334, 336, 338, 339, 340, 341, 347, 37724}
    | {*range(512, 522), 529, 530, 531, 532, 700, 32934, 32995, 32996, 32997, 32998, 34377, 34675}
)


def encode_tiff(
    photo: Photo, colored: Sequence[AnyPixels], quality: int | None, note: Provenance
) -> tuple[Iterator[bytes], list[str]]:
    """Encode all pages as a TIFF file."""
    order = order_of(photo)
    raw = sum(
        pixels.nbytes + (page.alpha.nbytes if page.alpha is not None else 0)
        for pixels, page in zip(colored, photo.pages, strict=True)
    )
    big = photo.metadata.big or raw > 3_900_000_000
    return _pieces(photo, colored, quality, note, order, big), []


def order_of(photo: Photo) -> str:
    """The source's byte order, so that raw values can be copied."""
    if photo.pages[0].metadata.tags is None and photo.metadata.exif:
        try:
            return read_header(photo.metadata.exif).order
        except TagError:
            return "<"
    return photo.metadata.byte_order


def _pieces(
    photo: Photo, colored: Sequence[AnyPixels], quality: int | None, note: Provenance, order: str, big: bool
) -> Iterator[bytes]:
    """The directory of a page stands after its pixels, and the header's and each directory's link are known before.

    A link to the next page would have to be patched when that page is laid out; so a page's strips are coded first,
    then its directory follows, which links to the place where the next page's directory will be: known once that page
    is coded. Hence one page is held back.
    """
    at = 16 if big else 8
    held: tuple[bytearray, int] | None = None
    strips_of_next: list[bytes] = []
    for number, (page, rgb) in enumerate(zip(photo.pages, colored, strict=True)):
        strips, tags = _page(photo, page, rgb, quality, note, order, first=number == 0)
        strips_of_next = [strip + bytes(len(strip) & 1) for strip in strips]
        base = at + (len(held[0]) if held else 0)
        offsets, position = [], base
        for strip in strips_of_next:
            offsets.append(position)
            position += len(strip)
        kind, letter = (16, "Q") if big else (4, "I")
        tags.append(Tag(273, kind, len(offsets), struct.pack(f"{order}{len(offsets)}{letter}", *offsets)))
        tags.append(Tag(279, kind, len(strips), struct.pack(f"{order}{len(strips)}{letter}", *map(len, strips))))
        laid, next_at = directory(order, tags, position, big)
        if held is None:
            yield header(order, position, big)
        else:
            struct.pack_into(f"{order}{letter}", held[0], held[1], position)
            yield bytes(held[0])
        yield from strips_of_next
        at, held = position, (laid, next_at)
    if held is not None:
        yield bytes(held[0])


def _page(
    photo: Photo, page: Page, rgb: AnyPixels, quality: int | None, note: Provenance, order: str, first: bool
) -> tuple[list[bytes], list[Tag]]:
    own = page.metadata
    planes, kinds = planes_of(page, rgb)
    height, width, samples = planes.shape
    bits = 8 * planes.itemsize
    compression = compression_of(page, samples, bits)
    predictor = 2 if compression in (LZW, DEFLATE) else 1
    rows = height if compression == JPEG else max(_STRIP // max(width * samples * planes.itemsize, 1), 1)
    tags = [short(order, 256, width, long=True), short(order, 257, height, long=True)]
    tags += [short(order, 258, *([bits] * samples)), short(order, 259, compression)]
    tags += [short(order, 262, 6 if compression == JPEG else 2), short(order, 277, samples)]
    tags += [short(order, 278, rows, long=True), short(order, 284, 1)]
    if predictor == 2:
        tags.append(short(order, 317, 2))
    if kinds:
        tags.append(short(order, 338, *kinds))
    if compression == JPEG:
        tags.append(short(order, 530, *sampling_of(page)))
        strips = [assemble(code_pixels(np.ascontiguousarray(planes), own.jpeg, quality), ())]
    else:
        strips = [_code(planes[top : top + rows], compression, order) for top in range(0, height, rows)]
    tags += described(photo, page, note, order, first)
    return strips, tags


def planes_of(page: Page, rgb: AnyPixels) -> tuple[AnyPixels, list[int]]:
    """Colour, alpha and the planes beyond, in the source's sequence, and their kinds for ExtraSamples."""
    parts, kinds = [rgb], list[int]()
    if page.alpha is not None:
        parts.append(page.alpha[..., None])
        kinds.append(1 if page.metadata.premultiplied else 2)
    extra = page.metadata.extra
    if extra is not None and extra.dtype == rgb.dtype:
        parts.append(extra)
        kinds += [0] * extra.shape[2]
    return (np.concatenate(parts, axis=2) if kinds else rgb), kinds


def compression_of(page: Page, samples: int, bits: int) -> int:
    """The compression of the coloured page: the source's, or the nearest lossless one that is written here."""
    source = page.metadata.compression
    if source in (6, 7, 99, 33007):
        fits = samples == 3 and bits == 8 and max(page.size) <= 65500
        return JPEG if fits else DEFLATE
    return source if source in (NONE, LZW, PACKBITS) else DEFLATE


def sampling_of(page: Page) -> tuple[int, int]:
    """How often chroma is taken across and down, of a page coded as JPEG."""
    name = page.metadata.jpeg.sampling if page.metadata.jpeg else None
    return {"444": (1, 1), "422": (2, 1), "440": (1, 2), "411": (4, 1)}.get(name or "420", (2, 2))


def _code(rows: AnyPixels, compression: int, order: str) -> bytes:
    rows = np.ascontiguousarray(rows)
    if compression in (LZW, DEFLATE):
        rows = rows.copy()
        rows[:, 1:] -= rows[:, :-1].copy()  # predictor 2: differences along the row, wrapping round
    raw = rows.astype(rows.dtype.newbyteorder(">" if order == ">" else "<"), copy=False).tobytes()
    if compression == LZW:
        return bytes(imagecodecs.lzw_encode(raw))
    if compression == DEFLATE:
        return bytes(imagecodecs.zlib_encode(raw, level=_LEVEL))
    if compression == PACKBITS:
        step = rows.shape[1] * rows.shape[2] * rows.itemsize  # a run must not cross rows
        return b"".join(bytes(imagecodecs.packbits_encode(raw[i : i + step])) for i in range(0, len(raw), step))
    return raw


def short(order: str, code: int, *values: int, long: bool = False) -> Tag:
    """A tag of 16-bit integers, or of 32-bit ones."""
    kind, letter = (4, "I") if long else (3, "H")
    return Tag(code, kind, len(values), struct.pack(f"{order}{len(values)}{letter}", *values))


def described(photo: Photo, page: Page, note: Provenance, order: str, first: bool) -> list[Tag]:
    """The tags that are not about coding: the source's own, profile, resolution, XMP, image resources, software."""
    metadata, own = photo.metadata, page.metadata
    source = own.tags.tags if own.tags else _from_exif(metadata.exif, order)
    tags = [tag for tag in source if tag.code not in _NOT_KEPT]
    if any(tag.code == 274 for tag in source):
        tags.append(short(order, 274, 1))
    if own.resolution:
        tags += exif.resolution_tags(own.resolution, order)
    profile = page.icc or (profiles.srgb_profile() if own.tag_srgb else None)
    if profile:
        tags.append(Tag(34675, 7, len(profile), profile))
    packet = next((tag.value for tag in source if tag.code == 700), None)
    if first:
        packet = merge(metadata.xmp, note)
        if not any(tag.code == 305 for tag in tags):
            tags.append(exif.ascii_tag(305, note.line()))
    if packet:
        tags.append(Tag(700, 1, len(packet), packet))
    resources = next((irb.without_thumbnail(tag.value) for tag in source if tag.code == 34377), None)
    if first and own.tags is None:
        resources = metadata.iptc
    if resources:
        tags.append(Tag(34377, 1, len(resources), resources))
    if first and own.tags is None and (iptc := irb.iptc_of(metadata.iptc)):
        tags.append(Tag(33723, 1, len(iptc), iptc))  # where readers look that know nothing of Photoshop
    if first and metadata.comments and not any(tag.code == 270 for tag in tags):
        text = metadata.comments[0].rstrip(b"\0") + b"\0"
        tags.append(Tag(270, 2, len(text), text))
    seen: dict[int, Tag] = {}
    for tag in tags:
        seen.setdefault(tag.code, tag)
    return list(seen.values())


def _from_exif(block: bytes | None, order: str) -> tuple[Tag, ...]:
    """The tags of an EXIF block, for a page that had none of its own; only where its byte order is the file's."""
    if not block:
        return ()
    try:
        start = read_header(block)
        found = read_ifd(block, start, start.first)
    except (TagError, struct.error):
        return ()
    return found.tags if start.order == order else ()
