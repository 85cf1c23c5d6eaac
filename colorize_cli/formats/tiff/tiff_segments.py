"""Read a TIFF page's strips or tiles into one array, and notice when one of them is missing or cut short.

In:  the file's bytes, a page's number and its tags
Out: `Samples`, (H, W, samples) as stored: no palette applied, nothing inverted or stretched
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, replace

import imagecodecs
import numpy as np
import tifffile

from colorize_cli.formats.decoded import Damaged, Unsupported
from colorize_cli.formats.jpeg.decode_jpeg import reason
from colorize_cli.formats.photo import AnyPixels
from colorize_cli.formats.pillow_open import open_image
from colorize_cli.formats.tiff.embedded import size_of
from colorize_cli.formats.tiff.tiff_cost import segment
from colorize_cli.formats.tiff.tiff_fax import FAX, FaxCoding, decode_fax
from colorize_cli.formats.tiff.tiff_jpeg import decode_jpeg_segment, fault_of_interchange
from colorize_cli.formats.tiff.tiff_unpack import DEFLATE, LZW, PACKBITS, partly, plain_copy, unpacked
from colorize_cli.formats.tiff.tiff_ycbcr import decode_units, subsampling
from colorize_cli.metadata.ifd import Ifd
from colorize_cli.metadata.ifd_write import directory, header
from colorize_cli.notes import Loss, Note

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it would warn of is checked and said here

_CODING = frozenset({*range(256, 260), 262, 266, 273, 277, 278, 279, 284, *range(322, 326), *range(512, 522), 530, 532})


_LEAST = 1 << 16  # pixels that a strip may always declare


@dataclass(frozen=True)
class Samples:
    """A page as stored.

    Attributes:
        pixels: (H, W, samples).
        bits: significant bits per sample.
        is_float: they are floating-point numbers.
        is_rgb: the decoder brought YCbCr to RGB already.
        notes: what was odd.
    """

    pixels: AnyPixels
    bits: int
    is_float: bool = False
    is_rgb: bool = False
    notes: tuple[str, ...] = ()


def read_samples(data: bytes, index: int, ifd: Ifd, salvage: bool) -> Samples:
    """Read all strips or tiles of a page.

    Raises:
        Damaged: one of them is missing, cut short or undecodable (with `salvage`: all of them are), or the kind of
            compression is unknown.
    """
    width, height = ifd.integer(256), ifd.integer(257)
    samples = max(ifd.integer(277, 1), 1)
    if width <= 0 or height <= 0:
        raise Damaged(f"damaged TIFF: it declares {width} x {height} pixels")
    bits = {int(b) for b in ifd.numbers(258)} or {1}
    if len(bits) > 1:
        raise Unsupported("unsupported TIFF: its samples have different depths")
    depth = bits.pop()
    compression = ifd.integer(259, 1)
    if compression == 6:
        return _by_pillow(data, ifd)
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            return _assemble(file.pages[index], data, ifd, (height, width, samples), depth, salvage)  # type: ignore[arg-type]
    except Damaged:
        raise
    except MemoryError:
        raise
    except NotImplementedError as error:
        raise Unsupported(f"unsupported TIFF: {reason(error)}") from None
    except Exception as error:  # tifffile and its codecs raise a dozen kinds, all of which mean the same here
        raise Damaged(f"damaged TIFF: {reason(error)}", salvageable=True) from None


def _assemble(
    page: tifffile.TiffPage, data: bytes, ifd: Ifd, shape: tuple[int, int, int], depth: int, salvage: bool
) -> Samples:
    height, width, samples = shape
    separate, deep, _, _, contiguous = page.shaped
    if page.dtype is None or page.dtype.kind not in "buif":
        raise Unsupported(f"unsupported TIFF: samples of {depth} bits")
    if deep != 1 or separate * contiguous != samples or page.imagewidth != width or page.imagelength != height:
        raise Damaged("damaged TIFF: its tags contradict each other")
    if page.is_tiled and page.tilewidth * page.tilelength > 4 * max(width * height, 1 << 22):
        raise Damaged(f"damaged TIFF: it declares tiles of {page.tilewidth:,} x {page.tilelength:,} pixels")
    wanted, lost = _segments_wanted(page, separate, height, width), 0
    pairs = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if len(pairs) < wanted and not salvage:
        raise Damaged("damaged TIFF: not all of its strips are there", salvageable=True)
    if len(pairs) == wanted and (fax := _faxes_at_once(page, data, pairs)) is not None:
        return Samples(fax[..., None], depth)
    out = np.zeros((separate, height, width, contiguous), page.dtype)
    done = 0
    columns, rows = segment(ifd)
    most = 4 * columns * rows * samples * page.dtype.itemsize + _LEAST  # no coding is longer
    for number in range(wanted):
        offset, size = pairs[number] if number < len(pairs) else (0, 0)
        whole = offset > 0 and size > 0 and offset + size <= len(data)
        if not whole and not salvage:
            if not size:
                raise Damaged("damaged TIFF: not all of its strips are there", salvageable=True)
            raise Damaged("truncated TIFF: the end of the picture is missing", salvageable=True)
        size = min(size, most)
        coded = data[offset : offset + size] if offset and size else b""
        block = decode_segment(page, coded, number, salvage)
        if block is None:
            lost += 1
            block = _leniently(page, coded, number) if coded else None
        if block is None:
            continue
        (plane, _, top, left, _), part = block
        rows, columns = min(part.shape[1], height - top), min(part.shape[2], width - left)
        if rows <= 0 or columns <= 0 or plane >= separate:
            continue
        out[plane, top : top + rows, left : left + columns] = part[0, :rows, :columns]
        done += 1
    if not done:
        raise Damaged("damaged TIFF: nothing of the picture is left")
    notes = (
        (
            Note(
                f"salvaged: {lost:,} of {wanted:,} strips were missing or damaged; what is missing is black",
                Loss.salvage,
            ),
        )
        if lost
        else ()
    )
    pixels = np.moveaxis(out[..., 0], 0, -1) if separate > 1 else out[0]
    if pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8)
    return Samples(pixels, depth, pixels.dtype.kind == "f", decodes_to_rgb(ifd), notes)


def decodes_to_rgb(ifd: Ifd) -> bool:
    """Whether a page is stored as YCbCr, and its codec brings it to RGB."""
    return ifd.integer(262, 1) == 6 and ifd.integer(259, 1) in (7, 33007, 34892) and ifd.integer(277, 1) >= 3


def _segments_wanted(page: tifffile.TiffPage, separate: int, height: int, width: int) -> int:
    if page.is_tiled:
        return separate * -(-height // page.tilelength) * -(-width // page.tilewidth)
    return int(separate * -(-height // min(max(page.rowsperstrip, 1), height)))


def decode_segment(
    page: tifffile.TiffPage, coded: bytes, number: int, salvage: bool
) -> tuple[tuple[int, int, int, int, int], AnyPixels] | None:
    """One strip or tile: where it lies (plane, depth, row, column, sample), and its samples.

    Raises:
        Damaged: it cannot be decoded; with `salvage` the answer is None.
    """
    columns, rows = (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.rowsperstrip)
    own = size_of(coded)
    if own is not None and own[0] * own[1] > 4 * max(columns * min(rows, page.imagelength), _LEAST):
        if salvage:
            return None
        raise Damaged(f"damaged TIFF: one of its strips declares {own[0]:,} x {own[1]:,} pixels", salvageable=True)
    try:
        part, where = _decoded(page, coded, number)
    except (MemoryError, NotImplementedError):
        raise
    except Exception as error:  # a codec's own kind
        if salvage:
            return None
        raise Damaged(f"damaged TIFF: {reason(error)}", salvageable=True) from None
    return None if part is None else (where, part)


def _fax_coding(page: tifffile.TiffPage) -> FaxCoding:
    compression = int(page.compression)
    tag = page.tags.get(292 if compression == 3 else 293)
    options = tag.value if tag is not None and isinstance(tag.value, int) else 0
    return FaxCoding(compression, options, int(page.fillorder))


def _faxes_at_once(page: tifffile.TiffPage, data: bytes, places: list[tuple[int, int]]) -> AnyPixels | None:
    """All strips of a fax, (H, W); None where they have to be looked at one by one."""
    if int(page.compression) not in FAX or page.is_tiled or page.samplesperpixel != 1 or page.bitspersample != 1:
        return None
    if len(places) < 2 or any(start <= 0 or size <= 0 or start + size > len(data) for start, size in places):
        return None
    if sum(size for _, size in places) > len(data):  # they lie on one another
        return None
    strips = [data[start : start + size] for start, size in places]
    try:
        return decode_fax(strips, page.imagewidth, page.imagelength, _fax_coding(page), page.rowsperstrip)
    except ValueError:
        return None  # which of them it is comes out one by one


def _decoded(
    page: tifffile.TiffPage, coded: bytes, number: int
) -> tuple[AnyPixels | None, tuple[int, int, int, int, int]]:
    """A strip or tile by the strictest decoder there is, and where it lies; None where it was left out."""
    compression = int(page.compression)
    if coded and (factors := subsampling(page)) is not None:
        return decode_units(page, coded, number, factors)
    own = compression in FAX and page.bitspersample == 1 or compression == 7 and page.bitspersample == 8
    if own and coded:
        _, where, (depth, rows, columns, samples) = page.decode(None, number)
        part: AnyPixels | None = None
        if depth == 1 and compression == 7:
            part = decode_jpeg_segment(coded, page.jpegtables, int(page.photometric), samples)
        elif depth == 1 and samples == 1:
            part = decode_fax([coded], columns, rows, _fax_coding(page))[..., None]
        if part is not None and part.shape[0] >= rows and part.shape[1] >= min(columns, page.imagewidth - where[3]):
            return part[None, :rows, :columns], where
    if compression in (LZW, PACKBITS) and coded:
        return _unpacked(page, coded, number)
    tables = {"jpegtables": page.jpegtables} if page.jpegtables is not None else {}
    part, where, _ = page.decode(coded, number, **tables)
    return part, where


def _leniently(
    page: tifffile.TiffPage, coded: bytes, number: int
) -> tuple[tuple[int, int, int, int, int], AnyPixels] | None:
    """What there is of a damaged strip or tile; None where that is nothing."""
    compression = int(page.compression)
    try:
        if compression in (LZW, PACKBITS) or compression in DEFLATE:
            plain = plain_copy(page)
            _, where, (depth, rows, columns, samples) = plain.decode(None, number)
            coded = bytes(imagecodecs.bitorder_decode(coded)) if int(page.fillorder) == 2 else coded
            raw = partly(coded, compression, depth * rows * -(-columns * samples * page.bitspersample // 8))
            part = plain.decode(raw, number)[0] if raw else None
        else:
            tables = {"jpegtables": page.jpegtables} if page.jpegtables is not None else {}
            part, where, _ = page.decode(coded, number, **tables)
    except MemoryError:
        raise
    except Exception:  # a codec's own kind: nothing is left then
        return None
    return None if part is None else (where, part)


def _unpacked(
    page: tifffile.TiffPage, coded: bytes, number: int
) -> tuple[AnyPixels | None, tuple[int, int, int, int, int]]:
    plain = plain_copy(page)
    _, _, (depth, rows, columns, samples) = plain.decode(None, number)
    line, full = -(-columns * samples * page.bitspersample // 8), depth * rows
    if not page.is_tiled:
        full = max(min(page.rowsperstrip, page.imagelength), rows)
    if int(page.fillorder) == 2:
        coded = bytes(imagecodecs.bitorder_decode(coded))
    part, where, _ = plain.decode(unpacked(coded, int(page.compression), line, depth * rows, full), number)
    return part, where


def _by_pillow(data: bytes, ifd: Ifd) -> Samples:
    """JPEG as TIFF 6.0 first had it, which only libtiff still reads."""
    if wrong := fault_of_interchange(data, ifd):
        raise Damaged(f"damaged TIFF: {wrong}")
    try:
        with open_image(_only_coding(data, ifd), "TIFF") as image:
            if sorted(image.size) != sorted((ifd.integer(256), ifd.integer(257))):
                raise Damaged("damaged TIFF: its tags contradict each other")
            image.load()
            array: AnyPixels = np.array(image if image.mode in ("L", "RGB") else image.convert("RGB"))
    except Damaged:
        raise
    except MemoryError:
        raise
    except Exception as error:  # libtiff's reasons come as many kinds
        raise Damaged(f"damaged TIFF: {reason(error)}", salvageable=False) from None
    return Samples(array.reshape(*array.shape[:2], -1), 8, False, array.ndim == 3)


def _only_coding(data: bytes, ifd: Ifd) -> bytes:
    """The file with one directory, of the tags that say how this page is coded; of others Pillow might warn."""
    kept = [replace(tag, child=None) for tag in ifd.tags if tag.code in _CODING]
    at = len(data) + (len(data) & 1)
    return header(ifd.order, at) + data[8:].ljust(at - 8, b"\0") + bytes(directory(ifd.order, kept, at)[0])
