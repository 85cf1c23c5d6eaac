"""Read and write JPEG XL: 8 to 16 bits, grey or RGB, alpha, with EXIF and XMP.

In:  the bytes of a JPEG XL; or RGB pixels and what stands around them
Out: `DecodedPhoto`; or the bytes of a JPEG XL

The codec is libjxl, by imagecodecs, which neither gives nor takes color profiles: those are read by `jxl_icc`.
"""

from __future__ import annotations

import contextlib
import struct

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.spaces import SRGB
from colorize_cli.color.tables import linear_tables
from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto, Unsupported
from colorize_cli.formats.jxl import jxl_file, jxl_header, jxl_icc
from colorize_cli.formats.jxl.jxl_color import color_of, profile_of
from colorize_cli.formats.photo import AnyPixels, Metadata, PageMetadata
from colorize_cli.metadata import exif
from colorize_cli.metadata.resolution import Resolution
from colorize_cli.notes import Loss, Note

_MOST_METADATA = (1 << 20, 16 << 20)  # bytes that a compressed box may unpack to: tried one after the other
_APPLIED = Note("its color profile was applied: lossy JXL is decoded to sRGB", Loss.profile)
_MOST_NAMES = 20  # of boxes, in a note
_LOSSY_EFFORT, _LOSSLESS_EFFORT = 3, 2  # a tenth of the time of the usual 7, for files a tenth larger


def decode_jxl(data: bytes) -> DecodedPhoto:
    """Decode the first picture of a JPEG XL; libjxl turns it upright.

    Raises:
        Damaged: it is damaged or cut short.
    """
    try:
        header = jxl_header.header_of(data)
    except (jxl_file.JxlError, struct.error) as error:
        raise Damaged(f"damaged JXL: {error}") from None
    if not jxl_file.is_complete(data):
        raise Damaged("truncated JXL: its end is missing")
    notes = list[str]()
    profile, readable = _profile(data, header, notes)
    pixels = imagecodecs.jpegxl_decode(readable, index=0) if header.animated else imagecodecs.jpegxl_decode(readable)
    if pixels.shape[:2] != header.size[::-1]:
        raise Damaged("damaged JXL: the picture is not of the size that its header declares")
    if header.animated:
        notes.append(Note("animated: only the first picture was taken", Loss.frames))
    color, alpha = _split(_full(pixels, header, notes))
    block, packet = _metadata(data, notes)
    page = DecodedPage(
        pixels=color,
        space="grey" if color.ndim == 2 else "rgb",
        alpha=alpha,
        icc=profile,
        orientation=_left_to_undo(header.orientation, block, packet),
        undone=header.orientation,
        metadata=PageMetadata(
            resolution=_turned(exif.resolution(block), header.orientation), depth=header.bits, lossless=not header.lossy
        ),
    )
    return DecodedPhoto((page,), Metadata(exif=block, xmp=packet), tuple(notes))


