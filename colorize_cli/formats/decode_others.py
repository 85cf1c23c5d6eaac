"""Decode WebP, JPEG 2000, AVIF, GIF and HEIC.

In:  the bytes of a file of one of these formats
Out: `RawPhoto`; the first picture where there are several
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from colorize_cli.color.icc import space_of
from colorize_cli.formats import exif, webp_file
from colorize_cli.formats.around_others import around
from colorize_cli.formats.bmp.decode_bmp import decode_bmp
from colorize_cli.formats.gif import gif_file, gif_lzw
from colorize_cli.formats.heif.heif import decode_heif
from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.formats.jpeg.decode_jpeg import reason
from colorize_cli.formats.jxl.jxl import decode_jxl
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, Metadata, PageMetadata, PhotoFormat, Resolution
from colorize_cli.formats.pillow_open import open_image
from colorize_cli.formats.psd.decode_psd import decode_psd
from colorize_cli.formats.raw import Damaged, RawPage, RawPhoto, Unsupported, left_over
from colorize_cli.metadata import irb
from colorize_cli.notes import Loss, Note

PILLOW = {
    PhotoFormat.webp: "WEBP",
    PhotoFormat.jp2: "JPEG2000",
    PhotoFormat.avif: "AVIF",
    PhotoFormat.gif: "GIF",
}


def decode_other(data: bytes, format: PhotoFormat, limits: DecodeLimits, salvage: bool) -> RawPhoto:
    """Decode a file of one of the formats that have no decoder of their own here.

    Raises:
        Damaged: it cannot be read.
    """
    try:
        if format is PhotoFormat.heic:
            return decode_heif(data)
        if format is PhotoFormat.webp and webp_file.declared_end(data) > len(data):
            raise Damaged("truncated WEBP: its end is missing")
        if format is PhotoFormat.psd:
            return decode_psd(data, salvage)
        if format is PhotoFormat.jxl:
            return decode_jxl(data)
        if format is PhotoFormat.bmp:
            return decode_bmp(data, limits, salvage)
        if format is PhotoFormat.jp2:
            return _decode_jp2(data, salvage)
        if format is PhotoFormat.gif:
            return _decode_gif(data, salvage)
        return _by_pillow(data, format)
    except (Damaged, MemoryError):
        raise
    except Exception as error:  # every codec has its own errors, all of which mean the same here
        raise Damaged(f"damaged {format.upper()}: {reason(error)}") from None


def _by_pillow(data: bytes, format: PhotoFormat) -> RawPhoto:
    pages, picture = 1, data
    if format is PhotoFormat.gif:  # its first frame alone: for one outside the canvas Pillow lets that grow
        frames = gif_file.parse(data, most=2)
        picture, pages = gif_file.only(data, frames), len(frames.frames)
    with open_image(picture, PILLOW[format]) as image:
        pages = max(pages, getattr(image, "n_frames", 1) if format is not PhotoFormat.gif else 1)
        info = dict(image.info)
        image.load()
        pixels, alpha = split(image)
    notes: tuple[str, ...] = ()
    notes += (Note("animated: only the first picture was taken", Loss.frames),) if pages > 1 else ()
    about = around(data, format, info)
    notes += about.notes
    if format is PhotoFormat.webp:
        notes += tuple(left_over(data, webp_file.declared_end(data)))
    depth, lossless, quality = 8, True, None
    if format is PhotoFormat.avif:
        lossless, depth = False, _avif_depth(data)
        if depth > 8:
            pixels, alpha = _deep(imagecodecs.avif_decode(data, index=0), depth, pixels)
    if format is PhotoFormat.webp and not (lossless := webp_file.is_lossless(data)):
        quality = webp_file.quality(data)
    page = RawPage(
        pixels=pixels,
        space="grey" if pixels.ndim == 2 else "rgb",
        alpha=alpha,
        icc=about.icc,
        orientation=about.orientation,
        metadata=PageMetadata(
            resolution=_resolution(info, about.metadata.exif), depth=depth, lossless=lossless, quality=quality
        ),
    )
    return RawPhoto((page,), about.metadata, notes)


def _decode_gif(data: bytes, salvage: bool) -> RawPhoto:
    wrong = gif_lzw.fault(data)
    if not wrong:
        return _by_pillow(data, PhotoFormat.gif)
    if not salvage:
        raise Damaged(f"damaged GIF: {wrong}", salvageable=True)
    photo = _by_pillow(gif_lzw.filled_up(data), PhotoFormat.gif)
    return replace(photo, notes=(*photo.notes, Note(f"salvaged: {wrong}", Loss.salvage)))


def _decode_jp2(data: bytes, salvage: bool) -> RawPhoto:
    size = jp2_file.size_of(data)
    if size is None:
        raise Damaged("damaged JPEG 2000: it has no picture header")
    notes: tuple[str, ...] = ()
    if not jp2_file.is_complete(data):
        if not salvage:
            raise Damaged("truncated JPEG 2000: its end is missing", salvageable=True)
        notes = (Note("salvaged: the end of the file is missing, the picture may be blurred or cut", Loss.salvage),)
    if size.components > 4:
        raise Unsupported(f"unsupported JPEG 2000: {size.components} components per pixel")
    profile = jp2_file.icc_of(data)
    is_ink = size.components == 4 and (jp2_file.is_cmyk(data) or space_of(profile) == "cmyk")
    if is_ink:
        inks = np.asarray(imagecodecs.jpeg2k_decode(data))
        pixels, alpha = (_stretched(inks, size.depth) if size.depth > 8 else inks), None
    elif size.depth > 8:
        pixels, alpha = _deep(imagecodecs.jpeg2k_decode(data), size.depth, None)
    else:
        with open_image(data, "JPEG2000") as image:
            image.load()
            pixels, alpha = split(image)
        if size.depth < 8:  # Pillow only shifts them up
            pixels = _few_bits(pixels, size.depth)
            alpha = None if alpha is None else _few_bits(alpha, size.depth)
    block, packet = jp2_file.exif_of(data), jp2_file.uuid_of(data, jp2_file.XMP_UUID)
    resources, (boxes, left) = jp2_file.resources_of(data), jp2_file.kept_boxes(data)
    if left:
        names = ", ".join(sorted({kind.decode("latin-1").strip() for kind in left}))
        notes += (Note(f"JPEG 2000 boxes that tell of several pictures were left out ({names})", Loss.structure),)
    if resources and irb.has_thumbnail(resources):
        notes += (exif.THUMBNAIL_LEFT_OUT,)
    resources = irb.without_thumbnail(resources) or None if resources else None
    page = RawPage(
        pixels=pixels,
        space="cmyk" if is_ink else "grey" if pixels.ndim == 2 else "rgb",
        alpha=alpha,
        icc=profile,
        orientation=exif.orientation(block, packet),
        metadata=PageMetadata(
            resolution=jp2_file.resolution_of(data) or exif.resolution(block),
            lossless=jp2_file.is_reversible(data),
            depth=size.depth,
        ),
    )
    return RawPhoto((page,), Metadata(exif=block, xmp=packet, iptc=resources, boxes=boxes), notes)


def _few_bits(pixels: AnyPixels, depth: int) -> AnyPixels:
    return np.asarray(((pixels >> (8 - depth)).astype(np.uint16) * 255 // (2**depth - 1)).astype(np.uint8))


def _stretched(array: AnyPixels, depth: int) -> AnyPixels:
    if array.dtype not in (np.uint16, np.int16) or depth > 16:
        raise Unsupported(f"unsupported: {depth}-bit samples")
    if array.dtype == np.int16:
        array = (array.astype(np.int32) + 2 ** (depth - 1)).astype(np.uint16)
    return np.asarray((array.astype(np.uint32) * 65535 // (2**depth - 1)).clip(0, 65535).astype(np.uint16))


def _deep(array: AnyPixels, depth: int, shallow: AnyPixels | None) -> tuple[AnyPixels, AnyPixels | None]:
    """Stretch 9 to 16 bits to 16; a grey picture that the codec gave as RGB becomes grey again."""
    full = _stretched(array, depth)
    alpha = None
    if full.ndim == 3 and full.shape[2] in (2, 4):
        alpha, full = np.ascontiguousarray(full[..., -1]), full[..., :-1]
    if full.ndim == 3 and (full.shape[2] == 1 or shallow is not None and shallow.ndim == 2):
        full = full[..., 0]
    return np.ascontiguousarray(full), alpha


def split(image: Image.Image) -> tuple[AnyPixels, AnyPixels | None]:
    """A loaded picture as grey or RGB, and alpha."""
    if image.mode.startswith("I"):
        array = np.asarray(image)
        return np.ascontiguousarray(np.clip(array, 0, 65535).astype(np.uint16)), None
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "LA", "RGB", "RGBA"):
        transparent = "transparency" in image.info or image.mode in ("PA", "RGBa", "La")
        image = image.convert("RGBA" if transparent else "RGB")
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] in (2, 4):
        colour = array[..., 0] if array.shape[2] == 2 else array[..., :3]
        return np.ascontiguousarray(colour), np.ascontiguousarray(array[..., -1])
    return np.ascontiguousarray(array), None


def _avif_depth(data: bytes) -> int:
    at = data.find(b"av1C")
    if at < 0 or at + 7 > len(data):
        return 8
    flags = data[at + 6]
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


def _resolution(info: dict[Any, Any], block: bytes | None) -> Resolution | None:
    dpi = info.get("dpi")
    if isinstance(dpi, tuple) and len(dpi) == 2 and dpi[0] > 0 and dpi[1] > 0:
        return Resolution(float(dpi[0]), float(dpi[1]), "inch")
    return exif.resolution(block)
