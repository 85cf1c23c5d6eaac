"""Encode WebP, AVIF, JPEG 2000, BMP, PPM and HEIC.

In:  RGB pixels, (H, W, 3), uint8 or uint16; the photo that they belong to
Out: the bytes of a file, and notes on what its format has no place for
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from colorize_cli.photos import jp2_file, profiles
from colorize_cli.photos.carry import carried_exif
from colorize_cli.photos.encode_jpeg import eight_bits
from colorize_cli.photos.photo import AnyPixels, Page, Photo, PhotoFormat
from colorize_cli.photos.provenance import Provenance, merge

DEFAULT_QUALITY = {PhotoFormat.webp: 92, PhotoFormat.avif: 85, PhotoFormat.heic: 90}


def encode_other(
    photo: Photo, page: Page, rgb: AnyPixels, format: PhotoFormat, quality: int | None, note: Provenance
) -> tuple[bytes, list[str]]:
    """Encode one page in one of the formats that have no encoder of their own here."""
    notes: list[str] = []
    packet = merge(photo.metadata.xmp, note)
    if format is PhotoFormat.ppm:
        return _ppm(rgb, packet), notes
    if rgb.dtype != np.uint8:
        notes.append(f"16 bits became 8, since {format.upper()} holds no more here")
    rgb = eight_bits(rgb)
    array = rgb if page.alpha is None else np.dstack((rgb, eight_bits(page.alpha)))
    image = Image.fromarray(np.ascontiguousarray(array))
    out = io.BytesIO()
    if format is PhotoFormat.bmp:
        dpi = page.metadata.resolution.per_inch() if page.metadata.resolution else (0, 0)
        image.convert("RGB").save(out, "BMP", dpi=dpi)
        return out.getvalue() + packet, notes  # BMP has no place for it; a packet can be found by scanning
    profile = page.icc or (profiles.srgb_profile() if page.metadata.tag_srgb else None)
    around: dict[str, Any] = {"xmp": packet, "icc_profile": profile}
    block = carried_exif(photo, note)
    if block:
        around["exif"] = b"Exif\0\0" + block if format is PhotoFormat.webp else block
    if photo.metadata.iptc:
        notes.append(f"IPTC was left out: {format.upper()} has no place for it")
    if format is PhotoFormat.jp2:
        image.save(out, "JPEG2000", irreversible=False)
        return jp2_file.with_metadata(out.getvalue(), packet, block, profile, page.metadata.resolution), notes
    options: dict[str, Any] = {"quality": quality or DEFAULT_QUALITY[format]}
    if format is PhotoFormat.webp:
        options = {"lossless": page.metadata.lossless and quality is None, "exact": True, **options, "method": 4}
    image.save(out, {"heic": "HEIF"}.get(format, format.upper()), **options, **{k: v for k, v in around.items() if v})
    return out.getvalue(), notes


def _ppm(rgb: AnyPixels, packet: bytes) -> bytes:
    """A PPM whose comments hold the packet."""
    top = np.iinfo(rgb.dtype).max
    comments = b"".join(b"# " + line + b"\n" for line in packet.splitlines())
    size = f"{rgb.shape[1]} {rgb.shape[0]}\n{top}\n".encode()
    return b"P6\n" + comments + size + rgb.astype(rgb.dtype.newbyteorder(">"), copy=False).tobytes()