def _profile(data: bytes, header: jxl_header.JxlHeader, notes: list[str]) -> tuple[bytes | None, bytes]:
    """The profile of what libjxl decodes, None for sRGB; and what it is given for that."""
    if header.color.is_srgb:
        return None, data
    if not header.color.icc:
        profile = profile_of(header.color)
        if profile is None and header.lossy and header.places.end and header.color.transfer not in jxl_header.HDR:
            notes.append(_APPLIED)
            return None, jxl_header.in_srgb(jxl_file.naked(data), (header.places.end + 7) // 8)
        if profile is None:
            said = f"its colors are in {header.color.name}, which is not read from JXL: they are taken as sRGB"
            notes.append(Note(said, Loss.profile))
        return profile, data
    coded = jxl_file.naked(data)
    try:
        profile, frames = jxl_icc.read_profile(coded, header.places.end)
    except jxl_file.JxlError as error:
        if header.lossy:
            raise Unsupported(
                f"unsupported JXL: its color profile cannot be read ({error}); convert it first"
            ) from None
        notes.append(Note("its color profile is damaged and was left out", Loss.profile))
        return None, data
    if header.lossy:  # stored in a space of its own; beside a profile libjxl would give linear light
        notes.append(_APPLIED)
        return None, jxl_header.in_srgb(coded, frames)
    if profile[16:20] != (b"GRAY" if header.grey else b"RGB "):
        notes.append(Note("its color profile is not of RGB and was left out", Loss.profile))
        return None, data
    return profile, data


def left_to_undo(data: bytes) -> int:
    """The orientation that libjxl does not undo: XMP's, where neither the codestream nor EXIF gives one."""
    return _left_to_undo(jxl_header.header_of(data).orientation, *_metadata(data, []))


def _left_to_undo(coded: int, block: bytes | None, packet: bytes | None) -> int:
    told = coded != 1 or block is not None and exif.gives_orientation(block)
    return 1 if told else exif.orientation(None, packet)


def _turned(found: Resolution | None, orientation: int) -> Resolution | None:
    return found.turned() if found and orientation >= 5 else found


def _full(pixels: AnyPixels, header: jxl_header.JxlHeader, notes: list[str]) -> AnyPixels:
    """Samples stretched to 8 or 16 bits."""
    if pixels.dtype.kind == "f":
        notes.append(Note("floating-point samples became 16 bits, 0 as black and 1 as white", Loss.depth))
        return np.asarray(np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * 65535).astype(np.uint16))
    bits = min(header.bits, 8 * pixels.itemsize)
    if bits in (8, 16):
        return pixels
    top, kind = (255, np.uint8) if bits < 8 else (65535, np.uint16)
    return np.asarray((pixels.astype(np.uint32) * top // (2**bits - 1)).clip(0, top).astype(kind))


def _split(pixels: AnyPixels) -> tuple[AnyPixels, AnyPixels | None]:
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels), None
    count = pixels.shape[2]
    if count in (2, 4):
        color = pixels[..., 0] if count == 2 else pixels[..., :3]
        return np.ascontiguousarray(color), np.ascontiguousarray(pixels[..., -1])
    return np.ascontiguousarray(pixels[..., 0] if count == 1 else pixels[..., :3]), None


def _metadata(data: bytes, notes: list[str]) -> tuple[bytes | None, bytes | None]:
    """EXIF from its TIFF header on, and the XMP packet; what else there is has no place in a result and is told."""
    block = packet = None
    if not data.startswith(jxl_file.SIGNATURE):
        return None, None
    others, seen = list[bytes](), set[bytes]()
    for kind, payload in jxl_file.boxes(data):
        is_packed = kind == b"brob"
        kind, payload = (payload[:4], payload[4:]) if is_packed else (kind, payload)
        if kind in (b"Exif", b"xml ") and kind not in seen:  # of a thousand compressed ones the first is unpacked
            seen.add(kind)
            payload = _unpacked(payload, notes) if is_packed else payload
            if kind == b"xml ":
                packet = payload or None
            elif len(payload) > 12:
                block = payload[4 + int.from_bytes(payload[:4], "big") :] or None
        elif kind == b"jhgm":
            notes.append(Note("its gain map was left out", Loss.gain_map))
        elif kind not in jxl_file.CODING:
            others.append(kind)
    if others:
        names = ", ".join(sorted({kind.decode("latin-1").strip() for kind in others[:_MOST_NAMES]}))
        notes.append(Note(f"JPEG XL boxes ({names}) were left out", Loss.metadata))
    return block, packet


def _unpacked(coded: bytes, notes: list[str]) -> bytes:
    found = unpacked(coded)
    if found is None:
        notes.append(Note("a metadata block is damaged or too large, and was left out", Loss.metadata))
    return found or b""


def unpacked(coded: bytes) -> bytes | None:
    """What a compressed box holds; None where it is damaged or too large."""
    for most in _MOST_METADATA:
        with contextlib.suppress(RuntimeError, ValueError):
            return bytes(imagecodecs.brotli_decode(coded, out=most))
    return None


def holds(profile: bytes, quality: int | None, lossless: bool) -> bool:
    """Whether a profile is kept: without loss, where pixels stay as they are."""
    return (quality == 100 or quality is None and lossless) and jxl_icc.can_hold(profile)


def encode_jxl(
    pixels: AnyPixels,
    quality: int | None,
    lossless: bool,
    exif_block: bytes | None,
    xmp: bytes | None,
    profile: bytes | None = None,
) -> bytes:
    """Encode RGB or RGBA in sRGB, or in the color space of a profile: by its name where JPEG XL has one.

    Args:
        pixels: (H, W, 3) or (H, W, 4), uint8 or uint16.
        quality: 1 to 100; 100 is lossless; None: lossless, or the usual distance of 1.
        lossless: what None means.
        exif_block: from its TIFF header on.
        xmp: the packet.
        profile: of the pixels, as `holds` allows it; None for sRGB.
    """
    named = color_of(profile) if profile else jxl_header.JxlColor()
    color = jxl_icc.packed(profile) if profile and named is None else named or jxl_header.JxlColor()
    array, bits = np.ascontiguousarray(pixels), 8 * pixels.itemsize
    if quality == 100 or quality is None and lossless:
        coded = imagecodecs.jpegxl_encode(array, lossless=True, effort=_LOSSLESS_EFFORT, usecontainer=False)
    else:
        distance = 1.0 if quality is None else _distance(quality)
        given = _linear(array) if bits == 16 else array  # imagecodecs takes deep samples for linear light
        coded = imagecodecs.jpegxl_encode(given, distance=distance, effort=_LOSSY_EFFORT, usecontainer=False)
    stream = jxl_header.relabeled(jxl_file.naked(bytes(coded)), bits, color)
    return jxl_file.container(stream, exif_block, xmp, deep=bits == 16)


def _linear(pixels: AnyPixels) -> NDArray[np.float32]:
    """Light from 16-bit sRGB; alpha stays."""
    out = np.take(linear_tables(SRGB, 65535)[0], pixels)
    if pixels.shape[2] == 4:
        out[..., 3] = pixels[..., 3] / np.float32(65535)
    return out


def _distance(quality: int) -> float:
    """Butteraugli distance of a quality, as libjxl has it."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality * quality - 23 / 20 * quality + 25
