"""Decode TIFF: every page, each with its own size, depth, tags, profile and orientation.

In:  the bytes of a file that starts as a TIFF (classic or BigTIFF)
Out: `RawPhoto`; 16 bits stay 16, floats become 16, fewer than 8 become 8
"""

from __future__ import annotations

import struct

import numpy as np

from colorize_cli.photos import exif, irb, jpeg_file
from colorize_cli.photos.ifd import Data, Header, Ifd, TagError, read_header, walk
from colorize_cli.photos.limits import check_size
from colorize_cli.photos.photo import AnyPixels, DecodeLimits, JpegTraits, Metadata, PageMetadata
from colorize_cli.photos.raw import Damaged, RawPage, RawPhoto, Space
from colorize_cli.photos.tiff_segments import Samples, read_samples

XMP, ICC, PHOTOSHOP, IPTC = 700, 34675, 34377, 33723
_JPEG = (6, 7, 99, 33007)
_CAMERA_RAW = frozenset({50706, 50740})
_SENSOR = frozenset({32803, 34892})


def decode_tiff(data: bytes, limits: DecodeLimits, salvage: bool) -> RawPhoto:
    """Decode a TIFF.

    Raises:
        Damaged: it is damaged or cut short and `salvage` is not given or does not help, or it is of a kind that has
            no picture (a camera's raw file, values that are not numbers).
        TooManyPixels: a header declares more than the limits allow.
    """
    try:
        header = read_header(data)
        if header.first >= len(data):
            raise Damaged("truncated TIFF: its end is missing, and with it the table that says where its picture is")
        directories = list(walk(data))
    except (TagError, struct.error) as error:
        raise Damaged(f"damaged TIFF: {error}") from None
    notes: list[str] = []
    if directories[-1].next and directories[-1].next not in {ifd.offset for ifd in directories}:
        if not salvage:
            raise Damaged("truncated TIFF: not all of its pages are there", salvageable=True)
        notes.append("salvaged: not all of its pages are there")
    spent, pages = 0, []
    for number, ifd in enumerate(directories, 1):
        width, height = ifd.integer(256), ifd.integer(257)
        bits = max((int(b) for b in ifd.numbers(258)), default=1)
        samples = max(ifd.integer(277, 1), 1)
        per_pixel = samples * max(bits, 8) // 8
        check_size(width, height, per_pixel, limits)
        spent += width * height * per_pixel
        check_size(max(spent, 1), 1, 1, DecodeLimits(max_pixels=max(spent, 1), max_memory=limits.max_memory))
        try:
            pages.append(_page(data, number - 1, ifd, salvage, notes))
        except Damaged as error:
            if len(directories) == 1 or salvage and not pages and number == len(directories):
                raise
            if not salvage:
                raise Damaged(f"page {number}: {error.reason}", salvageable=True) from None
            notes.append(f"salvaged: page {number} was left out ({error.reason})")
    if not pages:
        raise Damaged("damaged TIFF: none of its pages can be read")
    return RawPhoto(tuple(pages), metadata_of(header, pages[0].metadata.tags), tuple(dict.fromkeys(notes)))


def metadata_of(header: Header, first: Ifd | None) -> Metadata:
    """What stands around the pixels, from the header and the first page's tags."""
    xmp = first.find(XMP) if first else None
    resources = first.find(PHOTOSHOP) if first else None
    iptc = first.find(IPTC) if first else None
    blocks = irb.without_thumbnail(resources.value) if resources else irb.with_iptc(iptc.value) if iptc else None
    return Metadata(
        xmp=xmp.value if xmp else None,
        iptc=blocks,
        byte_order=header.order,
        big=header.big,
    )


def _page(data: bytes, index: int, ifd: Ifd, salvage: bool, notes: list[str]) -> RawPage:
    check_kind(ifd)
    return page_of(read_samples(data, index, ifd, salvage), data, ifd, notes)


def check_kind(ifd: Ifd) -> None:
    """Refuse pages that hold no picture.

    Raises:
        Damaged: it is a camera's raw file.
    """
    if ifd.integer(262, 1) in _SENSOR or any(ifd.find(code) for code in _CAMERA_RAW) and ifd.find(330):
        raise Damaged("it is a camera's raw file; develop it to TIFF or JPEG first")


