"""Encode WebP, AVIF, JPEG XL, JPEG 2000, BMP, PPM and HEIC.

In:  RGB pixels, (H, W, 3), uint8 or uint16; the photo that they belong to
Out: the bytes of a file, and notes on what its format has no place for
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import imagecodecs
import numpy as np
from PIL import Image

from colorize_cli.color.icc import srgb_profile
from colorize_cli.color.icc_convert import rgb_to_srgb
from colorize_cli.formats.bmp import bmp_file
from colorize_cli.formats.carry import carried_exif
from colorize_cli.formats.heif.heif import Coloured, encode_heif
from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.formats.jpeg.encode_jpeg import eight_bits
from colorize_cli.formats.jxl.jxl import encode_jxl, holds
from colorize_cli.formats.photo import AnyPixels, Page, Photo, PhotoFormat
from colorize_cli.metadata.provenance import Provenance, merge
from colorize_cli.notes import Loss, Note

DEFAULT_QUALITY = {PhotoFormat.webp: 92, PhotoFormat.avif: 85, PhotoFormat.heic: 90}


@dataclass(frozen=True)
class _Around:
    """What stands around the pixels, in the forms that these formats share."""

    xmp: bytes
    exif: bytes | None
    icc: bytes | None
    resources: bytes | None
    boxes: tuple[bytes, ...]


def encode_other(
    photo: Photo, page: Page, rgb: AnyPixels, format: PhotoFormat, quality: int | None, note: Provenance
) -> tuple[bytes, list[str]]:
    """Encode one page in one of the formats that have no encoder of their own here."""
    notes: list[str] = []
    packet = merge(photo.metadata.xmp, note)
    if format is PhotoFormat.ppm:
        return _ppm(rgb, packet, photo.metadata.comments), notes
    keeps = (
        format in (PhotoFormat.jp2, PhotoFormat.jxl)
        or format in (PhotoFormat.avif, PhotoFormat.heic)
        and page.metadata.depth > 8
    )
    if rgb.dtype != np.uint8 and not keeps:
        notes.append(Note(f"16 bits became 8, since {format.upper()} holds no more", Loss.depth))
        rgb = eight_bits(rgb)
    array = rgb
    if page.alpha is not None and format is not PhotoFormat.bmp:
        array = np.dstack((rgb, page.alpha if page.alpha.dtype == rgb.dtype else eight_bits(page.alpha)))
    if format is PhotoFormat.bmp:
        return _bmp(page, array, packet), notes
    profile = page.icc or (srgb_profile() if page.metadata.tag_srgb else None)
    around = _Around(packet, carried_exif(photo, note), profile, photo.metadata.iptc, photo.metadata.boxes)
    if format is PhotoFormat.jxl:
        return _jxl(page, array, quality, around, notes), notes
    if format is PhotoFormat.jp2:
        return _jp2(photo, page, array, quality, around), notes
    if format is PhotoFormat.webp:
        return _webp(page, array, quality, around), notes
    quality = quality or DEFAULT_QUALITY[format]
    if format is PhotoFormat.heic:
        return encode_heif([Coloured(array, around.exif, around.xmp, around.icc)], quality), notes
    return _avif(page, array, quality, around, notes), notes


def encode_heics(
    photos: Sequence[Photo], rgb: Sequence[AnyPixels], quality: int | None, note: Provenance
) -> tuple[bytes, list[str]]:
    """Encode several pictures in one HEIC file, each a photo of its own with its own metadata."""
    pictures, notes = list[Coloured](), list[str]()
    for photo, pixels in zip(photos, rgb, strict=True):
        page = photo.pages[0]
        if pixels.dtype != np.uint8 and page.metadata.depth <= 8:
            pixels = eight_bits(pixels)
        if page.alpha is not None:
            pixels = np.dstack((pixels, page.alpha if page.alpha.dtype == pixels.dtype else eight_bits(page.alpha)))
        profile = page.icc or (srgb_profile() if page.metadata.tag_srgb else None)
        packet = merge(photo.metadata.xmp, note)
        pictures.append(Coloured(pixels, carried_exif(photo, note), packet, profile))
    return encode_heif(pictures, quality or DEFAULT_QUALITY[PhotoFormat.heic]), notes


def _ppm(rgb: AnyPixels, packet: bytes, comments: tuple[bytes, ...]) -> bytes:
    """A PPM whose comments hold the source's comments and the packet."""
    kept = [line for line in comments if not line.startswith(b"<") and b"colorize:" not in line and b"rdf:" not in line]
    lines = b"".join(b"# " + line + b"\n" for line in (*kept, *packet.splitlines()))
    size = f"{rgb.shape[1]} {rgb.shape[0]}\n{np.iinfo(rgb.dtype).max}\n".encode()
    return b"P6\n" + lines + size + rgb.astype(rgb.dtype.newbyteorder(">"), copy=False).tobytes()


