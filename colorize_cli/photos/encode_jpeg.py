"""Encode JPEG near the source's quality, with the source's segments around it.

In:  RGB pixels, (H, W, 3), uint8 or uint16; the photo that they belong to
Out: the bytes of a JPEG, and notes on what it could not hold
"""

from __future__ import annotations

import io
import struct

import cv2
import imagecodecs
import numpy as np
from PIL import Image

from colorize_cli.photos import jpeg_file, profiles
from colorize_cli.photos.carry import carried_exif, comments_of
from colorize_cli.photos.jpeg_file import APP0, APP1, COM, MAX_PAYLOAD
from colorize_cli.photos.photo import AnyPixels, JpegTraits, Page, Photo, Resolution
from colorize_cli.photos.provenance import Provenance, merge, only_note, without_padding

DEFAULT_QUALITY = 92
_CV2_SAMPLINGS = {
    "411": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "440": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}
_PILLOW_SAMPLINGS = {"444": 0, "422": 1, "420": 2}


def eight_bits(pixels: AnyPixels) -> AnyPixels:
    """16 bits rounded to 8; 8 bits as they are."""
    if pixels.dtype == np.uint8:
        return pixels
    out = np.empty(pixels.shape, np.uint8)
    for row in range(0, len(pixels), 256):
        out[row : row + 256] = (pixels[row : row + 256].astype(np.uint32) + 128) // 257
    return out


def code_pixels(rgb: AnyPixels, traits: JpegTraits | None, quality: int | None) -> bytes:
    """Compress 8-bit RGB without any metadata.

    Args:
        rgb: (H, W, 3), uint8.
        traits: how the source was compressed; its quantisation tables are used again where `quality` is None.
        quality: 1 to 100, by the scale of the Independent JPEG Group.
    """
    sampling = (traits.sampling if traits else None) or "420"
    progressive = bool(traits and traits.progressive)
    if traits is not None and quality is None and not traits.exact:
        chroma = traits.tables[1] if len(traits.tables) > 1 else jpeg_file.scaled(jpeg_file.CHROMA, traits.quality)
        out = io.BytesIO()
        Image.fromarray(rgb).save(
            out,
            "JPEG",
            qtables=[[min(v, 255) for v in traits.tables[0]], [min(v, 255) for v in chroma]],
            subsampling=_PILLOW_SAMPLINGS.get(sampling, 2),
            progressive=progressive,
        )
        return out.getvalue()
    if quality is None:
        quality = traits.quality if traits else DEFAULT_QUALITY
    if not progressive:
        # Half of Pillow's time, which copies to four bytes a pixel first; the same bytes as OpenCV's, which wants BGR.
        return bytes(imagecodecs.jpeg8_encode(rgb, level=quality, subsampling=sampling))
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _CV2_SAMPLINGS[sampling]]
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    done, coded = cv2.imencode(".jpg", bgr, [*options, cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    if not done:
        raise ValueError("the JPEG encoder failed")
    return coded.tobytes()


def encode_jpeg(
    photo: Photo, page: Page, rgb: AnyPixels, quality: int | None, note: Provenance
) -> tuple[bytes, list[str]]:
    """Encode one page as a JPEG file."""
    notes = list[str]()
    if rgb.dtype != np.uint8:
        notes.append("16 bits became 8, since JPEG holds no more")
    coded = code_pixels(eight_bits(rgb), page.metadata.jpeg, quality)
    segments, left_out = segments_around(photo, page, note)
    return jpeg_file.assemble(coded, segments), notes + left_out


def segments_around(photo: Photo, page: Page, note: Provenance) -> tuple[list[tuple[int, bytes]], list[str]]:
    """All segments of a JPEG that are not about its coding, and notes on what it cannot hold."""
    metadata, notes = photo.metadata, list[str]()
    segments: list[tuple[int, bytes]] = [(APP0, _jfif(page.metadata.resolution))]
    block = carried_exif(photo, note)
    if block:
        if len(block) + len(jpeg_file.EXIF) <= MAX_PAYLOAD:
            segments.append((APP1, jpeg_file.EXIF + block))
        else:
            notes.append("EXIF was left out: it is larger than JPEG can hold")
    packet = merge(metadata.xmp, note)
    if len(packet) > MAX_PAYLOAD - len(jpeg_file.XMP):
        packet = without_padding(packet)
    segments += jpeg_file.xmp_segments(packet, metadata.xmp, only_note(note), metadata.xmp_extended)
    if metadata.iptc:
        segments += jpeg_file.photoshop_segments(metadata.iptc)
    segments += metadata.segments
    profile = page.icc or (profiles.srgb_profile() if page.metadata.tag_srgb else None)
    if profile:
        parts = jpeg_file.icc_segments(profile)
        segments += parts
        if not parts:
            notes.append("its colour profile was left out: it is larger than JPEG can hold")
    segments += [(COM, text[:MAX_PAYLOAD]) for text in comments_of(metadata)]
    return segments, notes


def _jfif(resolution: Resolution | None) -> bytes:
    if resolution is None:
        return b"JFIF\0\x01\x01\0" + struct.pack(">HH", 1, 1) + b"\0\0"
    x, y = (min(max(round(value), 1), 65535) for value in (resolution.x, resolution.y))
    return b"JFIF\0\x01\x01" + struct.pack(">BHH", {"none": 0, "inch": 1, "cm": 2}[resolution.unit], x, y) + b"\0\0"