def page_of(samples: Samples, data: Data, ifd: Ifd, notes: list[str]) -> RawPage:
    """A page, or some of its rows, from its samples as stored and its tags; what is odd is added to `notes`.

    Raises:
        Damaged: the samples are no picture.
    """
    photometric = ifd.integer(262, 1)
    notes += samples.notes
    if ifd.find(330):
        notes.append("smaller copies inside the file were left out, they have no colour")
    if ifd.find(37724):
        notes.append("Photoshop layers were left out, they have no colour")
    colour, rest, space = _colour(samples, ifd, photometric, notes)
    alpha, premultiplied, extra = _extras(rest, ifd)
    profile = ifd.find(ICC)
    compression = ifd.integer(259, 1)
    return RawPage(
        pixels=np.ascontiguousarray(colour),
        space=space,
        alpha=alpha,
        icc=profile.value if profile else None,
        orientation=exif.orientation_of(ifd),
        metadata=PageMetadata(
            resolution=exif.resolution_of(ifd),
            premultiplied=premultiplied,
            tags=ifd,
            compression=compression,
            predictor=ifd.integer(317, 1),
            jpeg=_traits(data, ifd) if compression in _JPEG else None,
            extra=extra,
            lossless=compression not in _JPEG,
            depth=max((int(b) for b in ifd.numbers(258)), default=1),
        ),
    )


def _colour(samples: Samples, ifd: Ifd, photometric: int, notes: list[str]) -> tuple[AnyPixels, AnyPixels, Space]:
    """Split samples into colour and the planes beyond, and bring the colour to grey, RGB or CMYK."""
    pixels = samples.pixels
    count = pixels.shape[2]
    wanted = {2: 3, 5: 4, 6: 3, 8: 3, 9: 3, 10: 3}.get(photometric, 1)
    if samples.is_rgb:
        photometric, wanted = 2, 3
    if count < wanted:
        if photometric in (8, 9) and count == 1:  # a Lab file of lightness alone
            photometric, wanted = 1, 1
        else:
            raise Damaged(f"damaged TIFF: {count} samples per pixel, where {wanted} are needed")
    colour, rest = pixels[..., :wanted], pixels[..., wanted:]
    if photometric == 3:
        return _palette(colour[..., 0], ifd, samples.bits), _full(rest, samples.bits), "rgb"
    if photometric in (8, 9, 10):
        return _lab(colour, photometric, samples), _full(rest, samples.bits), "rgb"
    colour, rest = _full(colour, samples.bits, samples.is_float, notes), _full(rest, samples.bits, samples.is_float)
    if photometric == 0:
        colour = np.iinfo(colour.dtype).max - colour
    if photometric == 5:
        eight = colour if colour.dtype == np.uint8 else (colour >> 8).astype(np.uint8)
        rest = rest if rest.dtype == np.uint8 else (rest >> 8).astype(np.uint8)
        return eight, rest, "cmyk"
    if photometric == 6 and not samples.is_rgb:
        return _from_ycbcr(colour), rest, "rgb"
    return (colour[..., 0], rest, "grey") if wanted == 1 else (colour, rest, "rgb")


def _full(values: AnyPixels, bits: int, is_float: bool = False, notes: list[str] | None = None) -> AnyPixels:
    """Stretch samples to the full range of 8 or 16 bits."""
    if not values.size:
        return values.astype(np.uint8 if bits <= 8 else np.uint16)
    if is_float:
        return _from_float(values, notes)
    if values.dtype.kind == "i":
        if values.min() < 0:
            raise Damaged("it holds negative values, so which of them is black is not known")
        values = values.astype(f"u{values.itemsize}")
    if bits in (8, 16):
        return values
    if bits > 16:
        if notes is not None:
            notes.append(f"{bits}-bit samples became 16 bits")
        return np.asarray((values >> (bits - 16)).astype(np.uint16))
    if bits < 8:
        return np.asarray((values.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8))
    return np.asarray((values.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16))