def _bmp(page: Page, rgb: AnyPixels, packet: bytes) -> bytes:
    out = io.BytesIO()
    if page.icc:
        return bmp_file.with_profile(rgb, page.icc, page.metadata.resolution) + packet
    x, y = page.metadata.resolution.per_metre() if page.metadata.resolution else (0, 0)
    Image.fromarray(rgb).save(out, "BMP", dpi=(x * 0.0254, y * 0.0254))
    return out.getvalue() + packet  # BMP has no place for XMP; readers of XMP find a packet by scanning


def _webp(page: Page, array: AnyPixels, quality: int | None, around: _Around) -> bytes:
    out = io.BytesIO()
    lossless = quality is None and page.metadata.lossless
    quality = quality or page.metadata.quality or DEFAULT_QUALITY[PhotoFormat.webp]
    extra: dict[str, Any] = {"exif": b"Exif\0\0" + around.exif} if around.exif else {}
    Image.fromarray(np.ascontiguousarray(array)).save(
        out,
        "WEBP",
        lossless=lossless,
        quality=60 if lossless else quality,  # for lossless it is the effort
        exact=True,
        xmp=around.xmp,
        icc_profile=around.icc,
        **extra,
    )
    return out.getvalue()


def _jxl(page: Page, array: AnyPixels, quality: int | None, around: _Around, notes: list[str]) -> bytes:
    own = page.metadata.lossless
    if page.icc and holds(page.icc, quality, own):
        return encode_jxl(array, quality, own, around.exif, around.xmp, page.icc)
    if page.icc:
        color = rgb_to_srgb(array[..., :3], page.icc)
        if color is None:
            notes.append(Note("its color profile could not be applied and was left out", Loss.profile))
        else:
            notes.append(Note("its color profile was applied: JXL is written in sRGB", Loss.profile))
            array = color if array.shape[2] == 3 else np.dstack((color, array[..., 3]))
    return encode_jxl(array, quality, own, around.exif, around.xmp)


def _avif(page: Page, array: AnyPixels, quality: int, around: _Around, notes: list[str]) -> bytes:
    if hasattr(cv2, "imencodeWithMetadata"):  # OpenCV 4.12; Pillow writes EXIF anew, which moves maker notes
        return _avif_by_opencv(array, quality, page.metadata.depth, around)
    if array.dtype == np.uint16:
        notes.append(Note("16 bits became 8, since this AVIF encoder holds no more", Loss.depth))
        array = eight_bits(array)
    out = io.BytesIO()
    extra: dict[str, Any] = {"exif": around.exif} if around.exif else {}
    Image.fromarray(np.ascontiguousarray(array)).save(
        out, "AVIF", quality=quality, xmp=around.xmp, icc_profile=around.icc or b"", **extra
    )
    return out.getvalue()


def _avif_by_opencv(array: AnyPixels, quality: int, source_depth: int, around: _Around) -> bytes:
    depth = 8 if array.dtype == np.uint8 else 12 if source_depth > 10 else 10
    code = cv2.COLOR_RGBA2BGRA if array.shape[2] == 4 else cv2.COLOR_RGB2BGR
    pixels = cv2.cvtColor(np.ascontiguousarray(array if depth == 8 else array >> (16 - depth)), code)
    kinds = {
        cv2.IMAGE_METADATA_XMP: around.xmp,
        cv2.IMAGE_METADATA_EXIF: around.exif,
        cv2.IMAGE_METADATA_ICCP: around.icc,
    }
    given = {kind: np.frombuffer(data, np.uint8) for kind, data in kinds.items() if data}
    options = [cv2.IMWRITE_AVIF_QUALITY, quality, cv2.IMWRITE_AVIF_DEPTH, depth, cv2.IMWRITE_AVIF_SPEED, 8]
    done, coded = cv2.imencodeWithMetadata(".avif", pixels, list(given), list(given.values()), options)
    if not done:
        raise ValueError("the AVIF encoder failed")
    return bytes(coded.tobytes())


def _jp2(photo: Photo, page: Page, array: AnyPixels, quality: int | None, around: _Around) -> bytes:
    """Without loss where the source was; else as many bits a grey pixel as it had, and a quarter more for colour."""
    own = page.metadata
    if array.dtype == np.uint16:
        coded = bytes(imagecodecs.jpeg2k_encode(np.ascontiguousarray(array), reversible=True, codecformat="jp2"))
    else:
        out, options = io.BytesIO(), dict[str, Any]()
        if quality is not None and quality < 100:
            options = {"irreversible": True, "quality_mode": "dB", "quality_layers": [25 + quality / 4]}
        elif quality is None and not own.lossless and photo.format is PhotoFormat.jp2 and photo.metadata.file.size:
            ratio = page.pixels.size / photo.metadata.file.size
            ratio *= array.size / page.pixels.size / (1.25 if page.pixels.ndim == 2 else 1.0)
            options = {"irreversible": True, "quality_mode": "rates", "quality_layers": [max(ratio, 1.0)]}
        Image.fromarray(np.ascontiguousarray(array)).save(out, "JPEG2000", **options)
        coded = out.getvalue()
    return jp2_file.with_metadata(
        coded, around.xmp, around.exif, around.icc, own.resolution, around.resources, around.boxes
    )
