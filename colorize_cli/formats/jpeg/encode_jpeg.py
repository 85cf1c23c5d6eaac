"""Compress near the source's quality, and gather the segments that stand around it.

In:  RGB pixels, (H, W, 3), uint8 or uint16, or luma and chroma as JPEG holds them; the photo that they belong to
Out: the bytes of a JPEG without metadata; segments, and notes on what they could not hold
"""

from __future__ import annotations

import io
import struct

import cv2
import imagecodecs
import numpy as np
import simplejpeg
from PIL import Image

from colorize_cli.formats.around import profile_of
from colorize_cli.formats.carry import carried_exif, comments_of
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.jpeg.jpeg_file import APP0, COM, MAX_PAYLOAD
from colorize_cli.formats.jpeg.xmp_segments import noted
from colorize_cli.formats.photo import AnyPixels, JpegTraits, LumaPlanes, Page, Photo
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.metadata.resolution import Resolution
from colorize_cli.notes import Loss, Note

DEFAULT_QUALITY = 92
_CV2_SAMPLINGS = {
    "411": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "440": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}
_PILLOW_SAMPLINGS = {"444": 0, "422": 1, "420": 2}


def code_pixels(rgb: AnyPixels, traits: JpegTraits | None, quality: int | None) -> bytes:
    """Compress 8-bit RGB without any metadata.

    Args:
        rgb: (H, W, 3), uint8.
        traits: how the source was compressed; its quantization tables are used again where `quality` is None.
        quality: 1 to 100, by the scale of the Independent JPEG Group.
    """
    sampling = (traits.sampling if traits else None) or "420"
    progressive = bool(traits and traits.progressive)
    if traits is not None and quality is None and not traits.exact:
        return _by_tables(Image.fromarray(rgb), traits, sampling)
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


def _by_tables(picture: Image.Image, traits: JpegTraits, sampling: str) -> bytes:
    """Compress with the source's own quantization tables, which Pillow alone takes."""
    chroma = traits.tables[1] if len(traits.tables) > 1 else jpeg_file.scaled(jpeg_file.CHROMA, traits.quality)
    out = io.BytesIO()
    picture.save(
        out,
        "JPEG",
        qtables=[[min(v, 255) for v in traits.tables[0]], [min(v, 255) for v in chroma]],
        subsampling=_PILLOW_SAMPLINGS.get(sampling, 2),
        progressive=traits.progressive,
    )
    return out.getvalue()


def halves_chroma(traits: JpegTraits) -> bool:
    """Whether the successor of a JPEG has chroma of half its size, on both axes."""
    return traits.sampling in (None, "420")


def code_luma(planes: LumaPlanes, traits: JpegTraits | None, quality: int | None) -> bytes:
    """`code_pixels` for luma and chroma of half its size: neither is converted or reduced once more."""
    own_tables = traits is not None and quality is None and not traits.exact
    wanted = quality or (traits.quality if traits else DEFAULT_QUALITY)
    if not own_tables and not (traits and traits.progressive):
        return _planar(planes, wanted)
    # Pillow takes chroma of full size alone; each sample four times, it is reduced to what it was.
    wide = (np.repeat(np.repeat(plane, 2, 0), 2, 1) for plane in (planes.cb, planes.cr))
    picture = Image.merge("YCbCr", [Image.fromarray(plane) for plane in (planes.y, *wide)]).crop((0, 0, *planes.size))
    if own_tables and traits is not None:
        return _by_tables(picture, traits, "420")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=wanted, subsampling=_PILLOW_SAMPLINGS["420"], progressive=True)
    return out.getvalue()


def _planar(planes: LumaPlanes, quality: int) -> bytes:
    """Compress planes as they are; the size that is shown, which may be odd, is written into the header."""
    coded = bytearray(simplejpeg.encode_jpeg_yuv_planes(planes.y, planes.cb, planes.cr, quality=quality))
    at = 2
    while coded[at + 1] != 0xC0:
        at += 2 + int.from_bytes(coded[at + 2 : at + 4])
    coded[at + 5 : at + 9] = struct.pack(">HH", planes.size[1], planes.size[0])
    return bytes(coded)


def segments_around(photo: Photo, page: Page, note: Provenance) -> tuple[list[tuple[int, bytes]], list[str]]:
    """All segments of a JPEG that are not about its coding, and notes on what it cannot hold."""
    metadata, notes = photo.metadata, list[str]()
    segments: list[tuple[int, bytes]] = [(APP0, _jfif(page.metadata.resolution))]
    block = carried_exif(photo, note)
    if block:
        segments += jpeg_file.exif_segments(block)
    segments += noted(metadata.xmp, metadata.xmp_extended, note)
    if metadata.iptc:
        segments += jpeg_file.photoshop_segments(metadata.iptc)
    segments += metadata.segments
    profile = profile_of(page)
    if profile:
        parts = jpeg_file.icc_segments(profile)
        segments += parts
        if not parts:
            notes.append(Note("its color profile was left out: it is larger than JPEG can hold", Loss.profile))
    texts = comments_of(metadata)
    if any(len(text) > MAX_PAYLOAD for text in texts):
        notes.append(Note("a text was cut: a comment in JPEG holds 65,533 bytes", Loss.metadata))
    segments += [(COM, text[:MAX_PAYLOAD]) for text in texts]
    return segments, notes


def _jfif(resolution: Resolution | None) -> bytes:
    if resolution is None:
        return b"JFIF\0\x01\x01\0" + struct.pack(">HH", 1, 1) + b"\0\0"
    if resolution.unit == "inch" and max(resolution.x, resolution.y) > 65535:  # a microscope's
        resolution = Resolution(resolution.x / 2.54, resolution.y / 2.54, "cm")
    x, y = (min(max(round(value), 1), 65535) for value in (resolution.x, resolution.y))
    return b"JFIF\0\x01\x01" + struct.pack(">BHH", {"none": 0, "inch": 1, "cm": 2}[resolution.unit], x, y) + b"\0\0"