def _from_float(values: AnyPixels, notes: list[str] | None) -> AnyPixels:
    if np.isnan(values).any():
        raise Damaged("it holds values that are not numbers (NaN)")
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(low) or not np.isfinite(high):
        raise Damaged("it holds infinite values")
    black, white = 0.0, next((top for top in (1.0, 255.0, 65535.0) if high <= top), high)
    if low < 0:
        black, white = low, high
    if notes is not None:
        notes.append(f"floating-point samples became 16 bits, {black:g} as black and {white:g} as white")
    out = np.empty(values.shape, np.uint16)
    for row in range(len(values)):  # a row at a time: a float64 copy of a large scan would not fit
        out[row] = np.rint((values[row].astype(np.float64) - black) / max(white - black, 1e-12) * 65535)
    return out


def _palette(index: AnyPixels, ifd: Ifd, bits: int) -> AnyPixels:
    table = np.array(ifd.numbers(320), np.uint16)
    if len(table) < 3 * 2**bits:
        raise Damaged("damaged TIFF: its palette is missing or too short")
    colours = table[: 3 * 2**bits].reshape(3, -1).T
    # The specification says 16 bits; many writers put 8-bit values there.
    eight: AnyPixels = (colours if colours.max() < 256 else colours >> 8).astype(np.uint8)
    return eight[index]


def _lab(values: AnyPixels, photometric: int, samples: Samples) -> AnyPixels:
    import cv2

    if samples.is_float:
        raise Damaged("floating-point Lab, which is not known here")
    if samples.bits not in (8, 16):
        raise Damaged(f"Lab of {samples.bits} bits, which is not known here")
    top = float(2**samples.bits - 1)
    unit = 1.0 if samples.bits == 8 else 256.0
    out = np.empty(values.shape, np.uint8 if samples.bits == 8 else np.uint16)
    for start in range(0, len(values), 256):
        strip = np.ascontiguousarray(values[start : start + 256])
        lab = strip.astype(np.float32)
        lab[..., 0] *= 100.0 / top
        if photometric == 8:  # a* and b* are two's complement
            lab[..., 1:] = strip[..., 1:].astype(f"u{strip.itemsize}").view(f"i{strip.itemsize}") / unit
        else:  # ICC: offset by 128
            lab[..., 1:] = lab[..., 1:] / unit - 128.0
        out[start : start + 256] = np.rint(np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1) * top)
    return out


def _from_ycbcr(values: AnyPixels) -> AnyPixels:
    """ITU-R BT.601 with full range, as TIFF 6.0's defaults say."""
    top = float(np.iinfo(values.dtype).max)
    y, cb, cr = (values[..., i].astype(np.float32) for i in range(3))
    cb, cr = cb - (top + 1) / 2, cr - (top + 1) / 2
    rgb = np.stack((y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb), axis=-1)
    result: AnyPixels = np.rint(np.clip(rgb, 0, top)).astype(values.dtype)
    return result


def _extras(rest: AnyPixels, ifd: Ifd) -> tuple[AnyPixels | None, bool, AnyPixels | None]:
    """Alpha, whether colour is multiplied by it, and the planes beyond it."""
    if not rest.shape[2]:
        return None, False, None
    kinds = [int(kind) for kind in ifd.numbers(338)] + [0] * rest.shape[2]
    at = next((i for i in range(rest.shape[2]) if kinds[i] in (1, 2)), None)
    if at is None:
        return None, False, np.ascontiguousarray(rest)
    others = [i for i in range(rest.shape[2]) if i != at]
    return (
        np.ascontiguousarray(rest[..., at]),
        kinds[at] == 1,
        np.ascontiguousarray(rest[..., others]) if others else None,
    )


def _traits(data: Data, ifd: Ifd) -> JpegTraits | None:
    """How the first JPEG stream of a page was compressed."""
    offsets = ifd.numbers(273) or ifd.numbers(324)
    sizes = ifd.numbers(279) or ifd.numbers(325)
    tables = ifd.find(347)
    if not offsets or not sizes:
        return None
    stream = data[int(offsets[0]) : int(offsets[0]) + int(sizes[0])]
    if tables:
        stream = tables.value[:-2] + stream[2:]
    try:
        return jpeg_file.parse(stream, headers_only=True).traits()
    except (jpeg_file.JpegError, struct.error):
        return None
